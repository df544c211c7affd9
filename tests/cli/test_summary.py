"""The summary of a run, as JSON."""

from __future__ import annotations

import json

from rtmesh.cli.summary import is_exact, summary_of
from rtmesh.cli.tables import microseconds
from rtmesh.v1 import graph_pb2, status_pb2

EDGE = graph_pb2.Edge(
    from_node="a", from_port="out", to_node="b", to_port="in", when_full=graph_pb2.WHEN_FULL_BLOCK
)


def edge_status(**fields: object) -> status_pb2.EdgeStatus:
    return status_pb2.EdgeStatus(edge=EDGE, transport=graph_pb2.TRANSPORT_RING, **fields)


def test_an_edge_says_what_became_of_each_message() -> None:
    latency = status_pb2.LatencySummary(count=7, p50_us=20.0, p99_us=80.5, max_us=120.0)
    edge = edge_status(
        sent=10, delivered=7, dropped={"queue_full": 2}, in_flight=1, rate_hz=100.0, latency=latency
    )
    (summary,) = summary_of(status_pb2.GraphStatus(edges=[edge]))["edges"]

    assert summary == {
        "from": "a.out",
        "to": "b.in",
        "when_full": "block",
        "transport": "ring",
        "sent": 10,
        "delivered": 7,
        "dropped": {"queue_full": 2},
        "in_flight": 1,
        "exact": True,
        "rate_hz": 100.0,
        "latency_us": {"p50": 20.0, "p99": 80.5, "max": 120.0},
    }


def test_an_account_that_does_not_add_up_is_not_exact() -> None:
    assert not is_exact(edge_status(sent=10, delivered=9))
    assert is_exact(edge_status(sent=10, delivered=9, in_flight=1))


def test_a_latency_that_was_not_measured_is_null() -> None:
    (summary,) = summary_of(status_pb2.GraphStatus(edges=[edge_status()]))["edges"]

    assert summary["latency_us"] == {"p50": None, "p99": None, "max": None}


def test_a_node_carries_its_result_and_processes() -> None:
    node = status_pb2.NodeStatus(
        name="score",
        state=status_pb2.NODE_STATE_ENDED,
        result_json='{"r2_x": 0.7}',
        loop=status_pb2.ProcessStatus(process_id=7, cpu_percent=3.5, memory_bytes=1 << 20),
    )
    summary = summary_of(status_pb2.GraphStatus(nodes=[node]))["nodes"]["score"]

    assert summary["state"] == "ended" and summary["result"] == {"r2_x": 0.7}
    assert summary["process_ids"] == {"loop": 7, "service": 0}
    json.dumps(summary)


def test_times_are_written_for_people() -> None:
    assert [microseconds(value) for value in (812.4, 3410.0, 1_200_000.0)] == ["812 us", "3.41 ms", "1.20 s"]
