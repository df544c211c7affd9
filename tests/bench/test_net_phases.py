"""Phases that are made up: what a small edge costs a saturated one, and what may not be said of it."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice

import pytest

from bench.document import Document, Row
from bench.figures import Spread
from bench.net import phases
from bench.net.cases import AS_IT_COMES, SATURATED_LARGE
from bench.net.pacer import due_times
from bench.net.phases import ORDER, Phase, Schedule, Sent, Taken, Turns, turns_of
from bench.net.rows import BESIDE, MOST_BESIDE_PERCENT, NO_TURNS
from bench.net.summary import summarize
from bench.ring.outcome import Outcome
from bench.ring.schedule import Runs
from bench.ring.session import Measured
from bench.ring.systems import OURS
from bench.ring.tally import PERIOD_NS
from tests.bench.named import Named

PHASE_NS = 600_000_000
# It starts within a phase of a kind that is not the first.
SCHEDULE = Schedule(-700_000_000, PHASE_NS)
END_NS = 5 * len(ORDER) * PHASE_NS
GAP_NS: Mapping[Phase, int] = {Phase.ALONE: 500_000, Phase.BESIDE: 625_000, Phase.FLOOR: 531_250}


def arrivals(gap_ns: Mapping[Phase, int] = GAP_NS, settling_ns: int = 0) -> list[int]:
    """Of the large edge, evenly in each phase; none while a phase settles."""
    came_ns, now = [], 0
    while now < END_NS:
        phase = SCHEDULE.at(now)
        if now + PHASE_NS - SCHEDULE.end_of(now) >= settling_ns:
            came_ns.append(now)
        now += gap_ns[phase]
    return [*came_ns, END_NS]


def small_edge(age_ns: int = 200_000, lost: int = 0, until_ns: int = END_NS) -> tuple[Sent, Taken]:
    """Messages of one age, each due in its phase; of those of the edge some do not come."""
    times: dict[str, list[int]] = {Phase.BESIDE: [], Phase.FLOOR: []}
    for due_ns in due_times(SCHEDULE, 0):
        if due_ns >= until_ns:
            break
        times[SCHEDULE.at(due_ns)].append(due_ns)
    due = {phase: len(each) for phase, each in times.items()}
    del times[Phase.BESIDE][:lost]
    came = {phase: [time_ns + age_ns for time_ns in each] for phase, each in times.items()}
    return Sent(0, until_ns, due, 0), Taken(0, until_ns, times, came)


def turns(*rates: tuple[float, ...], lost: int = 0, lost_on_floor: int = 0) -> Turns:
    """`rates` of each kind of phase, in their order."""
    due = {Phase.BESIDE: 2000, Phase.FLOOR: 2000}
    away = {Phase.BESIDE: lost, Phase.FLOOR: lost_on_floor}
    return Turns(dict(zip(ORDER, rates)), Spread(1000, 300.0, 1500.0, 1600.0, 2000.0), due, away, 0)


def rows_of(*several: Turns, lost: int = 0) -> dict[str, Row]:
    """What is said of the cost and of the floor."""
    return {row.case: row for row in document_of(*several, lost=lost).rows if row.unit == "%"}


def document_of(*several: Turns, lost: int = 0) -> Document:
    """Of a session of ours, and of one in turns that gave these."""
    beside = Named(BESIDE)
    beside.turns = list(several)  # type: ignore[attr-defined]
    sent = [(OURS, Outcome(1000, 1000, 0.5)), (BESIDE, Outcome(9000, 9000 - lost, 8.1))]
    measured = [Measured(name, SATURATED_LARGE, outcome, (outcome,)) for name, outcome in sent]
    runs = Runs(measured=measured, systems=[Named(OURS), beside])
    return summarize(runs, AS_IT_COMES, "x")


def test_phases_follow_each_other_and_each_counts_once_it_has_settled() -> None:
    spans = SCHEDULE.spans(0, END_NS)

    assert [span.phase for span in spans[:4]] == [Phase.FLOOR, Phase.ALONE, Phase.BESIDE, Phase.FLOOR]
    assert spans[0].begin_ns == 500_000_000 + PHASE_NS // 6
    assert {span.end_ns - span.begin_ns for span in spans} == {PHASE_NS - PHASE_NS // 6}
    assert all(before.end_ns < after.begin_ns for before, after in zip(spans, spans[1:]))
    assert spans[-1].end_ns <= END_NS < spans[-1].end_ns + PHASE_NS
    assert all(SCHEDULE.at(span.begin_ns) is SCHEDULE.at(span.end_ns - 1) is span.phase for span in spans)


def test_the_small_edge_is_due_each_millisecond_but_not_while_the_other_is_alone() -> None:
    due_ns = list(islice(due_times(SCHEDULE, 0), 3000))

    assert Phase.ALONE not in {SCHEDULE.at(time_ns) for time_ns in due_ns}
    gaps = {after - before for before, after in zip(due_ns, due_ns[1:])}
    assert gaps == {PERIOD_NS, PERIOD_NS + PHASE_NS}


def test_the_cost_and_the_floor_are_those_of_the_phases() -> None:
    found = turns_of(SCHEDULE, arrivals(), *small_edge())

    assert found.cost_percent(Phase.BESIDE) == pytest.approx(20, abs=0.2)
    assert found.cost_percent(Phase.FLOOR) == pytest.approx(6, abs=0.3)
    assert (found.ages.p50, found.ages.max) == (200.0, 200.0)
    assert set(found.lost.values()) == {0}


def test_what_comes_while_a_phase_settles_does_not_count() -> None:
    came_ns = arrivals(settling_ns=SCHEDULE.settling_ns)

    assert (
        turns_of(SCHEDULE, came_ns, *small_edge()).rates
        == turns_of(SCHEDULE, arrivals(), *small_edge()).rates
    )


def test_the_small_edge_is_timed_in_its_phases_once_they_have_settled() -> None:
    sent, taken = small_edge()
    spans = [span for span in SCHEDULE.spans(0, END_NS) if span.phase is Phase.BESIDE]
    published = taken.published_ns[Phase.BESIDE]
    is_counted = [any(first <= time_ns < end for _, first, end in spans) for time_ns in published]
    came = [time_ns + (1000 if counts else 9000) for time_ns, counts in zip(published, is_counted)]
    taken.came_ns[Phase.BESIDE] = came  # type: ignore[index]

    ages = turns_of(SCHEDULE, arrivals(), sent, taken).ages

    assert (ages.count, ages.max) == (sum(is_counted), 1.0)


def test_a_message_that_is_published_late_is_timed_all_the_same() -> None:
    sent, taken = small_edge()
    span = next(span for span in SCHEDULE.spans(0, END_NS) if span.phase is Phase.BESIDE)
    published = list(taken.published_ns[Phase.BESIDE])
    late = max(index for index, time_ns in enumerate(published) if time_ns < span.end_ns)
    came = list(taken.came_ns[Phase.BESIDE])
    published[late], came[late] = span.end_ns + 1, span.end_ns + 9_000_001
    taken.published_ns[Phase.BESIDE], taken.came_ns[Phase.BESIDE] = published, came  # type: ignore[index]

    assert turns_of(SCHEDULE, arrivals(), sent, taken).ages.max == 9000.0


def test_a_message_that_did_not_come_is_lost() -> None:
    found = turns_of(SCHEDULE, arrivals(), *small_edge(lost=3))

    assert (found.lost[Phase.BESIDE], found.lost[Phase.FLOOR]) == (3, 0)


def test_without_a_whole_phase_of_each_kind_nothing_is_said() -> None:
    with pytest.raises(ValueError, match="no whole phase: beside"):
        # The small edge's sender ended early.
        turns_of(SCHEDULE, arrivals(), *small_edge(until_ns=1_800_000_000))
    with pytest.raises(ValueError, match="nothing came"):
        turns_of(SCHEDULE, [], *small_edge())


def test_the_row_is_the_median_of_the_sessions_costs_of_medians() -> None:
    # The odd phase and the odd session have no weight, and sessions differ in speed by a half.
    rows = rows_of(
        turns((2000, 2000, 100), (1900, 1900, 9999), (1960, 1960, 1)),
        turns((1000, 1000), (920, 920), (970, 970)),
        turns((3000,), (1500,), (1500,)),
    )

    cost, floor = rows.values()
    assert cost.ours == pytest.approx(8.0)
    assert (cost.best_rival_figure, cost.met) == (MOST_BESIDE_PERCENT, True)
    assert "the floor costs 3.0 %" in cost.note
    assert floor.ours == pytest.approx(3.0)
    assert (floor.target, floor.met, floor.is_behind) == (None, None, False)


def test_a_cost_above_a_tenth_misses_the_target() -> None:
    cost, _ = rows_of(turns((1000,), (899,), (950,))).values()

    assert (cost.ours, cost.met) == (pytest.approx(10.1), False)


@pytest.mark.parametrize(
    ("several", "lost", "told"),
    [
        (turns((1000,), (990,), (1000,), lost=2), 0, "the edge beside lost 2 of 2,000"),
        (turns((1000,), (990,), (1000,), lost_on_floor=1), 0, "the ring in one machine lost 1 of 2,000"),
        (turns((1000,), (990,), (1000,)), 5, f"{BESIDE} lost 5 of 9,000"),
    ],
)
def test_a_message_lost_of_either_edge_voids_the_target(several: Turns, lost: int, told: str) -> None:
    cost, _ = rows_of(several, lost=lost).values()

    assert cost.met is False
    assert told in cost.note


def test_without_turns_the_target_counts_as_not_measured() -> None:
    cost, floor = rows_of().values()

    assert (cost.ours, cost.met, cost.note) == (None, None, NO_TURNS)
    assert (floor.ours, floor.note) == (None, NO_TURNS)


def test_among_the_systems_stands_the_rate_of_the_phases_beside_not_of_whole_sessions() -> None:
    document = document_of(turns((2000,), (1800,), (1900,)), turns((1000,), (850,), (950,)))

    table = next(table for table in document.tables if table.title == "Between machines: saturated 1 MiB")
    assert {row[0]: row[1] for row in table.rows}[BESIDE] == 1325


def test_the_table_has_a_line_a_session() -> None:
    table = phases.table([turns((2000,), (1800,), (1900,)), turns((1000,), (850,), (950,), lost=1)])

    lines = [dict(zip(table.columns, row)) for row in table.rows]
    assert [line["beside messages/s"] for line in lines] == [1800, 850]
    assert [line["cost %"] for line in lines] == pytest.approx([10, 15])
    assert [line["lost"] for line in lines] == [0, 1]
