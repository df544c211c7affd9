"""Two containers that share /dev/shm, machines of one name: neither takes what the other uses."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rtmesh.shm import list_segments

from .conftest import FakeScheduler, Machine
from .test_faults import endless, wait_for_hello

NAME = "twin"
PREFIX = f"rtmesh.{os.getuid()}.{NAME}."


class Contained(Machine):
    """A meshd that is process 1 of a namespace of its own."""

    def begin(self, *more: str) -> None:
        command = [sys.executable, "-m", "rtmesh.machine", *self._arguments, *more]
        unshare = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"]
        unshare += [] if os.getuid() == 0 else ["--map-current-user"]
        self.process = subprocess.Popen(
            [*unshare, *command], stderr=subprocess.PIPE, text=True, start_new_session=True
        )

    def end(self) -> int:
        if self.process.poll() is None:
            for process_id in self.children():
                os.kill(process_id, signal.SIGTERM)
            self.process.communicate(timeout=30)
        return self.process.returncode

    def processes(self) -> list[int]:
        """Every process of the namespace."""
        (meshd,) = self.children()
        namespace = Path(f"/proc/{meshd}/ns/pid").readlink()
        return [int(entry.name) for entry in Path("/proc").glob("[0-9]*") if _namespace(entry) == namespace]

    def kill(self) -> None:
        """End the container without ado."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate(timeout=30)


def _namespace(process: Path) -> Path | None:
    try:
        return (process / "ns" / "pid").readlink()
    except OSError:
        return None  # it is gone


@pytest.fixture
def other_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="mesh-") as folder:
        yield Path(folder)


@pytest.fixture
def other_scheduler(other_folder: Path) -> Iterator[FakeScheduler]:
    fake = FakeScheduler(f"unix:{other_folder}/scheduler.sock")
    yield fake
    fake.close()


@pytest.fixture
def contained(runtime_folder: Path, scheduler: FakeScheduler) -> Iterator[Contained]:
    made = Contained(runtime_folder, scheduler, name=NAME)
    yield made
    made.kill()


@pytest.fixture
def make_other(
    other_folder: Path, other_scheduler: FakeScheduler
) -> Iterator[Callable[[type[Machine]], Machine]]:
    """Starts a second meshd of the same name."""
    made: list[Machine] = []

    def make(kind: type[Machine]) -> Machine:
        made.append(kind(other_folder, other_scheduler, name=NAME))
        wait_for_hello(made[-1])
        return made[-1]

    yield make
    for machine in made:
        assert machine.end() == 0


def test_a_meshd_that_starts_takes_nothing_of_a_container_that_lives(contained, make_other, plans):
    contained.begin_run(endless(plans))
    before = contained.until_accounts(lambda accounts: accounts.rings[0].head > 100)
    held = set(list_segments(PREFIX))
    start = len(contained.scheduler.reports)

    other = make_other(Machine)

    assert held < set(list_segments(PREFIX))
    after = contained.until_accounts(lambda accounts: accounts.rings, start)
    assert after.rings[0].head > before.rings[0].head
    assert other.end() == 0
    assert set(list_segments(PREFIX)) == held
    assert len(contained.stop_run().nodes) == 2
    assert contained.end() == 0
    assert list_segments(PREFIX) == []


def test_what_a_killed_container_leaves_is_swept_by_the_next_meshd_anywhere(
    contained, make_other, plans, until, is_running
):
    contained.begin_run(endless(plans))
    contained.until_accounts(lambda accounts: accounts.rings[0].head > 100)
    held = set(list_segments(PREFIX))
    processes = contained.processes()
    assert len(processes) >= 3
    contained.kill()
    until(lambda: not any(map(is_running, processes)))
    assert set(list_segments(PREFIX)) == held and len(held) > 8

    make_other(Machine)

    assert not held & set(list_segments(PREFIX))


def test_two_containers_whose_meshds_have_one_process_id_share_the_memory(contained, make_other):
    wait_for_hello(contained)

    other = make_other(Contained)

    clocks = [name for name in list_segments(PREFIX) if name.endswith(".clock")]
    assert len(clocks) == 2
    assert other.end() == contained.end() == 0
    assert list_segments(PREFIX) == []
