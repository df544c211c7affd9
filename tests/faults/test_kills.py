"""kill -9 of each kind of process while a graph runs: what is told, and that the accounts stay exact."""

from __future__ import annotations

from pathlib import Path

import pytest
from running import GRAPHS, Up, living, until, up

COUNT = GRAPHS / "count" / "graph.yaml"
TWO_MACHINES = GRAPHS / "count" / "two_machines.yaml"
ENDLESS = ["--set", "counter.count=0", "--set", "counter.rate_hz=500"]


def stop_and_check(running: Up, *, restarted: str | None = None) -> dict:
    running.stop()
    assert running.wait() == 0, running.out + running.err
    edge = running.edge("summer.numbers")
    assert edge["exact"] and edge["in_flight"] == 0
    if restarted is not None:
        assert running.summary["nodes"][restarted]["restarts"] == 1
    return edge


@pytest.mark.parametrize("node", ["counter", "summer"])
def test_a_killed_loop_is_told_and_restarted(node: str, tmp_path: Path) -> None:
    with up(TWO_MACHINES, *ENDLESS, folder=tmp_path) as running:
        running.until_said("graph count2: running")
        running.find_loop(node).kill()
        running.until_said(f"node {node}: restarting: killed by SIGKILL")
        until(lambda: f"node {node}: running" in running.err.split("restarting")[1], 20, "running again")
        edge = stop_and_check(running, restarted=node)

    # A message that was taken counts as delivered even if its taker was killed before it was done.
    assert edge["delivered"] > 0 and not any(edge["dropped"].values())


def test_a_node_that_fails_for_good_stops_the_graph(tmp_path: Path) -> None:
    with up(COUNT, *ENDLESS, folder=tmp_path) as running:
        running.until_said("graph count: running")
        running.find_loop("summer").kill()
        assert running.wait() == 1

    assert "node summer on local failed: killed by SIGKILL" in running.err
    assert running.summary["phase"] == "failed"
    assert running.edge("summer.numbers")["exact"]


def test_a_killed_service_cuts_no_edge_and_comes_back(tmp_path: Path) -> None:
    with up(COUNT, *ENDLESS, folder=tmp_path) as running:
        running.until_said("graph count: running")
        service = running.find_service("summer")
        service.kill()
        until(lambda: running.find_service("summer").pid != service.pid, 20, "a new service")
        edge = stop_and_check(running)

    assert edge["sent"] == edge["delivered"] == running.summary["nodes"]["summer"]["result"]["received"]


@pytest.mark.parametrize("machine", ["left", "right"])
def test_a_killed_relay_comes_back_and_nothing_is_lost_or_repeated(machine: str, tmp_path: Path) -> None:
    with up(TWO_MACHINES, *ENDLESS, folder=tmp_path) as running:
        running.until_said("graph count2: running")
        relay = running.find("rtmesh.relay", f"/{machine}/")
        relay.kill()
        until(lambda: running.find("rtmesh.relay", f"/{machine}/").pid != relay.pid, 20, "a new relay")
        edge = stop_and_check(running)

    result = running.summary["nodes"]["summer"]["result"]
    assert edge["sent"] == edge["delivered"] == result["received"]
    # 1 + 2 + ... + n: nothing lost, nothing twice.
    assert result["total"] == result["received"] * (result["received"] + 1) // 2


def test_a_killed_meshd_ends_the_graph_and_the_accounts_are_told(tmp_path: Path) -> None:
    with up(TWO_MACHINES, *ENDLESS, folder=tmp_path) as running:
        running.until_said("graph count2: running")
        processes, folder = running.processes(), running.machine_folder("right").parent
        running.find("rtmesh.machine", "--machine right ").kill()
        assert running.wait() == 1
        assert not living(processes) and not folder.exists()

    assert "error: meshd of machine right was killed by SIGKILL (9); node summer is lost" in running.err
    assert running.summary["phase"] == "failed" and "machine right was lost" in running.summary["reason"]
    states = {name: node["state"] for name, node in running.summary["nodes"].items()}
    assert states == {"counter": "ended", "summer": "lost"}
    assert running.edge("summer.numbers")["exact"]
    assert "what happened on machine right is as last reported" in running.out


def test_a_killed_scheduler_is_told_with_what_was_known_last(tmp_path: Path) -> None:
    with up(TWO_MACHINES, *ENDLESS, folder=tmp_path) as running:
        running.until_said("node summer: running")
        processes, folder = running.processes(), running.machine_folder("right").parent
        running.find("rtmesh.scheduler").kill()
        assert running.wait() == 1
        assert not living(processes) and not folder.exists()

    assert "error: the scheduler was killed by SIGKILL (9)" in running.err
    assert running.summary["phase"] == "failed"
    assert running.summary["reason"].endswith("what is told is the last that is known: running")
    assert running.summary["nodes"]["summer"]["state"] == "running"
    assert "not the last word" in running.out and "every edge adds up" not in running.out


def test_a_meshd_that_is_killed_before_the_graph_is_placed_ends_the_command(tmp_path: Path) -> None:
    with up(TWO_MACHINES, *ENDLESS, folder=tmp_path) as running:
        running.find("rtmesh.machine", "--machine right ").kill()
        assert running.wait() == 1

    assert "error: meshd of machine right was killed by SIGKILL (9); node summer is lost" in running.err
    assert running.summary["phase"] == "failed"
