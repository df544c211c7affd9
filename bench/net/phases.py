"""One session in turns: a saturated edge alone, beside a small one, beside two processes without a network.

     alone   beside   floor    alone   beside         Rates are compared inside a session: from one session
    |··─────|··─────|··─────|··─────|··───── …        to the next they swing by more than is asked about.
     settling: not counted

The turns have a fixed place on the clock that all processes share, so nobody has to tell anybody of them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import median
from typing import NamedTuple

from bench.document import Cell, Table
from bench.figures import Spread
from bench.ring.tally import spread_of


class Phase(StrEnum):
    """What is done beside the saturated edge."""

    # Nothing; the small edge; the same by the same processes over a ring in one machine.
    ALONE = "alone"
    BESIDE = "beside"
    FLOOR = "floor"


ORDER = tuple(Phase)
# This part of a phase is over before anything in it counts.
SETTLING = 6


class Span(NamedTuple):
    """The part of a phase that counts."""

    phase: Phase
    begin_ns: int
    end_ns: int


class Schedule(NamedTuple):
    """The phases follow each other in ORDER without end."""

    start_ns: int
    phase_ns: int

    @property
    def settling_ns(self) -> int:
        """How much of each phase does not count."""
        return self.phase_ns // SETTLING

    def at(self, time_ns: int) -> Phase:
        return ORDER[(time_ns - self.start_ns) // self.phase_ns % len(ORDER)]

    def end_of(self, time_ns: int) -> int:
        """When the phase that it is in ends."""
        return time_ns + self.phase_ns - (time_ns - self.start_ns) % self.phase_ns

    def spans(self, since_ns: int, until_ns: int) -> list[Span]:
        """Of the phases that lie wholly between these times."""
        first = since_ns + (self.start_ns - since_ns) % self.phase_ns
        begins = range(first, until_ns - self.phase_ns + 1, self.phase_ns)
        return [Span(self.at(begin), begin + self.settling_ns, begin + self.phase_ns) for begin in begins]


@dataclass(frozen=True)
class Sent:
    """The small edge's sender: what was due over each of its rings, and how many found theirs full."""

    since_ns: int
    until_ns: int
    due: Mapping[str, int]
    refused: int


@dataclass(frozen=True)
class Taken:
    """The small edge's receiver, of each of its rings: when each message was published, and when it came."""

    since_ns: int
    until_ns: int
    published_ns: Mapping[str, Sequence[int]]
    came_ns: Mapping[str, Sequence[int]]


@dataclass(frozen=True)
class Turns:
    """What one session gave: rates of the saturated edge, one a phase; ages of the small edge's messages.

    Lost is whatever was due and did not come, also what found its ring full.
    """

    rates: Mapping[Phase, Sequence[float]]
    ages: Spread
    due: Mapping[Phase, int]
    lost: Mapping[Phase, int]
    refused: int

    def rate(self, phase: Phase) -> float:
        return median(self.rates[phase])

    def cost_percent(self, phase: Phase) -> float:
        """How much of the rate alone is gone in this phase."""
        return 100 * (1 - self.rate(phase) / self.rate(Phase.ALONE))


def turns_of(schedule: Schedule, came_ns: Sequence[int], sent: Sent, taken: Taken) -> Turns:
    """From when the large edge's messages came. ValueError if not every kind of phase was there, whole."""
    if not came_ns:
        raise ValueError("nothing came over the large edge")
    since_ns = max(came_ns[0], sent.since_ns, taken.since_ns)
    spans = schedule.spans(since_ns, min(came_ns[-1], sent.until_ns, taken.until_ns))
    rates = {phase: [_rate(came_ns, span) for span in spans if span.phase is phase] for phase in ORDER}
    if missing := [phase for phase in ORDER if not rates[phase]]:
        raise ValueError(f"no whole phase: {', '.join(missing)}")
    ages = spread_of([age for span in spans for age in _ages_ns(taken, span, schedule.settling_ns)])
    if ages is None or not median(rates[Phase.ALONE]):
        raise ValueError("an edge stood still")
    due = {phase: sent.due[phase] for phase in (Phase.BESIDE, Phase.FLOOR)}
    lost = {phase: count - len(taken.came_ns[phase]) for phase, count in due.items()}
    return Turns(rates, ages, due, lost, sent.refused)


def _rate(came_ns: Sequence[int], span: Span) -> float:
    count = bisect_left(came_ns, span.end_ns) - bisect_left(came_ns, span.begin_ns)
    return count * 1e9 / (span.end_ns - span.begin_ns)


def _ages_ns(taken: Taken, span: Span, late_ns: int) -> list[int]:
    """Beside only. A message may be published late: it counts until those of the next phase do."""
    if span.phase is not Phase.BESIDE:
        return []
    published_ns, came_ns = taken.published_ns[Phase.BESIDE], taken.came_ns[Phase.BESIDE]
    first, end = bisect_left(published_ns, span.begin_ns), bisect_left(published_ns, span.end_ns + late_ns)
    return [came - published for published, came in zip(published_ns[first:end], came_ns[first:end])]


def rate_of_runs(runs: Sequence[Turns], phase: Phase) -> float:
    """The median over the sessions."""
    return median(turns.rate(phase) for turns in runs)


def cost_of_runs(runs: Sequence[Turns], phase: Phase) -> float:
    """The median of the cost in each session, not the cost of medians."""
    return median(turns.cost_percent(phase) for turns in runs)


def losses(runs: Sequence[Turns]) -> Iterator[str]:
    """What the small edge lost, in words."""
    names = {Phase.BESIDE: "the edge beside", Phase.FLOOR: "the ring in one machine"}
    for phase, name in names.items():
        if lost := sum(turns.lost[phase] for turns in runs):
            yield f"{name} lost {lost:,} of {sum(turns.due[phase] for turns in runs):,}"


def table(runs: Sequence[Turns]) -> Table:
    """A line a session."""
    columns = ["session", *(f"{phase} messages/s" for phase in ORDER), "cost %", "floor %"]
    columns += ["small edge p50 us", "p99 us", "max us", "its messages", "lost", "phases"]
    rows = [[number, *_cells(turns)] for number, turns in enumerate(runs, 1)]
    note = (
        "Medians over a run's phases; the small edge is timed in its own. *Floor*: the small edge's two "
        "processes send and receive as much over a ring in one machine: what they cost without any network."
    )
    return Table("Saturated 1 MiB and an edge of 64 B at 1 kHz, in turns", columns, rows, note)


def _cells(turns: Turns) -> list[Cell]:
    ages = turns.ages
    rates = [turns.rate(phase) for phase in ORDER]
    costs = [turns.cost_percent(phase) for phase in (Phase.BESIDE, Phase.FLOOR)]
    count = sum(len(each) for each in turns.rates.values())
    return [*rates, *costs, ages.p50, ages.p99, ages.max, ages.count, sum(turns.lost.values()), count]
