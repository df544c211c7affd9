"""What results/net.json says of sessions that are made up: labels, targets, floors, losses."""

from __future__ import annotations

import pytest

from bench import awake
from bench.document import Row
from bench.net.__main__ import possible
from bench.net.cases import AS_IT_COMES, AWAKE, CASES, HOW_AWAKE
from bench.net.rows import AIO, BESIDE, EIGHT, TUNED
from bench.net.summary import summarize
from bench.net.systems.beside import BesideSystem
from bench.net.systems.stamped import StampedSystem
from bench.ring.cases import Case
from bench.ring.outcome import Outcome, Spread
from bench.ring.schedule import Runs
from bench.ring.session import Measured
from bench.ring.systems import OURS
from tests.bench.named import Named


def made_up(name: str, slower: float = 1.0, lost: int = 0) -> list[Measured]:
    """A session in each case."""
    spread = Spread(10, 5.0 * slower, 6.0 * slower, 7.0 * slower, 8.0 * slower)
    sent = Outcome(1000, 1000 - lost, slower, spread=spread)
    return [Measured(name, case, sent, (sent,)) for case in CASES]


def rows_of(*measured: list[Measured], cases: tuple[Case, ...] = CASES) -> dict[str, Row]:
    each = [one for several in measured for one in several]
    names = dict.fromkeys(one.system for one in each)
    runs = Runs(measured=each, systems=[Named(name) for name in names])
    return {row.case: row for row in summarize(runs, cases, "x").rows}


def test_rows_judge_each_target_of_the_issue() -> None:
    rows = rows_of(*(made_up(name) for name in (OURS, "zenoh", EIGHT, BESIDE)), cases=AS_IT_COMES)

    judged = {case: row.met for case, row in rows.items() if row.target is not None}
    assert judged["between machines: half round trip 64 B p50, beside a bare stream"] is None
    assert judged["between machines: one way at 1 kHz, 64 B, p99"] is True
    assert judged["between machines: saturated 64 B, of what is asked"] is False
    assert judged["between machines: eight edges at 1 kHz, 64 B, p99"] is True


def test_the_latencies_have_the_same_targets_in_both_settings() -> None:
    rows = rows_of(*(made_up(name) for name in (OURS, "zenoh", AIO, EIGHT)))

    targets = {case: row.target for case, row in rows.items()}
    label = f"between machines ({HOW_AWAKE}): "
    labelled = {case.removeprefix(label): bound for case, bound in targets.items() if case.startswith(label)}
    common = {case.removeprefix("between machines: "): bound for case, bound in targets.items()}
    assert len(labelled) == 4 + 2 * 2 * 3 + 1
    assert labelled.items() <= common.items()
    assert not [case for case in labelled if "saturated" in case]


def test_the_floor_is_the_best_of_all_bare_streams() -> None:
    rows = rows_of(made_up(OURS, 3.0), made_up(AIO, 2.0), made_up(TUNED[1], 1.5), made_up("zenoh", 0.5))

    for case in ("half round trip 64 B p50", "one way at 1 kHz, 64 B, p99"):
        row = rows[f"between machines ({HOW_AWAKE}): {case}, beside the floor, bare gRPC at its best"]
        assert (row.best_rival, row.ratio, row.target) == (TUNED[1], 2.0, None)


def test_what_ours_lost_misses_a_target_and_both_losses_are_told() -> None:
    rows = rows_of(made_up(OURS, 0.1, lost=1), made_up("zenoh", lost=7))

    row = rows["between machines: one way at 1 kHz, 64 B, p50"]
    assert (row.ratio, row.met) == (0.1, False)
    assert row.note == "rtmesh lost 1 of 1,000; zenoh lost 7 of 1,000"


def test_whoever_is_ahead_is_told_also_where_no_target_names_it() -> None:
    rows = rows_of(made_up(OURS, 2.0), made_up(TUNED[0]), made_up("ring in one machine"))

    ahead = {case: row.best_rival for case, row in rows.items() if row.is_behind}
    assert ahead["between machines: half round trip 64 B p50, beside all that was measured"] == TUNED[0]
    assert ahead["between machines: saturated 1 MiB, beside all that was measured"] == TUNED[0]


def test_who_gave_no_figure_keeps_a_line_in_the_tables_of_its_cases() -> None:
    systems = [Named(OURS), Named("broken"), BesideSystem(), StampedSystem()]
    runs = Runs(measured=made_up(OURS), systems=systems)
    tables = {table.title: str(table.rows) for table in summarize(runs, CASES, "x").tables}

    assert "broken" in tables["Between machines: saturated 64 B"]
    assert "broken" in tables[f"Between machines ({HOW_AWAKE}): half round trip 64 B"]
    assert BESIDE not in tables["Between machines: saturated 64 B"]
    assert BESIDE in tables["Between machines: saturated 1 MiB"]


def test_a_setting_that_is_refused_is_left_out_and_the_results_say_why(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(awake, "why_not", lambda: "no such device")

    cases, notes = possible(CASES)

    assert cases == AS_IT_COMES
    assert f"**{HOW_AWAKE}**: this setting was not measured: no such device" in notes
    assert notes[-1] in summarize(Runs(), cases, "x", notes).notes


def test_what_is_not_asked_for_is_not_told_as_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(awake, "why_not", lambda: "no such device")
    monkeypatch.setattr(awake, "held_by_others", lambda: None)

    assert possible(AS_IT_COMES) == (AS_IT_COMES, [])
    assert possible(AWAKE)[0] == ()
