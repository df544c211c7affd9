"""From all runs to the rows and tables of results/net.json."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from statistics import median

from bench.document import BOUND, Document, Row, Table, compare, judge, meets
from bench.environment import environment
from bench.figures import Spread, median_of_runs
from bench.net import breakdown
from bench.net.cases import CASES, PACED, PACED_WIDE, ROUND_TRIP, SATURATED, SATURATED_LARGE, TITLES
from bench.net.text import METHOD, TITLE
from bench.ring.cases import UNITS, Case
from bench.ring.endpoint import System
from bench.ring.schedule import Runs
from bench.ring.summary import Figures, figures_of, latency_columns, rate_columns, settings_table

OURS = "rtmesh"
AIO, ZMQ = "bare grpc.aio", "pyzmq tcp"
STREAMS = (AIO, "bare grpc.aio, uvloop", "bare gRPC, threads")
TUNED = ("bare grpc.aio, tuned", "bare gRPC, threads, tuned")
RIVALS = ("zenoh", "ezmsg", "dora", "Redis streams")
EIGHT, BESIDE = "rtmesh, eight edges", "rtmesh, an edge at 1 kHz beside"
OWN = (OURS, EIGHT, BESIDE, "rtmesh, stamped", "ring in one machine")

# Beside the breakdown: the same way with less in it.
APART = ("ring in one machine", "TCP socket", *STREAMS, *TUNED, OURS)

LEAST_SMALL = 300_000.0
MOST_OF_AIO, LEAST_OF_STREAM, LEAST_BESIDE, MOST_OF_ONE = 1.6, 0.7, 0.9, 3.0

# By case, then by the system's name.
Found = Mapping[Case, Mapping[str, Figures]]


def summarize(runs: Runs, cases: Iterable[Case], kind: str) -> Document:
    """The whole document, of whatever was measured over a link of this kind."""
    found = {case: _by_system(runs, case) for case in CASES if case in set(cases)}
    distributions = [name for system in runs.systems for name in system.distributions]
    return Document(
        title=TITLE,
        method=METHOD.format(link=kind),
        order=40,
        environment=environment(["numpy", *dict.fromkeys(distributions)]),
        notes=[*_runs_note(found), *_processor_notes(runs), *_beside_notes(runs), *_silent(runs)],
        rows=list(_rows(found)),
        tables=[
            *_breakdown(runs, found),
            *(_table(case, found[case]) for case in found),
            settings_table(runs.systems),
        ],
    )


def _by_system(runs: Runs, case: Case) -> dict[str, Figures]:
    found: dict[str, Figures] = {}
    for system in runs.systems:
        own = [run for run in runs.measured if run.case == case and run.system == system.name]
        if figures := figures_of(case, own):
            found[system.name] = replace(figures, lost=_lost(system, figures.lost, figures.sent))
    return found


def _lost(system: System, lost: int, sent: int) -> int:
    """Eight edges have eight readers of what counts as sent once."""
    return lost + 7 * sent if system.name == EIGHT else lost


def _rows(found: Found) -> Iterable[Row]:
    if ROUND_TRIP in found:
        yield from _round_trip_rows(found[ROUND_TRIP])
    for case in (PACED, PACED_WIDE):
        if case in found:
            yield from _paced_rows(case, found[case])
    if SATURATED in found:
        yield from _small_rows(found[SATURATED])
    if SATURATED_LARGE in found:
        yield from _large_rows(found[SATURATED_LARGE])
    if PACED in found:
        yield from _eight_rows(found[PACED])


def _round_trip_rows(found: Mapping[str, Figures]) -> Iterable[Row]:
    title = f"between machines: {TITLES[ROUND_TRIP]} p50"
    ours = _p50(found).get(OURS)
    yield compare(
        f"{title}, beside a bare stream", "us", "lower", ours, _of(_p50(found), [AIO]), target=MOST_OF_AIO
    )
    yield compare(
        f"{title}, beside those that carry over machines",
        "us",
        "lower",
        ours,
        _of(_p50(found), RIVALS),
        target=1.0,
    )


def _paced_rows(case: Case, found: Mapping[str, Figures]) -> Iterable[Row]:
    for name, values in (("p50", _p50(found)), ("p99", _p99(found))):
        beside = f"{ZMQ} {values[ZMQ]:.0f} us" if ZMQ in values else ""
        title = f"between machines: {TITLES[case]}, {name}"
        yield compare(title, "us", "lower", values.get(OURS), _of(values, RIVALS), target=1.0, note=beside)


def _small_rows(found: Mapping[str, Figures]) -> Iterable[Row]:
    title = f"between machines: {TITLES[SATURATED]}"
    rates = _rates(found)
    yield at_least(f"{title}, of what is asked", rates.get(OURS), LEAST_SMALL)
    yield compare(
        title, UNITS[SATURATED.kind], "higher", rates.get(OURS), _of(rates, [ZMQ, *RIVALS]), target=1.0
    )


def _large_rows(found: Mapping[str, Figures]) -> Iterable[Row]:
    title = f"between machines: {TITLES[SATURATED_LARGE]}"
    rates = _rates(found)
    streams = _of(rates, STREAMS)
    yield compare(
        f"{title}, beside a bare stream",
        UNITS[SATURATED_LARGE.kind],
        "higher",
        rates.get(OURS),
        streams,
        target=LEAST_OF_STREAM,
    )
    alone = rates.get(OURS)
    if alone:
        note = f"alone {alone:,.0f} messages/s"
        what = f"{title}, an edge of 64 B at 1 kHz beside it"
        yield at_least(what, rates.get(BESIDE), LEAST_BESIDE * alone, note)


def _eight_rows(found: Mapping[str, Figures]) -> Iterable[Row]:
    tails = _p99(found)
    if OURS in tails:
        note = f"one edge {tails[OURS]:.0f} us"
        what = "between machines: eight edges at 1 kHz, 64 B, p99"
        yield judge(what, "us", tails.get(EIGHT), MOST_OF_ONE * tails[OURS], note)


def at_least(case: str, figure: float | None, least: float, note: str = "") -> Row:
    """A rate of ours that has to reach a bound."""
    ratio = None if figure is None else figure / least
    met = None if ratio is None else meets(ratio, 1.0, "higher")
    return Row(case, "messages/s", "higher", figure, BOUND, least, ratio, 1.0, met, note=note)


def _p50(found: Mapping[str, Figures]) -> dict[str, float]:
    return {name: each.spread.p50 for name, each in found.items() if each.spread}


def _p99(found: Mapping[str, Figures]) -> dict[str, float]:
    return {name: each.spread.p99 for name, each in found.items() if each.spread}


def _rates(found: Mapping[str, Figures]) -> dict[str, float]:
    return {name: each.figure for name, each in found.items()}


def _of(values: Mapping[str, float], names: Sequence[str]) -> dict[str, float]:
    return {name: values[name] for name in names if name in values}


def _runs_note(found: Found) -> list[str]:
    counts = {figures.runs for each in found.values() for figures in each.values()}
    return [f"Figures are medians of {max(counts)} runs, of fewer where a table says so."] if counts else []


def _processor_notes(runs: Runs) -> Iterable[str]:
    for system in runs.systems:
        if percents := getattr(system, "processor_percent", []):
            left, right = (median(values) for values in zip(*percents))
            yield (
                f"Eight edges at 1 kHz: the sending relay uses {left:.0f} % of a CPU, the receiving one "
                f"{right:.0f} %, with all their threads, in the busiest second of a run."
            )


def _beside_notes(runs: Runs) -> Iterable[str]:
    for system in runs.systems:
        spreads: list[Spread] = getattr(system, "beside", [])
        if spreads:
            middle = median_of_runs(spreads)
            yield (
                f"The 64 B edge at 1 kHz beside a saturated one of 1 MiB: one way p50 {middle.p50:,.0f} us, "
                f"p99 {middle.p99:,.0f} us, max {middle.max:,.0f} us, of the last of each run; all six "
                "processes share the CPUs then."
            )


def _silent(runs: Runs) -> Iterable[str]:
    for name, reason in runs.absent.items():
        yield f"**{name}** did not take part: {reason}"
    reasons: dict[tuple[str, str], list[str]] = {}
    for failure in runs.failed:
        keys = reasons.setdefault((failure.system, failure.reason), [])
        if failure.case.key not in keys:
            keys.append(failure.case.key)
    for (name, reason), keys in reasons.items():
        yield f"**{name}** failed in {', '.join(keys)}: {reason}"


def _breakdown(runs: Runs, found: Found) -> Iterable[Table]:
    for system in runs.systems:
        if legs := breakdown.medians_us(getattr(system, "stations", [])):
            yield breakdown.table(legs, _of(_p50(found.get(PACED, {})), APART))


def _table(case: Case, found: Mapping[str, Figures]) -> Table:
    columns, cells = latency_columns(case) if case.is_latency else rate_columns(case)
    ranked = sorted(found.items(), key=lambda item: item[1].figure, reverse=not case.is_latency)
    rows = [[name, *cells(each)] for name, each in ranked]
    return Table(f"Between machines: {TITLES[case]}", columns, rows)
