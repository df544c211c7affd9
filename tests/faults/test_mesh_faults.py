"""What the mesh does when one of its daemons is killed."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from mesh import Mesh, connected, mesh
from running import until

from rtmesh.shm import list_segments

ENDLESS = ["--set", "counter.count=0", "--set", "counter.rate_hz=500", "--wait"]
GRAPH = "tests/e2e/graphs/count/two_machines.yaml"


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Mesh]:
    """Machines left and right, and the count graph running on both."""
    with mesh(tmp_path, "left", "right") as made:
        made.meshctl("apply", "-f", GRAPH, *ENDLESS)
        yield made


def edge(made: Mesh) -> dict:
    return made.get("edges", "count2")[0]


def test_a_killed_scheduler_stops_nothing_and_knows_again_when_it_is_back(running: Mesh) -> None:
    loops = {node["node"]: node["process_ids"]["loop"] for node in running.get("nodes", "count2")}
    sent = edge(running)["sent"]
    running.kill("scheduler")
    running.start_scheduler()
    until(lambda: len(connected(running)) == 2, 20, "both machines to come back")
    until(lambda: edge(running)["sent"] > sent, 20, "fresh accounts")

    assert running.get("graphs")[0]["phase"] == "running"
    assert {node["node"]: node["process_ids"]["loop"] for node in running.get("nodes", "count2")} == loops
    running.meshctl("delete", "count2")


def test_a_lost_machine_is_told_and_the_graph_ends_as_its_nodes_say(running: Mesh) -> None:
    loop = running.node("count2", "summer")["process_ids"]["loop"]
    service = running.node("count2", "summer")["process_ids"]["service"]
    running.kill("right")
    running.meshctl("wait", "count2", "--for", "failed", "--timeout", "30s")

    assert running.node("count2", "summer")["state"] == "lost"
    assert "right" in running.get("graphs")[0]["reason"]
    left = {name for name in list_segments() if ".right." in name}
    assert any(".summer" in name for name in left)
    # The next meshd of that name ends what the killed one left, and sweeps.
    running.start_machine("right")
    until(lambda: not alive(loop) and not alive(service), 20, "the end of what was left")
    until(lambda: left.isdisjoint(list_segments()), 20, "the sweep")


def test_a_machine_that_is_told_to_end_takes_the_graph_with_it_as_its_nodes_say(running: Mesh) -> None:
    assert running.kill("right", signal.SIGTERM) == 0
    running.meshctl("wait", "count2", "--for", "failed", "--timeout", "30s")

    assert running.node("count2", "summer")["state"] == "lost"
    assert "right" in running.get("graphs")[0]["reason"]


def test_a_killed_loop_is_restarted_on_its_machine(running: Mesh) -> None:
    os.kill(running.node("count2", "summer")["process_ids"]["loop"], signal.SIGKILL)
    until(lambda: running.node("count2", "summer")["restarts"] == 1, 20, "the restart")
    until(lambda: running.node("count2", "summer")["state"] == "running", 20, "running again")

    assert "SIGKILL" in running.meshctl("describe", "graph", "count2")


def test_daemons_end_well_on_sigterm_and_take_their_runs_with_them(running: Mesh) -> None:
    loop = running.node("count2", "counter")["process_ids"]["loop"]

    assert running.kill("left", signal.SIGTERM) == 0
    assert not alive(loop)
    assert running.kill("right", signal.SIGTERM) == 0
    assert running.kill("scheduler", signal.SIGTERM) == 0
    assert not [name for name in list_segments() if ".left." in name or ".right." in name]


def alive(process_id: int) -> bool:
    """Whether the process runs; a zombie does not."""
    try:
        stat = Path(f"/proc/{process_id}/stat").read_text()
    except FileNotFoundError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"
