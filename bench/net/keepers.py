"""What meshd does on each host while a session runs: calm nodes and the relay share a CPU (`cpu_keeper`)."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Iterator, Mapping

from bench.net.relays import RUN, Relay
from rtmesh.machine.cpu_groups import RELAY
from rtmesh.machine.cpu_keeper import PERIOD_S, CpuKeeper, Loop, RunLoops
from rtmesh.machine.cpu_masks import Cpus

# A second of calm, and one look more on either side, with some to spare.
DECIDED_WITHIN_S = 2.0


class HostKeeper(CpuKeeper):
    """The keeper of one host. It may choose one CPU, the other host another: two computers share none.

    Args:
        own: that of this host, if it has processes share one; spread ones run on all, as others' do.
        relay: the host's.
    """

    def __init__(self, own: int, relay: Relay) -> None:
        super().__init__("auto", lambda: [self._run()], lambda: relay.process.pid)
        self._own = own
        self._nodes: dict[str, int] = {}

    def add(self, process_id: int) -> None:
        """One more process whose first thread works at rings that the relay serves."""
        self._nodes[f"node{len(self._nodes)}"] = process_id

    def _run(self) -> RunLoops:
        nodes = dict(self._nodes)
        loops = tuple(Loop(name, process_id, True, 0) for name, process_id in nodes.items())
        relayed = tuple(edge for name in nodes for edge in ((name, RELAY), (RELAY, name)))
        return RunLoops(RUN, (), loops, relayed)

    def _read_busy(self, free: Cpus, now_ns: int) -> Mapping[int, float]:
        busy = super()._read_busy(free, now_ns)
        return {cpu: share if cpu == self._own else 1.0 for cpu, share in busy.items()}


@contextlib.contextmanager
def keep_cpus(relays: tuple[Relay, Relay]) -> Iterator[tuple[HostKeeper, ...]]:
    """Keep both hosts' while the block runs; nobody is known yet but the relays."""
    cpus = sorted(os.sched_getaffinity(0))
    keepers = tuple(HostKeeper(cpus[index % len(cpus)], relay) for index, relay in enumerate(relays))
    stop = threading.Event()

    def keep() -> None:
        while not stop.wait(PERIOD_S):
            for keeper in keepers:
                keeper.look(time.monotonic_ns())

    keeping = threading.Thread(target=keep)
    keeping.start()
    try:
        yield keepers
    finally:
        stop.set()
        keeping.join()
