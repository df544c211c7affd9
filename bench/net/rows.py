"""The rows of results/net.json: what is asked of an edge between machines, and who is ahead of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from bench.document import BOUND, Better, Row, compare, judge, meets
from bench.net.cases import PACED, PACED_WIDE, ROUND_TRIP, SATURATED, SATURATED_LARGE, awake, title, where
from bench.net.phases import Phase, Turns, cost_of_runs, losses, rate_of_runs
from bench.ring.cases import UNITS, Case
from bench.ring.measured import Figures
from bench.ring.systems import OURS
from bench.ring.tables import Found

AIO, ZMQ = "bare grpc.aio", "pyzmq tcp"
STREAMS = (AIO, "bare grpc.aio, uvloop", "bare gRPC, threads")
TUNED = ("bare grpc.aio, tuned", "bare gRPC, threads, tuned")
RIVALS = ("zenoh", "ezmsg", "dora", "Redis streams")
EIGHT, BESIDE = "rtmesh, eight edges", "rtmesh, an edge at 1 kHz beside"
STAMPED, LOCAL = "rtmesh, stamped", "ring in one machine"
# What others between two machines is measured: all but ours, and what is no network.
OWN = (OURS, EIGHT, BESIDE, STAMPED, LOCAL)

LEAST_SMALL = 300_000.0
MOST_OF_AIO, LEAST_OF_STREAM, MOST_OF_ONE = 1.6, 0.7, 3.0
MOST_BESIDE_PERCENT = 10.0

NO_TURNS = "no session had whole phases of every kind"

# A figure by the system's name.
Values = Mapping[str, float]


def rows(found: Found, turns: Sequence[Turns] = ()) -> Iterator[Row]:
    """Of what was measured: every case as it comes, then the latencies with the CPUs kept awake.

    `turns` are the sessions in which a small edge ran beside a saturated one.
    """
    parts = {
        ROUND_TRIP: _round_trip_rows,
        PACED: _paced_rows,
        PACED_WIDE: _paced_rows,
        SATURATED: _small_rows,
        SATURATED_LARGE: _large_rows,
    }
    for case, part in parts.items():
        if case in found:
            yield from part(case, found[case])
    yield from _beside_rows(SATURATED_LARGE, found.get(SATURATED_LARGE, {}), turns)
    yield from _eight_rows(PACED, found.get(PACED, {}))
    for case, part in ((awake(case), part) for case, part in parts.items() if case.is_latency):
        if case in found:
            yield from part(case, found[case])
    yield from _eight_rows(awake(PACED), found.get(awake(PACED), {}))


def _round_trip_rows(case: Case, found: Mapping[str, Figures]) -> Iterator[Row]:
    beside = _Beside(f"{title(case)} p50", "us", "lower", _percentiles(found, "p50"), _losses(found))
    yield beside.these("a bare stream", [AIO], MOST_OF_AIO)
    yield beside.these("those that carry over machines", RIVALS, 1.0)
    yield beside.floor()
    yield beside.all()


def _paced_rows(case: Case, found: Mapping[str, Figures]) -> Iterator[Row]:
    for name in ("p50", "p99"):
        values = _percentiles(found, name)
        zmq = f"{ZMQ} {values[ZMQ]:.0f} us" if ZMQ in values else ""
        beside = _Beside(f"{title(case)}, {name}", "us", "lower", values, _losses(found))
        yield beside.these("", RIVALS, 1.0, zmq)
        yield beside.floor()
        yield beside.all()


def _small_rows(case: Case, found: Mapping[str, Figures]) -> Iterator[Row]:
    rates, losses = _rates(found), _losses(found)
    yield at_least(f"{title(case)}, of what is asked", rates.get(OURS), LEAST_SMALL, losses.get(OURS, ""))
    beside = _Beside(title(case), UNITS[case.kind], "higher", rates, losses)
    yield beside.these("", [ZMQ, *RIVALS], 1.0)
    yield beside.all()


def _large_rows(case: Case, found: Mapping[str, Figures]) -> Iterator[Row]:
    rates = _rates(found)
    beside = _Beside(title(case), UNITS[case.kind], "higher", rates, _losses(found))
    yield beside.these("a bare stream", STREAMS, LEAST_OF_STREAM)
    yield beside.floor()
    yield beside.all()


def _beside_rows(case: Case, found: Mapping[str, Figures], turns: Sequence[Turns]) -> Iterator[Row]:
    if not turns and not {OURS, BESIDE} & found.keys():
        return
    lost = [*filter(None, [_losses(found).get(BESIDE)]), *losses(turns)]
    costs = {phase: cost_of_runs(turns, phase) for phase in (Phase.BESIDE, Phase.FLOOR) if turns}
    what = "an edge of 64 B at 1 kHz beside it: what it costs of the rate"
    row = judge(
        f"{title(case)}, {what}", "%", costs.get(Phase.BESIDE), MOST_BESIDE_PERCENT, _beside_note(turns, lost)
    )
    yield replace(row, met=row.met and not lost)
    what = "two processes that do the same over a ring in one machine: what they cost of the rate"
    yield Row(f"{title(case)}, {what}", "%", "lower", costs.get(Phase.FLOOR), note="" if turns else NO_TURNS)


def _beside_note(turns: Sequence[Turns], lost: Sequence[str]) -> str:
    if not turns:
        return NO_TURNS
    rates = ", ".join(f"{phase} {rate_of_runs(turns, phase):,.0f}" for phase in Phase)
    floor = f"the floor costs {cost_of_runs(turns, Phase.FLOOR):.1f} %"
    return "; ".join([f"messages/s in turns: {rates}", floor, *lost])


def _eight_rows(case: Case, found: Mapping[str, Figures]) -> Iterator[Row]:
    tails = _percentiles(found, "p99")
    if OURS in tails:
        what = f"{where(case)}: eight edges at 1 kHz, 64 B, p99"
        yield judge(what, "us", tails.get(EIGHT), MOST_OF_ONE * tails[OURS], f"one edge {tails[OURS]:.0f} us")


class _Beside:
    """Ours beside some of the others in one case. What either lost is told; if we did, no target is met."""

    def __init__(
        self, what: str, unit: str, better: Better, values: Values, losses: Mapping[str, str]
    ) -> None:
        self._what, self._unit, self._better = what, unit, better
        self._values, self._losses = values, losses

    def these(self, who: str, names: Iterable[str], target: float | None = None, also: str = "") -> Row:
        rivals = {name: self._values[name] for name in names if name in self._values}
        case = f"{self._what}, beside {who}" if who else self._what
        lossless = OURS not in self._losses
        ours = self._values.get(OURS)
        row = compare(case, self._unit, self._better, ours, rivals, target=target, also=lossless)
        lost = [self._losses.get(name or "", "") for name in (OURS, row.best_rival)]
        return replace(row, note="; ".join(filter(None, [also, *lost])))

    def floor(self) -> Row:
        """No target: what gRPC itself costs at its best here, which a relay over gRPC cannot go below."""
        return self.these("the floor, bare gRPC at its best", [*STREAMS, *TUNED])

    def all(self) -> Row:
        """No target: whoever is ahead of us, plain sockets among them, is to be told."""
        return self.these("all that was measured", [name for name in self._values if name not in OWN])


def at_least(case: str, figure: float | None, least: float, note: str = "") -> Row:
    """A rate of ours that has to reach a bound."""
    ratio = None if figure is None else figure / least
    met = None if ratio is None else meets(ratio, 1.0, "higher")
    return Row(case, "messages/s", "higher", figure, BOUND, least, ratio, 1.0, met, note=note)


def _percentiles(found: Mapping[str, Figures], name: str) -> dict[str, float]:
    return {system: getattr(each.spread, name) for system, each in found.items() if each.spread}


def _rates(found: Mapping[str, Figures]) -> dict[str, float]:
    return {name: each.figure for name, each in found.items()}


def _losses(found: Mapping[str, Figures]) -> dict[str, str]:
    """Who lost something, and how much of what was sent in all runs."""
    return {name: f"{name} lost {each.lost:,} of {each.sent:,}" for name, each in found.items() if each.lost}


def apart(found: Mapping[str, Figures], names: Sequence[str]) -> dict[str, float]:
    """The p50 of these, as far as they were measured."""
    values = _percentiles(found, "p50")
    return {name: values[name] for name in names if name in values}
