"""Accounts of a planned run: which ring of which machine counts, and how fast it is written."""

from __future__ import annotations

import pytest
from small_graphs import add_budget, chain

from rtmesh.common.origins import origin_id
from rtmesh.graph.plan import plan_run
from rtmesh.scheduler.ledger import Ledger
from rtmesh.scheduler.rates import RateWindow, lifetime_rate_hz
from rtmesh.scheduler.rest import Rest
from rtmesh.v1 import graph_pb2, machine_pb2, status_pb2

SECOND_NS = 1_000_000_000


def ledger_of(graph: graph_pb2.Graph) -> tuple[Ledger, list[status_pb2.EdgeStatus]]:
    plan = plan_run(graph, "1-aaaa", ["brand", "gpc"])
    return Ledger(plan), plan.edges


def report(time_ns: int, *rings: status_pb2.RingAccount) -> machine_pb2.AccountsReport:
    return machine_pb2.AccountsReport(run="1-aaaa", rings=rings, time_ns=time_ns)


def ring(name: str, head: int, reader: str = "", taken: int = 0, **fields: object) -> status_pb2.RingAccount:
    readers = [status_pb2.ReaderAccount(name=reader, taken=taken, delivered=taken)] if reader else []
    return status_pb2.RingAccount(name=name, head=head, readers=readers, **fields)


def test_an_edge_between_machines_is_read_from_the_rings_of_both() -> None:
    ledger, (edge,) = ledger_of(chain("pair", "a@brand", "b@gpc"))

    ledger.take("brand", report(1, ring("a.out", 10, "b.in", 10)))
    ledger.take("gpc", report(2, ring("b.in", 9, "b.in", 8, source_position=9)))
    status = ledger.edge(edge, is_over=False)

    assert (status.sent, status.delivered, status.in_flight) == (10, 8, 2)


def test_accounts_are_as_old_as_the_oldest_report() -> None:
    ledger, _ = ledger_of(chain("pair", "a@brand", "b@gpc"))

    ledger.take("brand", report(7))
    ledger.take("gpc", report(5))

    assert ledger.time_ns(["brand", "gpc"]) == 5
    assert ledger.time_ns(["brand"]) == 7
    assert ledger.time_ns([]) == 0


def test_in_flight_counts_only_edges_whose_machines_are_all_here() -> None:
    ledger, _ = ledger_of(chain("three", "a@brand", "b@brand", "c@gpc"))

    ledger.take("brand", report(1, ring("a.out", 5, "b.in", 3), ring("b.out", 9, "c.in", 0)))

    assert ledger.in_flight(["brand"]) == 2
    assert ledger.in_flight(["brand", "gpc"]) == 11
    assert ledger.heads(["brand"]) == {("brand", "a.out"): 5, ("brand", "b.out"): 9}
    assert ledger.heads(["gpc"]) == {}


def test_a_budget_is_read_by_its_origin() -> None:
    graph = chain("pair", "a@brand", "b@gpc", "c@gpc")
    add_budget(graph, "b.out", "b.out", 100)
    add_budget(graph, "a.out", "b.out", 200)
    ledger, _ = ledger_of(graph)
    ages = [
        status_pb2.LatencySummary(count=1, p99_us=50),
        status_pb2.LatencySummary(count=2, p99_us=150),
    ]

    ledger.take("gpc", report(1, ring("b.out", 4, "c.in", 4, origin_ages=ages)))

    assert ledger.budget(graph.budgets[1]).measured == ages[1]
    assert ledger.budget(graph.budgets[0]).held
    assert origin_id("pair", "a", "out") != origin_id("pair", "b", "out")


def test_the_rate_is_recent_while_it_runs_and_of_the_whole_life_when_it_is_over() -> None:
    ledger, (edge,) = ledger_of(chain("pair", "a@brand", "b@brand"))
    life = {"first_time_ns": 0, "last_time_ns": 10 * SECOND_NS}

    ledger.take("brand", report(8 * SECOND_NS, ring("a.out", 801, "b.in", **life)))
    ledger.take("brand", report(10 * SECOND_NS, ring("a.out", 1001, "b.in", **life)))

    assert ledger.edge(edge, is_over=False).rate_hz == 100
    assert ledger.edge(edge, is_over=True).rate_hz == 100

    ledger.take("brand", report(12 * SECOND_NS, ring("a.out", 1001, "b.in", **life)))
    assert ledger.edge(edge, is_over=False).rate_hz == 0
    assert ledger.edge(edge, is_over=True).rate_hz == 100

    ledger.take("brand", report(13 * SECOND_NS, ring("a.out", 1001, "b.in", ended=True, **life)))
    assert ledger.edge(edge, is_over=False).rate_hz == 100


@pytest.mark.parametrize("head", [0, 1])
def test_fewer_than_two_messages_have_no_rate(head: int) -> None:
    assert lifetime_rate_hz(status_pb2.RingAccount(head=head, last_time_ns=5)) == 0


def test_a_window_forgets_what_is_older_than_two_seconds() -> None:
    window = RateWindow()

    for second in range(10):
        window.add(second * SECOND_NS, head=1000 if second < 5 else 1000 + (second - 5) * 10)

    assert window.rate_hz() == 10


def test_a_window_without_two_samples_has_no_rate() -> None:
    window = RateWindow()
    window.add(5, 10)
    window.add(5, 20)

    assert window.rate_hz() == 0


MILLISECOND_NS = 1_000_000


def test_a_round_is_full_when_every_machine_has_reported() -> None:
    rest = Rest()
    machines = ["brand", "gpc"]

    assert not rest.takes("brand", machines)
    assert not rest.takes("brand", machines)
    assert rest.takes("gpc", machines)
    assert not rest.takes("gpc", machines)


def test_rest_is_three_quiet_rounds_in_which_nothing_moved_over_200_ms() -> None:
    rest = Rest()
    still, moved = {("brand", "a.out"): 5}, {("brand", "a.out"): 6}

    rounds = [(still, 0), (moved, 0), (moved, 0), (moved, 1), (moved, 0), (moved, 0), (moved, 0)]
    reached = [rest.is_reached(at, flying, n * 100 * MILLISECOND_NS) for n, (at, flying) in enumerate(rounds)]

    assert reached == [False] * 6 + [True]


def test_rounds_that_follow_each_other_fast_are_not_rest() -> None:
    rest = Rest()
    still = {("brand", "a.out"): 5}

    reached = [rest.is_reached(still, 0, n * 50 * MILLISECOND_NS) for n in range(5)]

    assert reached == [False] * 4 + [True]


def test_a_step_that_sends_nothing_is_no_rest() -> None:
    """It is told by the node's count of steps, which stands beside the heads."""
    rest = Rest()

    reached = [
        rest.is_reached({("brand", "a.out"): 5, ("gpc", "sink"): min(n, 2)}, 0, n * 100 * MILLISECOND_NS)
        for n in range(5)
    ]

    assert reached == [False] * 4 + [True]


def test_a_ledger_can_be_made_again_from_its_reports() -> None:
    ledger, (edge,) = ledger_of(chain("pair", "a@brand", "b@gpc"))
    again, _ = ledger_of(chain("pair", "a@brand", "b@gpc"))
    ledger.take("brand", report(1, ring("a.out", 10, "b.in", 10)))
    ledger.take("gpc", report(2, ring("b.in", 9, "b.in", 8, source_position=9)))

    for machine, told in ledger.reports().items():
        again.take(machine, told)

    assert again.edge(edge, is_over=False) == ledger.edge(edge, is_over=False)
    assert again.time_ns(["brand", "gpc"]) == 1


def measured(name: str, head: int, **fields: object) -> status_pb2.RingAccount:
    """A ring whose reader has measured latencies."""
    told = ring(name, head, "b.in", head, **fields)
    told.readers[0].latency.CopyFrom(status_pb2.LatencySummary(count=head, p50_us=2000, p99_us=2310))
    return told


def clocked(error_ns: int, *rings: status_pb2.RingAccount) -> machine_pb2.AccountsReport:
    """A report of a machine whose mesh time is that far off at most."""
    told = report(1, *rings)
    told.clock_error_ns = error_ns
    return told


def test_a_latency_across_machines_is_as_far_off_as_both_clocks_were_at_worst_while_messages_flowed() -> None:
    ledger, (edge,) = ledger_of(chain("pair", "a@brand", "b@gpc"))

    ledger.take("brand", clocked(0, ring("a.out", 4, "b.in", 4)))
    ledger.take("gpc", clocked(9_000_000, ring("b.in", 0, "b.in", 0)))  # nothing has been measured yet
    ledger.take("gpc", clocked(80_000, measured("b.in", 4)))
    ledger.take("brand", clocked(5_000, ring("a.out", 5, "b.in", 5)))
    ledger.take("gpc", clocked(60_000, measured("b.in", 5)))

    assert ledger.edge(edge, is_over=False).latency.error_us == 85


def test_the_error_outlives_a_restart_of_the_scheduler() -> None:
    graph = chain("pair", "a@brand", "b@gpc")
    ledger, (edge,) = ledger_of(graph)
    ledger.take("brand", clocked(0, ring("a.out", 4, "b.in", 4)))
    ledger.take("gpc", clocked(80_000, measured("b.in", 4)))
    ledger.take("gpc", clocked(60_000, measured("b.in", 4)))

    after, _ = ledger_of(graph)
    for machine, told in ledger.reports().items():
        after.take(machine, told)

    assert after.edge(edge, is_over=False).latency.error_us == 80


def test_a_latency_inside_one_machine_has_no_error() -> None:
    ledger, (edge,) = ledger_of(chain("pair", "a@gpc", "b@gpc"))

    ledger.take("gpc", clocked(80_000, measured("a.out", 4)))

    latency = ledger.edge(edge, is_over=False).latency
    assert latency.count == 4 and not latency.HasField("error_us")


def test_a_latency_is_told_without_error_while_one_of_the_clocks_is_not_known() -> None:
    ledger, (edge,) = ledger_of(chain("pair", "a@brand", "b@gpc"))

    ledger.take("brand", report(1, ring("a.out", 4, "b.in", 4)))
    ledger.take("gpc", clocked(80_000, measured("b.in", 4)))

    assert not ledger.edge(edge, is_over=False).latency.HasField("error_us")


def test_a_budget_across_machines_is_judged_with_the_error_of_both_its_ends() -> None:
    graph = chain("pair", "a@brand", "b@gpc", "c@gpc")
    for start, p99_us in (("a.out", 200), ("b.out", 200)):
        add_budget(graph, start, "b.out", p99_us)
    ledger, _ = ledger_of(graph)
    ages = [status_pb2.LatencySummary(count=2, p99_us=150) for _ in range(2)]

    ledger.take("brand", clocked(0, ring("a.out", 4, "b.in", 4)))
    ledger.take("gpc", clocked(80_000, ring("b.out", 4, "c.in", 4, origin_ages=ages)))

    across, inside = (ledger.budget(budget) for budget in graph.budgets)
    assert (across.verdict, across.measured.error_us) == (status_pb2.BUDGET_VERDICT_UNKNOWN, 80)
    assert inside.verdict == status_pb2.BUDGET_VERDICT_HELD and not inside.measured.HasField("error_us")
