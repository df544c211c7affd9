"""Daemons on loopback and the verbs against them, from the outside."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from mesh import Mesh, mesh
from running import GRAPHS

FOLDER = GRAPHS / "count"
ENDLESS = ["--set", "counter.count=0", "--set", "counter.rate_hz=500"]


@pytest.fixture(scope="module")
def daemons(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    """A scheduler and machines left and right, whose root holds a copy of the count graph."""
    folder = tmp_path_factory.mktemp("mesh")
    shutil.copytree(FOLDER, folder / "root" / "count", ignore=shutil.ignore_patterns("__pycache__"))
    with mesh(folder, "left", "right", root=folder / "root") as made:
        yield made


@pytest.fixture
def two(daemons: Mesh) -> Iterator[Mesh]:
    """The daemons, without any graph."""
    yield daemons
    for graph in daemons.get("graphs"):
        daemons.meshctl("delete", graph["graph"])


def test_a_graph_is_applied_looked_at_and_deleted(two: Mesh) -> None:
    applied = two.meshctl("apply", "-f", "count/two_machines.yaml", *ENDLESS, "--wait")
    again = two.meshctl("apply", "-f", "count/two_machines.yaml", *ENDLESS)

    assert "created" in applied and "unchanged" in again
    assert [graph["phase"] for graph in two.get("graphs")] == ["running"]
    assert {node["node"]: node["machine"] for node in two.get("nodes", "count2")} == {
        "counter": "left",
        "summer": "right",
    }
    (edge,) = two.get("edges", "count2")
    assert edge["transport"] == "grpc" and edge["when_full"] == "block"

    two.meshctl("delete", "count2")
    assert two.get("graphs") == []


def test_a_changed_graph_is_started_anew(two: Mesh) -> None:
    two.meshctl("apply", "-f", "count/two_machines.yaml", *ENDLESS, "--wait")
    before = two.node("count2", "summer")["process_ids"]["loop"]
    changed = two.meshctl(
        "apply", "-f", "count/two_machines.yaml", *ENDLESS, "--set", "summer.factor=2", "--wait"
    )

    assert "configured" in changed
    assert two.node("count2", "summer")["process_ids"]["loop"] != before


def test_nodes_are_heard_asked_and_told_from_anywhere(two: Mesh) -> None:
    two.meshctl("apply", "-f", "count/two_machines.yaml", *ENDLESS, "--wait")
    heard = [
        json.loads(line)
        for line in two.meshctl("echo", "summer.totals", "--count", "3", "-o", "json").splitlines()
    ]
    rate = json.loads(two.meshctl("hz", "counter.numbers", "--for", "2s", "-o", "json").splitlines()[-1])
    two.meshctl("param", "set", "summer.factor", "0")
    answered = json.loads(two.meshctl("call", "summer.Reset", '{"total": 7}', "-o", "json"))
    (frozen,) = two.meshctl("echo", "summer.totals", "--count", "1", "-o", "json").splitlines()

    assert len(heard) == 3 and rate["messages"] > 0
    assert int(answered["previous_total"]) > 0
    assert int(json.loads(frozen)["value"]) == 7
    assert "0" in two.meshctl("param", "get", "summer.factor")


def test_a_graph_that_ends_by_itself_can_be_waited_for(two: Mesh) -> None:
    two.meshctl("apply", "-f", "count/graph.yaml")
    two.meshctl("wait", "count", "--for", "completed", "--timeout", "60s")

    assert two.node("count", "summer")["result"] == {"received": 1000, "total": 500500}


def test_two_graphs_run_side_by_side(two: Mesh) -> None:
    two.meshctl("apply", "-f", "count/two_machines.yaml", *ENDLESS, "--wait")
    two.meshctl("apply", "-f", "count/graph.yaml", *ENDLESS, "--wait")

    assert {graph["graph"]: graph["phase"] for graph in two.get("graphs")} == {
        "count": "running",
        "count2": "running",
    }
    two.meshctl("echo", "count/counter.numbers", "--count", "1")
    said = two.run("echo", "counter.numbers", "--count", "1")
    assert said.returncode == 1 and "count2/counter" in said.stderr


def test_code_that_differs_on_a_machine_is_refused_by_name(two: Mesh, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(two.root / "count", other / "count")
    with (other / "count" / "nodes" / "summer.py").open("a") as node:
        node.write("\nEXTRA = 1\n")
    said = two.run("apply", "-f", str(other / "count" / "two_machines.yaml"), "--root", str(other), "--wait")

    assert said.returncode == 1
    assert "nodes/summer.py" in said.stderr and "left" in said.stderr and "right" in said.stderr


def test_what_machines_find_wrong_is_told_at_once(two: Mesh) -> None:
    graph = two.root / "count" / "graph.yaml"
    text = graph.read_text().replace("nodes.counter:Counter", "nodes.lost:Counter")
    graph.with_name("wrong.yaml").write_text(text.replace("nodes.summer:Summer", "nodes.away:Summer"))
    said = two.run("apply", "-f", "count/wrong.yaml", "--wait")

    assert said.returncode == 1
    assert "nodes.lost" in said.stderr and "nodes.away" in said.stderr


def test_the_log_of_a_node_is_read_from_its_machine(two: Mesh) -> None:
    two.meshctl("apply", "-f", "count/graph.yaml", "--set", "summer.fail_at=7")
    two.meshctl("wait", "count", "--for", "failed", "--timeout", "60s")

    assert "asked to fail at 7" in two.meshctl("logs", "count/summer")
    described = two.meshctl("describe", "node", "count/summer")
    assert "asked to fail at 7" in described and "summer.py" in described


def test_a_machine_name_that_is_taken_is_refused(two: Mesh) -> None:
    name = "left"
    first = two.processes.pop(name)
    try:
        folder = two.folder
        two.folder = folder / "second"
        two.folder.mkdir()
        two.start_machine(name)
        assert two.processes.pop(name).wait(30) == 1
        assert "left" in two.log(name)
        two.folder = folder
    finally:
        two.processes[name] = first
