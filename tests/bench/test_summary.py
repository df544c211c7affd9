"""From runs to rows: medians, the slowest receiver, loss, who was silent and why."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.document import Document, Row
from bench.figures import Spread
from bench.ring.cases import CASES, Case, Kind, groups, select
from bench.ring.outcome import Outcome
from bench.ring.schedule import Runs, plan
from bench.ring.session import Failed, Measured
from bench.ring.summary import summarize
from tests.bench.named import Named

PINNED = select(["round-trip-64B-pinned"])[0]
PACED = select(["paced-64B"])[0]
SATURATED = select(["saturated-64B"])[0]
FAN_OUT = select(["fan-out-64B"])[0]


def runs_of(*measured: Measured, failed: tuple[Failed, ...] = ()) -> Runs:
    names = dict.fromkeys(each.system for each in [*measured, *failed])
    return Runs(list(measured), list(failed), {}, [Named(name) for name in names])


def round_trip(system: str, p50: float, lost: int = 0) -> Measured:
    spread = Spread(100, p50, p50 * 2, p50 * 3, p50 * 4)
    return Measured(system, PINNED, Outcome(100, 100 - lost, spread=spread), (Outcome(received=100),))


def paced(system: str, p50: float, cpu_percent: float) -> Measured:
    got = Outcome(received=100, cpu_percent=cpu_percent, spread=Spread(100, p50, p50, p50, p50))
    return Measured(system, PACED, Outcome(100), (got,))


def rated(system: str, case: Case, *received: int, sent: int = 2_000) -> Measured:
    receivers = tuple(Outcome(received=count, seconds=1.0) for count in received)
    return Measured(system, case, Outcome(sent), receivers)


def row_of(document: Document, title: str) -> Row:
    return next(row for row in document.rows if row.case == title)


def test_a_row_is_the_median_of_the_runs_beside_the_best_rival() -> None:
    ours = [round_trip("rtmesh", p50) for p50 in (1.0, 9.0, 2.0)]
    theirs = [round_trip("a", 50.0), round_trip("b", 20.0)]

    row = row_of(summarize(runs_of(*ours, *theirs), [PINNED]), PINNED.title)

    assert (row.ours, row.best_rival, row.ratio, row.met) == (2.0, "b", 0.1, True)


def test_the_worst_of_all_runs_is_shown_beside_the_median_of_the_maxima() -> None:
    document = summarize(runs_of(*(round_trip("rtmesh", p50) for p50 in (1.0, 9.0, 2.0))), [PINNED])
    table = document.tables[0]
    shown = dict(zip(table.columns, table.rows[0]))

    assert (shown["max us"], shown["worst us"], shown["p50 of the runs"]) == (8.0, 36.0, "1 to 9")


def test_the_slowest_receiver_is_the_rate_of_a_fan_out() -> None:
    warm = FAN_OUT.warm_up
    document = summarize(runs_of(rated("rtmesh", FAN_OUT, warm + 900, warm + 300, warm + 600)), [FAN_OUT])

    assert row_of(document, FAN_OUT.title).ours == 300


def test_loss_is_told_in_the_row_and_in_the_table() -> None:
    warm = SATURATED.warm_up
    measured = [rated("rtmesh", SATURATED, 2_000), rated("lossy", SATURATED, warm + 1_000)]
    document = summarize(runs_of(*measured), [SATURATED])
    lossy = next(row for row in document.tables[0].rows if row[0] == "lossy")

    assert "lossy lost 25.0 %" in row_of(document, SATURATED.title).note
    assert dict(zip(document.tables[0].columns, lossy))["lost"] == 500


def test_what_ours_lost_misses_its_target() -> None:
    runs = [round_trip("rtmesh", 1.0, lost=1), round_trip("other", 50.0)]

    row = row_of(summarize(runs_of(*runs), [PINNED]), PINNED.title)

    assert (row.ratio, row.met, row.note) == (0.02, False, "rtmesh lost 1 of 100")


def test_a_paced_receiver_that_polls_is_compared_in_a_row_of_its_own() -> None:
    runs = runs_of(paced("rtmesh", 10.0, 1.0), paced("asleep", 20.0, 2.0), paced("polls", 4.0, 98.0))
    document = summarize(runs, [PACED])

    asleep = row_of(document, f"{PACED.title}, rivals whose receiver sleeps")
    everyone = row_of(document, f"{PACED.title}, all rivals")
    assert (asleep.best_rival, asleep.met) == ("asleep", True)
    assert (everyone.best_rival, everyone.met, everyone.is_behind) == ("polls", None, True)


def test_a_paced_receiver_of_ours_that_uses_too_much_misses_its_target() -> None:
    document = summarize(runs_of(paced("rtmesh", 1.0, 3.5), paced("asleep", 20.0, 2.0)), [PACED])

    assert row_of(document, f"{PACED.title}, rivals whose receiver sleeps").met is False


def test_who_is_absent_or_failed_is_named_with_why_and_keeps_a_line_in_the_table() -> None:
    runs = runs_of(round_trip("rtmesh", 1.0), failed=(Failed("broken", PINNED, "hung and was killed"),))
    runs.absent["gone"] = "not installed"
    document = summarize(runs, [PINNED])

    assert "**gone** did not take part: not installed" in document.notes
    assert f"**broken** failed in {PINNED.key}: hung and was killed" in document.notes
    assert [row[0] for row in document.tables[0].rows] == ["rtmesh", "broken", "gone"]


def test_who_lost_everything_is_named_with_how_much() -> None:
    silent = Measured("silent", SATURATED, Outcome(700), (Outcome(received=0),))
    document = summarize(runs_of(rated("rtmesh", SATURATED, 2_000), silent), [SATURATED])

    assert f"**silent** gave no figure in {SATURATED.key}: it lost 700 messages in a run" in document.notes
    assert [row[0] for row in document.tables[0].rows] == ["rtmesh", "silent"]


def test_a_stretch_is_judged_with_its_target_only() -> None:
    case = select(["round-trip-4MiB-default"])[0]
    runs = [replace(round_trip(name, p50), case=case) for name, p50 in [("rtmesh", 9.5), ("polls", 10.0)]]
    document = summarize(runs_of(*runs), [case])

    assert row_of(document, f"{case.title}, all rivals").stretch_met is False
    assert row_of(document, f"{case.title}, rivals whose receiver sleeps").stretch is None


def test_the_targets_of_the_issue_stand_in_the_cases() -> None:
    targets = {case.key: (case.target, case.stretch) for case in CASES if case.target is not None}

    assert targets == {
        **{f"round-trip-64B-{how}": (0.2, None) for how in ("pinned", "default")},
        **{f"round-trip-16KiB-{how}": (0.25, None) for how in ("pinned", "default")},
        **{f"round-trip-256KiB-{how}": (0.6, None) for how in ("pinned", "default")},
        **{f"round-trip-4MiB-{how}": (1.0, 0.9) for how in ("pinned", "default")},
        "paced-64B": (0.7, None),
        "saturated-64B": (2.0, None),
        "saturated-16KiB": (4.0, None),
        "saturated-256KiB": (1.5, None),
        "saturated-4MiB": (0.8, 1.0),
        "fan-out-64B": (4.0, None),
        "fan-out-16KiB": (1.2, None),
    }


def test_runs_go_round_over_the_systems_before_they_repeat() -> None:
    sessions = plan([Named("a"), Named("b")], [PINNED, FAN_OUT], 2)

    order = [(session.run, session.cases[0].kind, session.system.name) for session in sessions]
    one = [(Kind.ROUND_TRIP, "a"), (Kind.ROUND_TRIP, "b"), (Kind.FAN_OUT, "a"), (Kind.FAN_OUT, "b")]
    assert order == [(run, *each) for run in (1, 2) for each in one]


def test_cases_that_share_processes_are_of_one_pinning_and_number_of_readers() -> None:
    assert [len(group) for group in groups(CASES)] == [5, 12, 3]
    for group in groups(CASES):
        assert len({(case.is_pinned, case.readers) for case in group}) == 1


def test_a_word_that_fits_no_case_is_refused() -> None:
    with pytest.raises(ValueError, match="no case is called nonsense"):
        select(["nonsense"])
