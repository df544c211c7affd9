"""The interpreter that `meshctl up` makes ready while it reads a graph."""

from __future__ import annotations

import os
import select
import signal
from pathlib import Path

import psutil
import pytest
from running import until

from rtmesh.cli.warm import MARK, Warm

JOB = """
import os, sys

def main(arguments):
    os.write(int(arguments[-1]), repr(("numpy" in sys.modules, os.getppid(), arguments[:-1])).encode())
    return 4

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a package that runs as a program; it tells whether it came out of the nursery."""
    (tmp_path / "warm_job").mkdir()
    (tmp_path / "warm_job" / "__init__.py").touch()
    (tmp_path / "warm_job" / "__main__.py").write_text(JOB)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    return "warm_job"


def said_by(warm: Warm, job: str, log: Path) -> str:
    reads, writes = os.pipe()
    process = warm.start(job, ["--one"], log, writes)
    os.close(writes)
    try:
        assert select.select([reads], [], [], 20)[0], log.read_text()
        assert process.wait(20) == 4
        return os.read(reads, 1000).decode()
    finally:
        os.close(reads)


def test_what_it_starts_has_the_imports_and_is_my_child(job: str, tmp_path: Path) -> None:
    with Warm() as warm:
        assert said_by(warm, job, tmp_path / "log") == repr((True, os.getpid(), ["--one"]))


def test_without_its_nursery_it_starts_programs(job: str, tmp_path: Path) -> None:
    with Warm() as warm:
        (nursery,) = psutil.Process().children()
        nursery.send_signal(signal.SIGKILL)

        assert said_by(warm, job, tmp_path / "log") == repr((False, os.getpid(), ["--one"]))


def test_nothing_of_it_is_left_however_it_ends() -> None:
    with pytest.raises(ValueError), Warm() as warm:
        (nursery,) = psutil.Process().children()
        until(lambda: nursery.environ().get(MARK) == warm.mark, 20, "its mark")  # an exec takes its time
        raise ValueError

    assert not psutil.pid_exists(nursery.pid)  # not even a zombie
