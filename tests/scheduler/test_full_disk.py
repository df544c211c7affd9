"""A scheduler whose disk takes nothing more: what runs goes on, what is new is refused with a reason."""

from __future__ import annotations

import re
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from running import until
from scheduler_process import FakeMachine, SchedulerProcess, short_folder
from small_graphs import chain

from rtmesh.client import Client
from rtmesh.common.errors import NotFoundError, ResourceExhaustedError
from rtmesh.v1 import scheduler_pb2, status_pb2

GRAPH = chain("cursor", "pointer@brand")
RUNNING = status_pb2.GRAPH_PHASE_RUNNING
STOPPED = status_pb2.GRAPH_PHASE_STOPPED


@pytest.fixture
def folder() -> Iterator[Path]:
    with short_folder() as folder:
        yield folder


@contextmanager
def full_disk(scheduler: SchedulerProcess) -> Iterator[None]:
    """No file of the process can grow, its log neither."""
    process_id = scheduler.process.pid
    before = resource.prlimit(process_id, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
    try:
        yield
    finally:
        resource.prlimit(process_id, resource.RLIMIT_FSIZE, before)


def wait_for_phase(client: Client, name: str, phase: status_pb2.GraphPhase) -> None:
    until(lambda: client.get(name).phase == phase, 30, f"{name} to be in phase {phase}")


def test_a_graph_that_cannot_be_recorded_is_refused_and_nothing_else_changes(folder: Path) -> None:
    changed = chain("cursor", "pointer@brand", "decoder@brand")
    with SchedulerProcess(folder) as scheduler, Client(scheduler.address) as client, ExitStack() as joined:
        joined.enter_context(FakeMachine(scheduler.address, "brand"))
        run = client.apply(GRAPH).run
        wait_for_phase(client, "cursor", RUNNING)

        with full_disk(scheduler):
            for graph in (chain("reach", "hand@brand"), changed):
                with pytest.raises(ResourceExhaustedError) as raised:
                    client.apply(graph)
                told = f"graph {graph.name} could not be recorded in {folder}/state/scheduler.db: "
                assert told in str(raised.value)
                assert "nothing was changed: make room there, or make it writable" in str(raised.value)
            again = client.apply(GRAPH)
            with pytest.raises(NotFoundError):
                client.get("reach")
            assert client.get("cursor").phase == RUNNING

        assert (again.run, again.outcome) == (run, scheduler_pb2.APPLY_OUTCOME_UNCHANGED)
        assert client.apply(chain("reach", "hand@brand")).outcome == scheduler_pb2.APPLY_OUTCOME_CREATED
        assert client.get("cursor").run == run


def test_what_ends_while_the_disk_is_full_is_stored_when_there_is_room(folder: Path) -> None:
    with SchedulerProcess(folder) as scheduler, Client(scheduler.address) as client, ExitStack() as joined:
        joined.enter_context(FakeMachine(scheduler.address, "brand"))
        client.apply(GRAPH)
        wait_for_phase(client, "cursor", RUNNING)
        with full_disk(scheduler):
            client.stop("cursor")
            wait_for_phase(client, "cursor", STOPPED)
        until(lambda: "saved what was owed" in scheduler.log(), 30, "what is owed to be saved")
        last = client.get("cursor")
        scheduler.kill()

    with SchedulerProcess(folder) as scheduler, Client(scheduler.address) as client:
        assert client.get("cursor") == last


@pytest.mark.parametrize("most_bytes", [0, 1, 20_000, 40_000, 52_000])
def test_a_scheduler_that_cannot_begin_its_record_says_so(folder: Path, most_bytes: int) -> None:
    """Wherever the disk becomes full: at the first byte, or after the tables were made."""
    code = (
        "import resource, sys; from rtmesh.scheduler.__main__ import main;"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({most_bytes}, {most_bytes}));"
        "sys.exit(main(sys.argv[1:]))"
    )
    arguments = ["--listen", f"unix:{folder}/s.sock", "--state", str(folder / "state")]

    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=30
    )

    assert done.returncode == 1
    assert re.match(rf"scheduler: cannot (open|write) {folder}/state/scheduler.db: ", done.stderr), (
        done.stderr
    )
    assert "choose another --state" in done.stderr
    assert len(done.stderr.splitlines()) == 1
