"""Accounts of edges and budgets, from what rings say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtmesh.scheduler.accounts import budget_status, grpc_edge, ring_edge
from rtmesh.v1 import graph_pb2, plan_pb2, status_pb2

EDGE = graph_pb2.Edge(from_node="pointer", from_port="velocity", to_node="simulator", to_port="velocity")
RING = plan_pb2.EdgePlan(edge=EDGE, transport=graph_pb2.TRANSPORT_RING)
GRPC = plan_pb2.EdgePlan(edge=EDGE, transport=graph_pb2.TRANSPORT_GRPC)
ATTACHED = status_pb2.READER_STATE_ATTACHED
GONE = status_pb2.READER_STATE_GONE
counts = st.integers(min_value=0, max_value=10**6)


def ring(
    head: int, taken: int, *, start: int = 0, dropped: dict[str, int] | None = None, **fields: object
) -> status_pb2.RingAccount:
    """A ring whose reader has taken up to `taken` and was given all of it that was not dropped."""
    reader = status_pb2.ReaderAccount(
        name="simulator.velocity",
        start=start,
        taken=taken,
        delivered=taken - start - sum((dropped or {}).values()),
        dropped=dropped,
        state=ATTACHED,
    )
    return status_pb2.RingAccount(name="pointer.velocity", head=head, readers=[reader], **fields)


def is_exact(edge: status_pb2.EdgeStatus) -> bool:
    return edge.sent == edge.delivered + sum(edge.dropped.values()) + edge.in_flight


def test_a_ring_that_was_not_reported_has_an_empty_account() -> None:
    status = ring_edge(RING, None)

    assert status == status_pb2.EdgeStatus(edge=EDGE, transport=graph_pb2.TRANSPORT_RING, connected=True)


def test_a_ring_edge_counts_from_where_its_reader_started() -> None:
    status = ring_edge(RING, ring(head=100, taken=90, start=40, dropped={"queue_full": 3}))

    assert (status.sent, status.delivered, status.in_flight) == (60, 47, 10)
    assert dict(status.dropped) == {"queue_full": 3}
    assert is_exact(status)


def test_a_gone_reader_has_nothing_in_flight() -> None:
    account = ring(head=100, taken=90)
    account.readers[0].state = GONE
    account.readers[0].dropped["reader_gone"] = 10

    status = ring_edge(RING, account)

    assert (status.sent, status.delivered, status.in_flight) == (100, 90, 0)
    assert dict(status.dropped) == {"reader_gone": 10}
    assert status.reader_state == GONE


def test_a_ring_edge_shows_what_its_reader_says_of_itself() -> None:
    account = ring(head=5, taken=5)
    account.readers[0].is_holding = True
    account.readers[0].latency.p99_us = 12.5

    status = ring_edge(RING, account)

    assert status.is_holding
    assert status.latency.p99_us == 12.5


def test_only_the_edges_own_reader_counts() -> None:
    account = ring(head=10, taken=4)
    account.readers.insert(0, status_pb2.ReaderAccount(name="display.velocity", taken=10, delivered=10))

    assert ring_edge(RING, account).delivered == 4


def test_an_edge_between_machines_is_in_flight_in_three_places() -> None:
    output = ring(head=100, taken=80, dropped={"queue_full": 5})
    ingress = ring(head=70, taken=60, source_position=75)

    status = grpc_edge(GRPC, output, ingress)

    assert status.sent == 100
    assert status.delivered == 60
    assert status.in_flight == (100 - 80) + (80 - 75) + (70 - 60)
    assert is_exact(status)


def test_what_the_near_end_has_dropped_and_not_yet_told_is_not_on_the_wire() -> None:
    output = ring(head=500, taken=499, dropped={"superseded": 489})
    ingress = ring(head=10, taken=10, source_position=10)

    status = grpc_edge(GRPC, output, ingress)

    assert (status.sent, status.delivered, status.in_flight) == (500, 10, 1)
    assert is_exact(status)


def test_messages_lost_with_a_gone_near_reader_are_on_the_wire_until_it_comes_back() -> None:
    output = ring(head=100, taken=100, dropped={"reader_gone": 70})
    output.readers[0].state = GONE

    status = grpc_edge(GRPC, output, ring(head=25, taken=25, source_position=25))

    assert (status.sent, status.in_flight) == (100, 5)
    assert is_exact(status)


def test_an_edge_between_machines_sums_drops_of_both_ends_by_reason() -> None:
    output = ring(head=100, taken=100, dropped={"queue_full": 10, "superseded": 1})
    ingress = ring(head=89, taken=89, dropped={"queue_full": 4}, source_position=100)

    status = grpc_edge(GRPC, output, ingress)

    assert dict(status.dropped) == {"queue_full": 14, "superseded": 1}
    assert (status.sent, status.delivered, status.in_flight) == (100, 85, 0)
    assert is_exact(status)


def total(status: status_pb2.EdgeStatus) -> int:
    return status.delivered + sum(status.dropped.values()) + status.in_flight


def test_a_message_lost_between_machines_stays_in_flight() -> None:
    status = grpc_edge(GRPC, ring(head=10, taken=10), ring(head=9, taken=9, source_position=10))

    assert (status.sent, status.delivered, status.in_flight) == (10, 9, 1)


def test_a_message_that_came_twice_keeps_the_account_from_adding_up() -> None:
    status = grpc_edge(GRPC, ring(head=10, taken=10), ring(head=11, taken=11, source_position=10))

    assert status.sent == 10
    assert total(status) == 11


def test_what_a_far_end_read_later_has_is_not_on_the_wire() -> None:
    status = grpc_edge(GRPC, ring(head=10, taken=8), ring(head=9, taken=7, source_position=9))

    assert (status.sent, status.delivered, status.in_flight) == (10, 7, 2 + 0 + 2)


def test_an_edge_whose_far_end_was_not_reported_has_everything_in_flight() -> None:
    status = grpc_edge(GRPC, ring(head=10, taken=8), None)

    assert (status.sent, status.delivered, status.in_flight) == (10, 0, 10)


def test_an_edge_whose_near_end_was_not_reported_tells_what_arrived() -> None:
    status = grpc_edge(GRPC, None, ring(head=9, taken=7, source_position=9))

    assert (status.sent, status.delivered, status.in_flight) == (0, 7, 2)


def test_the_writer_of_an_edge_between_machines_waits_for_the_near_relay() -> None:
    output = ring(head=64, taken=0)
    output.readers[0].is_holding = True
    ingress = ring(head=0, taken=0)
    ingress.readers[0].latency.count = 7

    status = grpc_edge(GRPC, output, ingress)

    assert status.is_holding
    assert status.latency.count == 7


@given(start=counts, delivered=counts, dropped=counts, waiting=counts)
def test_a_ring_account_adds_up(start: int, delivered: int, dropped: int, waiting: int) -> None:
    taken = start + delivered + dropped
    account = ring(head=taken + waiting, taken=taken, start=start, dropped={"queue_full": dropped})

    status = ring_edge(RING, account)

    assert is_exact(status)
    assert status.in_flight == waiting


@given(delivered=counts, near=counts, far=counts, in_near=counts, in_far=counts)
def test_an_account_between_machines_adds_up_at_rest(
    delivered: int, near: int, far: int, in_near: int, in_far: int
) -> None:
    """At rest the far end holds all that the near relay took; what waits in a ring is named."""
    far_head = delivered + far + in_far
    near_taken = far_head + near
    output = ring(head=near_taken + in_near, taken=near_taken, dropped={"queue_full": near})
    ingress = ring(
        head=far_head, taken=delivered + far, dropped={"superseded": far}, source_position=near_taken
    )

    status = grpc_edge(GRPC, output, ingress)

    assert is_exact(status)
    assert status.in_flight == in_near + in_far


@pytest.mark.parametrize(
    ("count", "p99_us", "held"), [(0, 0, False), (10, 7999, True), (10, 8000, True), (10, 8001, False)]
)
def test_a_budget_is_held_if_it_was_measured_and_kept(count: int, p99_us: float, held: bool) -> None:
    budget = graph_pb2.LatencyBudget(p99_us=8000)

    status = budget_status(budget, status_pb2.LatencySummary(count=count, p99_us=p99_us))

    assert status.held is held
    assert status.measured.count == count


def test_a_budget_without_a_measurement_is_not_held() -> None:
    status = budget_status(graph_pb2.LatencyBudget(p99_us=8000), None)

    assert not status.held
    assert status.measured.count == 0


@pytest.mark.parametrize(
    ("p99_us", "error_us", "verdict"),
    [
        (7900, 100, "HELD"),
        (7901, 100, "UNKNOWN"),
        (8100, 100, "UNKNOWN"),
        (8101, 100, "MISSED"),
        (0, 8000, "HELD"),
        (0, 8001, "UNKNOWN"),  # a budget smaller than the error: whatever is measured
        (90_000, 8001, "UNKNOWN"),
        (8000, 0, "HELD"),
    ],
)
def test_a_verdict_is_given_only_if_it_is_clear_of_the_clocks_error(
    p99_us: float, error_us: float, verdict: str
) -> None:
    measured = status_pb2.LatencySummary(count=10, p99_us=p99_us, error_us=error_us)

    status = budget_status(graph_pb2.LatencyBudget(p99_us=8000), measured)

    assert status_pb2.BudgetVerdict.Name(status.verdict) == f"BUDGET_VERDICT_{verdict}"
    assert status.held is (verdict == "HELD")


@pytest.mark.parametrize("measured", [None, status_pb2.LatencySummary()])
def test_a_budget_of_which_nothing_is_known_is_not_measured(
    measured: status_pb2.LatencySummary | None,
) -> None:
    status = budget_status(graph_pb2.LatencyBudget(p99_us=8000), measured)

    assert status.verdict == status_pb2.BUDGET_VERDICT_NOT_MEASURED
