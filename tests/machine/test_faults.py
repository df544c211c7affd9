"""What the machine lacks is told by name, with a remedy; nothing of a run that could not be is left."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rtmesh.machine.faults import describe, told
from rtmesh.shm import SharedMemoryFullError
from rtmesh.v1 import graph_pb2, status_pb2

from .conftest import Machine, ended_well

RUN = "run-1"


def endless(plans):
    return plans.chain(plans.node("source", "endless"), plans.node("sink", "take"))


def only(problems) -> status_pb2.Problem:
    (problem,) = problems
    return problem


def wait_for_hello(machine, start: int = 0) -> None:
    machine.scheduler.until(lambda report: report.HasField("hello"), start)


class Walled(Machine):
    """A meshd that sees a small file system at one place."""

    def __init__(self, folder: Path, scheduler, place: str, size: str) -> None:
        self._wall = f"mount -t tmpfs -o size={size} tmpfs {place} && exec "
        super().__init__(folder, scheduler)

    def begin(self, *more: str) -> None:
        command = [sys.executable, "-m", "rtmesh.machine", *self._arguments, *more]
        # Root needs no user namespace, and may lack the right to make one.
        unshare = ["unshare", "--mount", *([] if os.getuid() == 0 else ["--map-root-user"])]
        self.process = subprocess.Popen(
            [*unshare, "sh", "-c", self._wall + '"$@"', "sh", *command],
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )


@pytest.fixture
def short_of_memory(runtime_folder: Path, scheduler) -> Iterator[Machine]:
    yield from ended_well(Walled(runtime_folder, scheduler, "/dev/shm", "8m"))


@pytest.fixture
def short_of_disk(runtime_folder: Path, scheduler) -> Iterator[Machine]:
    """Its own folder is small."""
    place = runtime_folder / "solo"
    place.mkdir()
    yield from ended_well(Walled(runtime_folder, scheduler, str(place), "64k"))


def test_full_shared_memory_is_told_with_ring_and_figures(short_of_memory, plans):
    wait_for_hello(short_of_memory)
    plan = endless(plans)
    plan.rings[0].slot_bytes = 1024 * 1024

    problem = only(short_of_memory.prepare(plan).problems)

    assert problem.where == "solo"
    assert f".solo.{RUN}.source.out: needs " in problem.text
    assert "/dev/shm has " in problem.text
    assert problem.remedy == "stop a graph, make its queues or max_bytes smaller, or enlarge /dev/shm"
    assert not short_of_memory.children()


def test_a_graph_that_fits_runs_after_one_that_did_not(short_of_memory, plans):
    wait_for_hello(short_of_memory)
    too_large = endless(plans)
    too_large.rings[0].slot_bytes = 1024 * 1024
    assert short_of_memory.prepare(too_large).problems

    plan = plans.single(*endless(plans).nodes[:1], rings=[plans.ring("source.out", "sink.in")])
    plan.run = "run-2"
    start = len(short_of_memory.scheduler.reports)
    answer = short_of_memory.prepare(plan)

    assert not answer.problems
    short_of_memory.until_state("source", "READY", start)
    short_of_memory.stop_run("run-2")


def test_a_full_disk_is_told_with_the_file(short_of_disk, plans):
    wait_for_hello(short_of_disk)
    plan = endless(plans)
    plan.descriptors = b"x" * 100_000

    problem = only(short_of_disk.prepare(plan).problems)

    assert problem.text == "no space is left on the disk: No space left on device"
    assert problem.remedy == "make room there, or start meshd with --dir on another disk"
    assert not short_of_disk.children()


def test_a_disk_that_is_too_full_for_the_state_file_starts_no_process(short_of_disk, plans):
    wait_for_hello(short_of_disk)
    filler = Path(f"/proc/{short_of_disk.process.pid}/root{short_of_disk.folder}/filler")
    with pytest.raises(OSError, match="No space"):
        filler.write_bytes(b"x" * 200_000)

    problem = only(short_of_disk.prepare(endless(plans)).problems)
    filler.unlink()

    assert "no space is left" in problem.text
    assert not short_of_disk.children()


def test_no_file_descriptor_left_is_told_with_the_limit(machine, plans):
    wait_for_hello(machine)
    held = {int(path.name) for path in Path(f"/proc/{machine.process.pid}/fd").iterdir()}
    # The limit is on numbers, not on how many are open: it leaves the four lowest free ones.
    limit = [number for number in range(1024) if number not in held][3] + 1
    before = resource.prlimit(machine.process.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(machine.process.pid, resource.RLIMIT_NOFILE, (limit, before[1]))

    problem = only(machine.prepare(endless(plans)).problems)
    resource.prlimit(machine.process.pid, resource.RLIMIT_NOFILE, before)

    assert problem.text == f"meshd has no file descriptor left: its limit is {limit} open files"
    assert "ulimit -n" in problem.remedy
    assert not machine.children()


def test_a_life_that_finds_no_descriptor_fails_with_that_reason(machine, plans):
    restart = graph_pb2.Restart(when=graph_pb2.RESTART_WHEN_ON_FAILURE, most=1, backoff_ms=300)
    source = plans.node("source", "exit=3", restart=restart)
    machine.begin_run(plans.chain(source, plans.node("sink", "take")))
    machine.until_state("source", "RESTARTING")
    before = resource.prlimit(machine.process.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(machine.process.pid, resource.RLIMIT_NOFILE, (3, before[1]))

    failed = machine.until_state("source", "FAILED")
    resource.prlimit(machine.process.pid, resource.RLIMIT_NOFILE, before)

    assert failed.reason.startswith("could not be started: meshd has no file descriptor left")
    machine.stop_run()


@pytest.mark.parametrize(
    ("error", "text", "remedy"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "/run/x"), "no space is left for /run/x", "--dir"),
        (OSError(errno.ENFILE, "Too many"), "the system has no file descriptor left", "fs.file-max"),
        (OSError(errno.EAGAIN, "Resource temporarily unavailable"), "no more processes", "ulimit -u"),
        (
            OSError(errno.ENOMEM, "Cannot allocate memory"),
            "the machine is out of memory",
            "end other programs",
        ),
        (OSError("This process already has the maximum number of files open"), "meshd has no file", "ulimit"),
        (SharedMemoryFullError("a: needs 3 bytes; stop a graph"), "a: needs 3 bytes", "stop a graph"),
        (KeyError("x"), "KeyError: 'x'", ""),
        (OSError(errno.EACCES, "Permission denied", "/x"), "[Errno 13] Permission denied: '/x'", ""),
    ],
)
def test_an_error_of_the_machine_has_a_remedy(error, text, remedy):
    assert describe(error)[0].startswith(text)
    assert remedy in describe(error)[1]
    assert text in told(error)
