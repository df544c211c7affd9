"""From all runs to the rows and tables of results/net.json."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from bench.document import BOUND, Better, Document, Row, Table, compare, judge, meets
from bench.environment import environment
from bench.net import breakdown
from bench.net.cases import CASES, PACED, PACED_WIDE, ROUND_TRIP, SATURATED, SATURATED_LARGE, TITLES
from bench.net.text import METHOD, TITLE
from bench.ring.cases import UNITS, Case
from bench.ring.measured import Figures, figures_by_system
from bench.ring.schedule import Runs
from bench.ring.systems import OURS
from bench.ring.tables import Found, case_table, runs_note, settings_table, silent_notes

AIO, ZMQ = "bare grpc.aio", "pyzmq tcp"
STREAMS = (AIO, "bare grpc.aio, uvloop", "bare gRPC, threads")
TUNED = ("bare grpc.aio, tuned", "bare gRPC, threads, tuned")
RIVALS = ("zenoh", "ezmsg", "dora", "Redis streams")
EIGHT, BESIDE = "rtmesh, eight edges", "rtmesh, an edge at 1 kHz beside"
# What others between two machines is measured: all but ours, and what is no network.
OWN = (OURS, EIGHT, BESIDE, "rtmesh, stamped", "ring in one machine")

# Beside the breakdown: the same way with less in it.
APART = ("ring in one machine", "TCP socket", *STREAMS, *TUNED, OURS)

LEAST_SMALL = 300_000.0
MOST_OF_AIO, LEAST_OF_STREAM, LEAST_BESIDE, MOST_OF_ONE = 1.6, 0.7, 0.9, 3.0


def summarize(runs: Runs, cases: Iterable[Case], kind: str) -> Document:
    """The whole document, of whatever was measured over a link of this kind."""
    found = {case: _by_system(runs, case) for case in CASES if case in set(cases)}
    distributions = [name for system in runs.systems for name in system.distributions]
    return Document(
        title=TITLE,
        method=METHOD.format(link=kind),
        order=40,
        environment=environment(["numpy", *dict.fromkeys(distributions)]),
        notes=[
            *runs_note(found),
            *(note for system in runs.systems for note in system.notes()),
            *silent_notes(runs, found),
        ],
        rows=list(_rows(found)),
        tables=[
            *_breakdown(runs, found),
            *(case_table(f"Between machines: {TITLES[case]}", case, found[case], runs) for case in found),
            settings_table(runs.systems),
        ],
    )


def _by_system(runs: Runs, case: Case) -> dict[str, Figures]:
    found = figures_by_system(runs, case)
    if EIGHT in found:
        # Eight readers have each what counts as sent once.
        found[EIGHT] = replace(found[EIGHT], lost=found[EIGHT].lost + 7 * found[EIGHT].sent)
    return found


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
    yield _beside_tuned(title, "us", "lower", _p50(found))
    yield _beside_all(title, "us", "lower", _p50(found))


def _beside_tuned(title: str, unit: str, better: Better, values: Mapping[str, float]) -> Row:
    """No target: it names a bare stream as it comes, but our relays are set up as the tuned ones are."""
    return compare(f"{title}, beside a tuned bare stream", unit, better, values.get(OURS), _of(values, TUNED))


def _beside_all(title: str, unit: str, better: Better, values: Mapping[str, float]) -> Row:
    """No target: whoever is ahead of us, plain sockets and tuned gRPC among them, is to be told."""
    others = {name: value for name, value in values.items() if name not in OWN}
    return compare(f"{title}, beside all that was measured", unit, better, values.get(OURS), others)


def _paced_rows(case: Case, found: Mapping[str, Figures]) -> Iterable[Row]:
    for name, values in (("p50", _p50(found)), ("p99", _p99(found))):
        beside = f"{ZMQ} {values[ZMQ]:.0f} us" if ZMQ in values else ""
        title = f"between machines: {TITLES[case]}, {name}"
        yield compare(title, "us", "lower", values.get(OURS), _of(values, RIVALS), target=1.0, note=beside)
        yield _beside_all(title, "us", "lower", values)


def _small_rows(found: Mapping[str, Figures]) -> Iterable[Row]:
    title = f"between machines: {TITLES[SATURATED]}"
    rates = _rates(found)
    yield at_least(f"{title}, of what is asked", rates.get(OURS), LEAST_SMALL)
    yield compare(
        title, UNITS[SATURATED.kind], "higher", rates.get(OURS), _of(rates, [ZMQ, *RIVALS]), target=1.0
    )
    yield _beside_all(title, UNITS[SATURATED.kind], "higher", rates)


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
    yield _beside_tuned(title, UNITS[SATURATED_LARGE.kind], "higher", rates)
    yield _beside_all(title, UNITS[SATURATED_LARGE.kind], "higher", rates)
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


def _breakdown(runs: Runs, found: Found) -> Iterable[Table]:
    for system in runs.systems:
        if legs := breakdown.medians_us(getattr(system, "stations", [])):
            yield breakdown.table(legs, _of(_p50(found.get(PACED, {})), APART))
