"""How far the machines' mesh time is off: only who made their clocks knows the truth."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import NamedTuple

from lab.network import Network
from rtmesh.common.clock import ClockPage
from rtmesh.shm import list_segments

SECOND_NS = 1_000_000_000


class ClockError(NamedTuple):
    """Of one machine: its mesh time less the reference's, and the bound that it gives itself."""

    error_ns: int
    bound_ns: int


def clock_errors(network: Network, reference: str) -> dict[str, ClockError]:
    """The true error of each machine's mesh time against the reference's, from clock pages and known clocks.

    Hosts without a living meshd are left out. The reading itself is good to about a microsecond.
    """
    truths = {}
    for host in network.hosts:
        page = _page(host, network)
        if page is not None:
            truths[host] = (_ahead(page), page.error_ns)
            page.close()
    zero_ns = truths[reference][0]
    return {host: ClockError(sum_ns - zero_ns, bound_ns) for host, (sum_ns, bound_ns) in truths.items()}


def _page(host: str, network: Network) -> ClockPage | None:
    """The clock page of the meshd that runs on a host of this very network, as it is read there."""
    running = {f".meshd-{process_id}." for process_id in network.box.processes()}
    for name in list_segments(f"rtmesh.{os.getuid()}.{host}."):
        if name.endswith(".clock") and any(meshd in name for meshd in running):
            return ClockPage.open(name, _clock(network.clock_s[host]))
    return None


def _clock(later_s: int) -> Callable[[], int]:
    """CLOCK_MONOTONIC of a host: what its mesh time is reckoned from."""
    return lambda: time.monotonic_ns() + later_s * SECOND_NS


def _ahead(page: ClockPage) -> int:
    """How far a host's mesh time is ahead of our clock, between two readings of ours; the closest of some."""
    readings = []
    for _ in range(20):
        before_ns = time.monotonic_ns()
        mesh_ns = page.now_ns()
        after_ns = time.monotonic_ns()
        readings.append((after_ns - before_ns, mesh_ns - (before_ns + after_ns) // 2))
    return min(readings)[1]
