"""`meshctl describe`: all of a graph, or of a node."""

from __future__ import annotations

import json

import pytest
from command_line import COUNT, Mesh, fails, refuses, tell_accounts
from running import until
from scheduler_process import FakeMachine

from rtmesh.v1 import status_pb2


@pytest.fixture
def counting(mesh: Mesh, bench: FakeMachine) -> Mesh:
    """A mesh on which `count` runs and waits for a reader that does not read."""
    mesh.run("apply", "-f", COUNT, "--root", COUNT.parent.parent, "--wait")
    ring = status_pb2.RingAccount(name="counter.numbers", head=64)
    ring.readers.add(name="summer.numbers", state=status_pb2.READER_STATE_ATTACHED, is_holding=True)
    tell_accounts(bench, ring, 1)
    until(lambda: mesh.client.get("count").edges[0].sent == 64, 10, "the accounts")
    return mesh


def test_a_graph_is_told_with_spec_nodes_edges_and_events(counting: Mesh) -> None:
    text = counting.run("describe", "graph", "count").stdout

    status = counting.client.get("count")
    for said in (status.run, "running", "5 s", "counter.numbers -> summer.numbers", "nodes", "edges, as of"):
        assert said in text
    assert "\n  counter waits for summer" in text
    events = text.partition("\nevents")[2]
    assert f"applied as run {status.run}" in events and "asked to carry counter and summer" in events
    assert "node summer" in events and " ago)" in text


def test_a_graph_as_json_holds_spec_status_and_events(counting: Mesh) -> None:
    told = json.loads(counting.run("describe", "graph", "count", "-o", "json").stdout)

    assert told["graph"] == "count" and told["phase"] == "running" and told["folder"] == "count"
    assert told["nodes"]["counter"]["machine"] == "bench"
    assert told["edges"][0]["waits"] == "counter waits for summer"
    first = told["events"][0]
    assert first["text"].startswith("applied as run")
    assert first["event_time"].endswith("Z") and first["event_time_ns"] > 0
    assert told["source"] == COUNT.read_text()


def test_the_problems_of_a_graph_are_told_with_their_remedies(mesh: Mesh) -> None:
    with FakeMachine(mesh.address, "bench", refuses):
        mesh.run("apply", "-f", COUNT)
        mesh.until_phase("count", "failed")

        text = mesh.run("describe", "graph", "count").stdout

    assert "bench: nodes.counter: there is no module nodes; install it" in text.partition("\nproblems")[2]


def test_a_node_is_told_with_contract_ports_parameters_and_edges(counting: Mesh) -> None:
    text = counting.run("describe", "node", "counter").stdout

    for said in (
        "count/counter",
        "count.v1.Counter",
        "nodes.counter:Counter",
        "numbers (count.v1.Number, at most 256 B)",
        "count=1000",
        "never",
        "stop graph",
        "counter.numbers -> summer.numbers",
    ):
        assert said in text, said
    assert "summer.totals" not in text and "node summer" not in text


def test_a_node_that_failed_is_told_with_its_reason_and_detail(mesh: Mesh) -> None:
    with FakeMachine(mesh.address, "bench", fails):
        mesh.run("apply", "-f", COUNT)
        mesh.until_phase("count", "failed")

        text = mesh.run("describe", "node", "count/counter").stdout

    assert "failed: no such file" in text
    assert 'File "counter.py", line 3' in text.partition("\ndetail")[2]


def test_a_node_as_json_holds_its_spec(counting: Mesh) -> None:
    told = json.loads(counting.run("describe", "node", "counter", "-o", "json").stdout)

    assert told["spec"]["outputs"] == {"numbers": {"type": "count.v1.Number", "max_bytes": 256}}
    assert told["spec"]["parameters"] == {"count": 1000}
    assert told["state"] == "running" and told["edges"][0]["to"] == "summer.numbers"
    assert {event["subject"] for event in told["events"]} == {"node counter"}
