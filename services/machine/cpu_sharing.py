"""What is decided about CPUs: which groups of loops share one, and which. Others run where the kernel likes.

    spread ── calm for a second, and a CPU has room ──> sharing
       ^                                                   │ busy in one period, or others want that CPU
       └──────── waits: 10 s, doubled each time ───────────┘

A group with the relay in it is *wide*: other groups may be parts of it. While it shares a CPU these go with
it; while it does not, each goes its own way: so a relay that has much to carry takes nothing from loops that
are calm.

Pure: what was measured goes in, changes come out. No clock, no process.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from rtmesh.machine.cpu_groups import RELAY, WAKE_NS, Group, Use, gains

SECOND_NS = 1_000_000_000
# Shares of one CPU. A group that is calm leaves time enough for what comes unevenly.
CALM = 0.4
BUSY = 0.6
# A CPU that would be this busy, the group included, has no room.
FULL = 0.8
# Share of the time that a loop waited while others than its group ran there.
SUFFERED = 0.02
# Periods that are looked back on: a second.
PERIODS = 4
FIRST_PAUSE_NS = 10 * SECOND_NS
LONGEST_PAUSE_NS = 300 * SECOND_NS


class Reading(NamedTuple):
    """What the loops of one group did in some time."""

    period_ns: int
    uses: Mapping[str, Use]

    @property
    def ran_ns(self) -> int:
        return sum(use.ran_ns for use in self.uses.values())

    @property
    def share(self) -> float:
        """Of one CPU."""
        return self.ran_ns / self.period_ns


class Change(NamedTuple):
    """A group shares a CPU from now on, or none any more (None)."""

    group: Group
    cpu: int | None
    why: str


class Sharing:
    """Decides anew with every period that was measured."""

    def __init__(self) -> None:
        self._standings: dict[Group, _Standing] = {}
        self._cpus: Collection[int] = ()
        self._busy: deque[Mapping[int, float]] = deque(maxlen=PERIODS)

    def cpu_of(self, group: Group) -> int | None:
        """The CPU that the group shares; None: it is spread."""
        standing = self._standings.get(group)
        return standing.cpu if standing is not None else None

    def wants_a_cpu(self, now_ns: int) -> bool:
        """Whether some group may share soon, so that it is of use to know how busy each CPU is."""
        return any(standing.waits(now_ns) for standing in self._standings.values())

    def look(
        self,
        readings: Mapping[Group, Reading | None],
        cpus: Collection[int],
        busy: Mapping[int, float],
        now_ns: int,
    ) -> list[Change]:
        """Take what was measured in the last period.

        Args:
            readings: of every group that there is; None while not all of its loops are at work.
            cpus: those that may be used.
            busy: which share of the time each of them did something; empty if that was not measured.
        """
        self._standings = {group: self._standings.get(group) or _Standing() for group in readings}
        self._cpus = cpus
        self._note_busy(busy)
        for group, reading in readings.items():
            self._standings[group].take(reading)
        wide_first = sorted(readings, key=lambda group: RELAY not in group.nodes)
        changes = [self._look_at(group, readings[group], now_ns) for group in wide_first]
        return [change for change in changes if change is not None]

    def _note_busy(self, busy: Mapping[int, float]) -> None:
        if busy:
            self._busy.append(busy)
        else:
            self._busy.clear()

    def _look_at(self, group: Group, reading: Reading | None, now_ns: int) -> Change | None:
        standing = self._standings[group]
        whole = self._shared_whole(group)
        if whole is not None:
            standing.go_with(whole)
            return None
        if standing.cpu is None:
            return self._try_to_share(group, standing, now_ns)
        if reading is None or standing.cpu not in self._cpus:
            lost = f"CPU {standing.cpu} may not be used any more"
            self._spread(group, standing)
            return Change(group, None, "not all of its loops are at work" if reading is None else lost)
        if why := _why_not(group, standing, len(self._cpus)):
            self._spread(group, standing)
            standing.pause(now_ns)
            return Change(group, None, why)
        return None

    def _spread(self, group: Group, standing: _Standing) -> None:
        """Its parts stay; that they waited for the rest of it until now is nothing against them."""
        standing.spread()
        for part in self._parts(group):
            part.forget()

    def _try_to_share(self, group: Group, standing: _Standing, now_ns: int) -> Change | None:
        if len(self._cpus) < 2 or not standing.waits(now_ns) or len(self._busy) < PERIODS:
            return None
        total = standing.total()
        if total is None or total.share >= CALM or not gains(group, total.uses, len(self._cpus), WAKE_NS):
            return None
        cpu = self._emptiest(group, total.share)
        if cpu is None:
            return None
        standing.share(cpu, total.share, now_ns)
        return Change(group, cpu, f"its loops use {_percent(total.share)} of a CPU")

    def _parts(self, group: Group) -> list[_Standing]:
        return [standing for part, standing in self._standings.items() if _is_part(part, group)]

    def _shared_whole(self, part: Group) -> _Standing | None:
        """Of the wide group that this one is a part of, if that shares a CPU."""
        wholes = (
            standing
            for group, standing in self._standings.items()
            if standing.cpu is not None and _is_part(part, group)
        )
        return next(wholes, None)

    def _emptiest(self, group: Group, share: float) -> int | None:
        """The CPU with most room; None if none has enough. If parts of the group share some: one of these.

        Of CPUs that are about as busy, the one with the highest number: the first serves most interrupts.
        """
        loads = {cpu: self._load_beside(group, cpu) for cpu in self._cpus}
        of_parts = {part.cpu for part in self._parts(group)}
        chosen = min(loads.keys() & of_parts or loads, key=lambda cpu: (round(loads[cpu], 1), -cpu))
        return chosen if loads[chosen] + share <= FULL else None

    def _load_beside(self, group: Group, cpu: int) -> float:
        """How busy a CPU is with others. A group that shares it may count twice, and so keeps others away."""
        load = sum(busy.get(cpu, 1.0) for busy in self._busy) / len(self._busy)
        for other, standing in self._standings.items():
            if standing.cpu == cpu and _is_part(other, group):
                load -= standing.recent_share()
            elif standing.cpu == cpu and self._shared_whole(other) is None:
                load += standing.share_of_cpu
        return load


class _Standing:
    """What is known of one group."""

    def __init__(self) -> None:
        self.cpu: int | None = None
        self.share_of_cpu = 0.0
        self._readings: deque[Reading] = deque(maxlen=PERIODS)
        self._since_ns = 0
        self._pause_ns = 0
        self._not_before_ns = 0

    def waits(self, now_ns: int) -> bool:
        return self.cpu is None and now_ns >= self._not_before_ns

    def take(self, reading: Reading | None) -> None:
        if reading is None:
            self._readings.clear()
        else:
            self._readings.append(reading)

    @property
    def newest_share(self) -> float:
        """Of one CPU; 0 while nothing is known."""
        return self._readings[-1].share if self._readings else 0.0

    def total(self) -> Reading | None:
        """Of the last second; None before there was one."""
        return _sum(self._readings) if len(self._readings) == PERIODS else None

    def share(self, cpu: int, share_of_cpu: float, now_ns: int) -> None:
        self.cpu, self.share_of_cpu, self._since_ns = cpu, share_of_cpu, now_ns
        self._readings.clear()

    def go_with(self, whole: _Standing) -> None:
        """Be where the group is that this one is a part of; stay there when that is spread."""
        self.share_of_cpu = self.recent_share()
        self.cpu, self._since_ns = whole.cpu, whole._since_ns

    def recent_share(self) -> float:
        """Of one CPU, as far back as is known."""
        return _sum(self._readings).share if self._readings else 0.0

    def spread(self) -> None:
        self.cpu = None
        self.forget()

    def forget(self) -> None:
        """What was measured until now."""
        self._readings.clear()

    def pause(self, now_ns: int) -> None:
        """Do not share for a while: what went wrong may well come again."""
        went_well = now_ns - self._since_ns >= LONGEST_PAUSE_NS
        longer_ns = min(2 * self._pause_ns, LONGEST_PAUSE_NS)
        self._pause_ns = FIRST_PAUSE_NS if went_well else max(longer_ns, FIRST_PAUSE_NS)
        self._not_before_ns = now_ns + self._pause_ns


def _why_not(group: Group, standing: _Standing, cpu_count: int) -> str:
    """Why a group should not share its CPU any more; empty if it does well."""
    if (share := standing.newest_share) > BUSY:
        return f"its loops use {_percent(share)} of a CPU"
    total = standing.total()
    if total is None:
        return ""
    # A wake counts twice what it does at first: who is at the limit would go to and fro.
    if not gains(group, total.uses, cpu_count, 2 * WAKE_NS):
        return "its branches are done sooner at the same time"
    name, share = max(_disturbed(total), key=lambda item: item[1])
    if share > SUFFERED:
        return f"{name} waited {_percent(share)} of the time while others ran on CPU {standing.cpu}"
    return ""


def _disturbed(total: Reading) -> Iterable[tuple[str, float]]:
    """Of each loop, for how much of the time it waited while none of its group ran.

    That is at least what it waited beyond all that the others of its group ran.
    """
    for name, use in total.uses.items():
        others_ns = total.ran_ns - use.ran_ns
        yield name, (use.waited_ns - others_ns) / total.period_ns


def _sum(readings: Collection[Reading]) -> Reading:
    uses = {
        name: Use(*map(sum, zip(*(reading.uses[name] for reading in readings))))
        for name in next(iter(readings)).uses
    }
    return Reading(sum(reading.period_ns for reading in readings), uses)


def _is_part(group: Group, other: Group) -> bool:
    """Whether all loops of a group are among those of a wide one."""
    is_wide = RELAY in other.nodes and RELAY not in group.nodes
    return is_wide and group.run == other.run and set(group.nodes) < set(other.nodes)


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
