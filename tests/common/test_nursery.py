"""A nursery: what it forks is a child of whoever asked, and a process as any other."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from select import select

import psutil
import pytest
from running import until

from rtmesh.common import nursery as nursery_module
from rtmesh.common.errors import UnavailableError
from rtmesh.common.nursery import Files, Job, Nursery, channel_pair, spawn_nursery
from rtmesh.common.siblings import ForkedChild

NURSERY = """
import random, sys, threading, time
from rtmesh.common.nursery import serve

def main(arguments):
    return serve(int(arguments[0]))

if __name__ == "__main__":
    if {threads}:
        threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
    sys.exit(main(sys.argv[1:]))
"""
JOBS = """
import os, random, sys, time

def main(arguments):
    return globals()[arguments[0]](*arguments[1:])

def tell(code):
    print(os.getpid(), os.getppid(), os.getsid(0), os.getcwd(), repr(sys.stdin.read()), sys.argv[1:])
    return int(code)

def draw():
    print(random.random())
    return 0

def stay():
    print("here", flush=True)
    time.sleep(60)

def fail():
    raise ValueError("this one")

def write(descriptor):
    os.write(int(descriptor), b"own")
    return 0
"""


class Rig:
    """A nursery, and the children that it forked."""

    def __init__(self, folder: Path, threads: bool = False) -> None:
        (folder / "test_nursery_of_jobs.py").write_text(NURSERY.replace("{threads}", str(threads)))
        (folder / "nursery_jobs.py").write_text(JOBS)
        self.log = folder / "log"
        self._folder = folder
        path = os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])
        environment = os.environ | {"PYTHONPATH": path, "PYTHONUNBUFFERED": "1"}
        self.process, self.nursery = spawn_nursery("test_nursery_of_jobs", environment)
        self.children: list[ForkedChild] = []
        assert select([self.nursery.fileno()], [], [], 20)[0]
        self.nursery.hear_ready()

    def fork(self, *arguments: str, module: str = "nursery_jobs", own: int | None = None) -> ForkedChild:
        with self.log.open("ab") as log:
            folder = os.open(self._folder, os.O_PATH)
            try:
                files = Files(log.fileno(), folder, own)
                child = ForkedChild(self.nursery.fork(Job(module, list(arguments)), files))
            finally:
                os.close(folder)
        self.children.append(child)
        return child

    def close(self) -> None:
        self.nursery.close()
        for process in (self.process, *self.children):
            process.kill()
            process.wait(10)


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = Rig(tmp_path)
    yield made
    made.close()


def test_what_it_forks_is_my_child_in_a_session_log_and_folder_of_its_own(rig: Rig, tmp_path: Path) -> None:
    child = rig.fork("tell", "3")

    assert child.wait(20) == 3
    told = f"{child.pid} {os.getpid()} {child.pid} {tmp_path} '' ['tell', '3']\n"
    assert rig.log.read_text() == told


def test_ps_shows_its_own_command_line(rig: Rig) -> None:
    child = rig.fork("stay")
    until(lambda: rig.log.read_text(), 20, "its word")

    line = [part for part in psutil.Process(child.pid).cmdline() if part]

    assert line == [sys.executable, "-P", "-m", "nursery_jobs", "stay"]


def test_how_it_ended_is_known(rig: Rig) -> None:
    killed, failed = rig.fork("stay"), rig.fork("fail")

    assert killed.poll() is None
    with pytest.raises(subprocess.TimeoutExpired):
        killed.wait(0)
    killed.kill()

    assert killed.wait(20) == -signal.SIGKILL
    assert failed.wait(20) == 1
    assert "ValueError: this one" in rig.log.read_text()


def test_two_of_them_draw_different_random_numbers(rig: Rig) -> None:
    assert [rig.fork("draw").wait(20), rig.fork("draw").wait(20)] == [0, 0]

    first, second = rig.log.read_text().split()
    assert first != second


def test_a_job_finds_the_descriptor_that_is_its_own(rig: Rig) -> None:
    reads, writes = os.pipe()
    child = rig.fork("write", own=writes)
    os.close(writes)

    assert child.wait(20) == 0
    assert os.read(reads, 10) == b"own"
    is_closed = bool(select([reads], [], [], 20)[0])
    os.close(reads)
    assert is_closed  # the nursery has not kept it either


def test_it_ends_with_the_last_who_could_ask_and_its_children_do_not(rig: Rig) -> None:
    child = rig.fork("stay")

    rig.nursery.close()

    assert rig.process.wait(20) == 0
    assert child.poll() is None
    with pytest.raises(UnavailableError):
        rig.fork("stay")


def test_one_that_nobody_asked_ends_without_a_word(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    ours, theirs = channel_pair()
    ours.close()
    with theirs:
        orphan = rig.fork(module="test_nursery_of_jobs", own=theirs.fileno())

    assert orphan.wait(20) == 0
    assert rig.log.read_text() == ""
    rig.close()


def test_a_killed_one_says_so_and_its_children_live(rig: Rig) -> None:
    child = rig.fork("stay")
    rig.process.kill()
    rig.process.wait(20)

    with pytest.raises(UnavailableError):
        rig.fork("stay")

    assert rig.nursery.fileno() == -1
    assert child.poll() is None


def test_one_that_does_not_answer_is_killed_and_has_begun_nothing(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nursery_module, "_ANSWER_S", 0.02)
    monkeypatch.setattr(nursery_module, "_LAST_ANSWER_S", 20.0)
    rig.process.send_signal(signal.SIGSTOP)

    with pytest.raises(UnavailableError):
        rig.fork("tell", "0")

    assert rig.process.wait(20) == -signal.SIGKILL
    assert rig.log.read_text() == ""


def test_one_with_several_threads_forks_nothing(tmp_path: Path) -> None:
    rig = Rig(tmp_path, threads=True)

    with pytest.raises(UnavailableError, match="threads"):
        rig.fork("stay")

    rig.close()


def test_a_nursery_that_was_forked_by_another_is_one_too(rig: Rig) -> None:
    ours, theirs = channel_pair()
    with theirs:
        second = rig.fork(module="test_nursery_of_jobs", own=theirs.fileno())
    inner = Nursery(ours, second)
    assert select([ours], [], [], 20)[0]
    inner.hear_ready()
    with rig.log.open("ab") as log:
        child = ForkedChild(inner.fork(Job("nursery_jobs", ["tell", "5"]), Files(log.fileno(), log.fileno())))
        # A log is no folder, so it ends; but as a child of ours.
        assert child.wait(20) == 1

    inner.close()

    assert second.wait(20) == 0
