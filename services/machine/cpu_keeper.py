"""Looks four times a second at loops and relay, and has those share a CPU that are quicker that way."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from rtmesh.common.cpus import ANY, listed_cpus
from rtmesh.common.logs import get_logger
from rtmesh.machine.cpu_groups import RELAY, Edge, Group, Use, group_with_relay, groups_of
from rtmesh.machine.cpu_masks import Cpus, LoopMask
from rtmesh.machine.cpu_relay import RelayProcess
from rtmesh.machine.cpu_sharing import Change, Reading, Sharing
from rtmesh.machine.cpu_usage import (
    CpuTimes,
    ThreadTimes,
    are_times_told,
    busy_share,
    cpu_times,
    fast_cpus,
    thread_times,
)
from rtmesh.machine.faults import told
from rtmesh.shm import RingError

PERIOD_S = 0.25

log = get_logger()


class Loop(NamedTuple):
    """A loop whose process lives."""

    node: str
    process_id: int
    # Whether its graph runs and it does too; in setup it may want all CPUs there are.
    is_at_work: bool
    steps: int


class RunLoops(NamedTuple):
    """The loops of one run, the rings between them, and those between them and the relay."""

    run: str
    edges: tuple[Edge, ...]
    loops: tuple[Loop, ...]
    relayed: tuple[Edge, ...] = ()


class CpuKeeper:
    """Keeps the loops of one machine, and its relay, on the CPUs that are good for them.

    Args:
        loop_cpus: auto, any, or a list of CPUs.
        runs: what runs now.
        relay: the process id of the relay, if one runs now.
    """

    def __init__(
        self,
        loop_cpus: str,
        runs: Callable[[], Iterable[RunLoops]],
        relay: Callable[[], int | None] = lambda: None,
    ) -> None:
        self._shares = loop_cpus != ANY
        self._listed = listed_cpus(loop_cpus)
        self._runs = runs
        self._relay_id = relay
        self._relay = RelayProcess()
        self._sharing = Sharing()
        self._masks: dict[int, LoopMask] = {}
        self._seen: dict[int, tuple[ThreadTimes, int]] = {}
        self._cpu_times: dict[int, CpuTimes] = {}
        self._looked_ns = 0

    async def keep(self) -> None:
        """Look again and again; returns at once where there is nothing to decide."""
        if not self._shares:
            return
        if not are_times_told():
            log.info("loops do not share CPUs: this kernel does not tell how long they run and wait")
            return
        while True:
            await asyncio.sleep(PERIOD_S)
            try:
                self.look(time.monotonic_ns())
            except (RingError, OSError) as error:
                log.error("cannot look at the CPUs", error=told(error))

    def look(self, now_ns: int) -> None:
        """Measure what was since the last call, decide, and put every loop where it should be."""
        free = self._free()
        runs = list(self._runs())
        self._follow([loop for run in runs for loop in run.loops], free)
        carried = _carried(runs)
        # The list is of loops alone; the relay is where meshd is.
        self._relay.follow(self._relay_id() if carried else None, _own_cpus())
        readings = self._read(runs, carried, now_ns)
        changes = self._sharing.look(readings, fast_cpus(free), self._read_busy(free, now_ns), now_ns)
        for change in changes:
            _tell(change)
        self._place(runs, readings)

    def _free(self) -> Cpus:
        """The CPUs that a loop has unless it shares one; the control group may change them."""
        own = _own_cpus()
        return self._listed & own or own

    def _follow(self, loops: Iterable[Loop], free: Cpus) -> None:
        """Know the masks of the loops that are at work, and of no others."""
        at_work = [loop.process_id for loop in loops if loop.is_at_work]
        self._masks = {each: self._masks.get(each) or LoopMask(each, free) for each in at_work}
        self._seen = {each: seen for each, seen in self._seen.items() if each in self._masks}
        for mask in self._masks.values():
            mask.set_free(free)

    def _read(
        self, runs: Iterable[RunLoops], carried: RunLoops | None, now_ns: int
    ) -> dict[Group, Reading | None]:
        period_ns, self._looked_ns = now_ns - self._looked_ns, now_ns
        readings: dict[Group, Reading | None] = {}
        for run in runs:
            uses = {loop.node: self._use(loop) for loop in run.loops}
            for group in self._groups(run, uses, is_carried=run is carried):
                known = {node: use for node in group.nodes if (use := uses[node]) is not None}
                readings[group] = Reading(period_ns, known) if len(known) == len(group.nodes) else None
        return readings

    def _groups(self, run: RunLoops, uses: dict[str, Use | None], *, is_carried: bool) -> Iterable[Group]:
        """Of one run; what the relay did is put into `uses` if it belongs to one of them."""
        nodes = tuple(uses)
        yield from groups_of(run.run, nodes, run.edges)
        wide = group_with_relay(run.run, nodes, run.edges, run.relayed) if is_carried else None
        if wide is not None:
            steps = (use.steps for edge in run.relayed for node in edge if (use := uses.get(node)))
            uses[RELAY] = self._relay.use(max(steps, default=0))
            yield wide

    def _use(self, loop: Loop) -> Use | None:
        """What it did in this period; None if it is not at work, was not before, or cannot be moved."""
        mask = self._masks.get(loop.process_id)
        times = thread_times(loop.process_id) if mask is not None else None
        if mask is None or times is None:
            return None
        before = self._seen.get(loop.process_id)
        self._seen[loop.process_id] = (times, loop.steps)
        if before is None or not mask.is_ours:
            return None
        return Use(
            times.ran_ns - before[0].ran_ns, times.waited_ns - before[0].waited_ns, loop.steps - before[1]
        )

    def _read_busy(self, free: Cpus, now_ns: int) -> Mapping[int, float]:
        """Of each CPU; empty if nobody wants to know, for on large computers it takes a while."""
        before, self._cpu_times = self._cpu_times, {}
        if len(free) > 1 and self._sharing.wants_a_cpu(now_ns):
            self._cpu_times = cpu_times()
        both = self._cpu_times.keys() & before.keys() & free
        return {cpu: busy_share(before[cpu], self._cpu_times[cpu]) for cpu in both}

    def _place(self, runs: Iterable[RunLoops], groups: Iterable[Group]) -> None:
        """A loop may be in two groups: the wide one, and that which is left of it while it is spread."""
        shared = {
            (group.run, node): cpu
            for group in groups
            if (cpu := self._sharing.cpu_of(group)) is not None
            for node in group.nodes
        }
        for run in runs:
            for loop in run.loops:
                if loop.is_at_work:
                    cpu = shared.get((run.run, loop.node))
                    self._masks[loop.process_id].place(None if cpu is None else frozenset({cpu}))
        self._relay.place(next((cpu for (_, node), cpu in shared.items() if node == RELAY), None))


def _own_cpus() -> Cpus:
    return frozenset(os.sched_getaffinity(0))


def _carried(runs: Iterable[RunLoops]) -> RunLoops | None:
    """The run whose messages the relay carries; None if there is none, or more: it belongs to nobody then."""
    carried = [run for run in runs if run.relayed]
    return carried[0] if len(carried) == 1 else None


def _tell(change: Change) -> None:
    where = "loops share no CPU any more" if change.cpu is None else f"loops share CPU {change.cpu}"
    loops = [node for node in change.group.nodes if node != RELAY]
    if len(loops) < len(change.group.nodes):
        where += " with the relay" if change.cpu is None else ", and the relay"
    log.info(where, run=change.group.run, loops=loops, why=change.why)
