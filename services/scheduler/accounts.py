"""From what rings say to what users read: the account of an edge, and of a latency budget. Pure.

A ring edge is one reader of one ring. An edge between machines is two rings and a wire:

      writer ──> output ring ──relay──> on the wire ──relay──> ingress ring ──> reader
                 [taken, head)   delivered - stored            [taken, head)
                 └────────────────── in flight ─────────────────────┘

`delivered` is what the near relay took, `stored` is the ingress ring's head: both count messages. A position
of the output ring would not do: what the near end drops lies between two positions, but not on the wire.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

from rtmesh.v1 import graph_pb2, plan_pb2, status_pb2

Ring = status_pb2.RingAccount
Reader = status_pb2.ReaderAccount
GONE = status_pb2.READER_STATE_GONE


def output_ring(edge: graph_pb2.Edge) -> str:
    """The ring that carries the messages of the output the edge comes from."""
    return f"{edge.from_node}.{edge.from_port}"


def reader_name(edge: graph_pb2.Edge) -> str:
    """The name of the edge's reader; of its ingress ring too."""
    return f"{edge.to_node}.{edge.to_port}"


def find_reader(ring: Ring | None, name: str) -> Reader | None:
    """The ring's reader of that name; None if there is none, or no ring."""
    if ring is None:
        return None
    return next((reader for reader in ring.readers if reader.name == name), None)


def waiting(ring: Ring, reader: Reader) -> int:
    """Messages published and not yet taken. A gone reader's are all counted as dropped already."""
    return 0 if reader.state == GONE else max(0, ring.head - reader.taken)


def ring_edge(plan: plan_pb2.EdgePlan, ring: Ring | None) -> status_pb2.EdgeStatus:
    """The account of an edge within one machine; all zeros while its ring was not reported."""
    status = status_pb2.EdgeStatus(edge=plan.edge, transport=plan.transport, connected=True)
    reader = find_reader(ring, reader_name(plan.edge))
    if ring is None or reader is None:
        return status
    status.sent = max(0, ring.head - reader.start)
    status.delivered = reader.delivered
    status.dropped.update(reader.dropped)
    status.in_flight = waiting(ring, reader)
    status.is_holding = reader.is_holding
    _take_reader(status, reader)
    return status


def grpc_edge(plan: plan_pb2.EdgePlan, output: Ring | None, ingress: Ring | None) -> status_pb2.EdgeStatus:
    """The account of an edge between machines, from the rings at its two ends, either of them unreported.

    Each end speaks for itself: sent is the writer's, delivered the reader's, and on the wire is what the
    near relay took less what the far ring has stored. The ends are not read at one instant, so while
    messages flow the sum may be off by what moved meanwhile; at rest a message that was lost stays in
    flight, and one that came twice keeps the sum from adding up.
    """
    status = status_pb2.EdgeStatus(edge=plan.edge, transport=plan.transport)
    egress_reader = find_reader(output, reader_name(plan.edge))
    far_reader = find_reader(ingress, reader_name(plan.edge))
    if output is not None and egress_reader is not None:
        stored = ingress.head if ingress is not None else 0
        status.sent = output.head - egress_reader.start
        status.is_holding = egress_reader.is_holding
        status.in_flight += waiting(output, egress_reader) + max(0, egress_reader.delivered - stored)
    if ingress is not None and far_reader is not None:
        status.delivered = far_reader.delivered
        status.in_flight += waiting(ingress, far_reader)
        _take_reader(status, far_reader)
    status.dropped.update(_dropped(egress_reader, far_reader))
    return status


def budget_status(
    budget: graph_pb2.LatencyBudget, measured: status_pb2.LatencySummary | None
) -> status_pb2.BudgetStatus:
    """Compare a budget with what was measured; nothing measured is not held."""
    status = status_pb2.BudgetStatus(budget=budget, verdict=status_pb2.BUDGET_VERDICT_NOT_MEASURED)
    if measured is not None:
        status.measured.CopyFrom(measured)
        status.verdict = _verdict(budget.p99_us, measured)
        status.held = status.verdict == status_pb2.BUDGET_VERDICT_HELD
    return status


def add_error(latency: status_pb2.LatencySummary, errors_ns: Collection[int | None]) -> None:
    """Say how far off a latency is that these clocks measured; nothing if one of them does not know."""
    known = [error_ns for error_ns in errors_ns if error_ns is not None]
    if latency.count and len(known) == len(errors_ns):
        latency.error_us = sum(known) / 1000


def _verdict(allowed_us: float, measured: status_pb2.LatencySummary) -> status_pb2.BudgetVerdict:
    """What is certain whichever way the clocks are off; an error above the budget leaves nothing certain."""
    error_us = measured.error_us
    if measured.count == 0:
        return status_pb2.BUDGET_VERDICT_NOT_MEASURED
    if error_us > allowed_us:
        return status_pb2.BUDGET_VERDICT_UNKNOWN
    if measured.p99_us + error_us <= allowed_us:
        return status_pb2.BUDGET_VERDICT_HELD
    if measured.p99_us - error_us > allowed_us:
        return status_pb2.BUDGET_VERDICT_MISSED
    return status_pb2.BUDGET_VERDICT_UNKNOWN


def _dropped(*readers: Reader | None) -> Counter[str]:
    """Drops of both ends, summed by reason."""
    total: Counter[str] = Counter()
    for reader in readers:
        total.update(reader.dropped if reader is not None else {})
    return total


def _take_reader(status: status_pb2.EdgeStatus, reader: Reader) -> None:
    """What the reader that serves the input says of itself. Its latency is that of the whole edge:
    messages keep the publish time of their first ring."""
    status.reader_state = reader.state
    status.latency.CopyFrom(reader.latency)
