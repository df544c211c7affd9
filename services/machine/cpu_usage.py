"""What the kernel tells of CPUs and of the threads on them."""

from __future__ import annotations

import contextlib
import functools
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

_CPUS = Path("/sys/devices/system/cpu")
# How fast a CPU is, in whatever unit: whichever this kernel has. The cores of a computer may differ.
_SPEEDS = ("cpu_capacity", "cpufreq/cpuinfo_max_freq")
# Cores of one kind differ by this much at most.
_AS_FAST = 0.85


class ThreadTimes(NamedTuple):
    """Since the thread began: it ran on a CPU; it was ready and waited for one."""

    ran_ns: int
    waited_ns: int


class CpuTimes(NamedTuple):
    """Since boot, in ticks of the clock: what a CPU did in all, and how much of it was nothing."""

    all: int
    idle: int


def thread_times(process_id: int) -> ThreadTimes | None:
    """Times of a process's first thread, which has the process's number; None if it has ended."""
    text = _read(f"/proc/{process_id}/task/{process_id}/schedstat")
    fields = text.split()
    return ThreadTimes(int(fields[0]), int(fields[1])) if len(fields) >= 2 else None


def process_ran_ns(process_id: int) -> int | None:
    """How long all threads of a process ran, also those that have ended; None if it has ended itself."""
    # The clock that clock_getcpuclockid(3) names: reading it takes a tenth of what a file of /proc does.
    try:
        return time.clock_gettime_ns(~process_id << 3 | 2)
    except OSError:
        return None


def are_times_told() -> bool:
    """Whether this kernel counts those of threads and CPUs: one that does not has no file, or zeros."""
    own = thread_times(os.getpid())
    return own is not None and own.ran_ns > 0 and any(times.all for times in cpu_times().values())


def cpu_times() -> dict[int, CpuTimes]:
    """Times of each CPU; empty if the kernel tells none."""
    return dict(_cpu_times(_read("/proc/stat")))


def _cpu_times(text: str) -> Iterator[tuple[int, CpuTimes]]:
    for line in text.splitlines()[1:]:  # the first is of all CPUs
        name, *fields = line.split()
        if not name.startswith("cpu"):
            return
        # user nice system idle iowait irq softirq steal; what follows is in user and nice
        ticks = [int(field) for field in fields[:8]]
        yield int(name[3:]), CpuTimes(sum(ticks), ticks[3] + ticks[4])


def busy_share(before: CpuTimes, after: CpuTimes) -> float:
    """Which share of the time between two readings a CPU did something."""
    elapsed = after.all - before.all
    return min(max(1 - (after.idle - before.idle) / elapsed, 0.0), 1.0) if elapsed > 0 else 0.0


@functools.lru_cache
def fast_cpus(cpus: frozenset[int]) -> frozenset[int]:
    """Those that are as fast as the fastest; all if the kernel tells no difference."""
    speeds = {cpu: _speed(cpu) for cpu in cpus}
    fastest = max(speeds.values(), default=0)
    return frozenset(cpu for cpu, speed in speeds.items() if speed >= _AS_FAST * fastest)


def _speed(cpu: int) -> int:
    texts = (_read(str(_CPUS / f"cpu{cpu}" / name)) for name in _SPEEDS)
    return next((int(text) for text in texts if text.strip().isdecimal()), 0)


def threads(process_id: int) -> list[int]:
    """The threads of a process; empty if it has ended."""
    with contextlib.suppress(OSError):
        return [int(name) for name in os.listdir(f"/proc/{process_id}/task")]  # noqa: PTH208  it is quicker
    return []


def child_processes(process_id: int) -> list[int]:
    """The processes that a process's first thread has started."""
    return [int(field) for field in _read(f"/proc/{process_id}/task/{process_id}/children").split()]


def _read(path: str) -> str:
    """What a file holds; empty if there is none. Not by pathlib, which takes three times as long."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return ""
    try:
        return _read_all(descriptor).decode(errors="replace")
    except OSError:
        return ""  # it ended just now
    finally:
        os.close(descriptor)


def _read_all(descriptor: int) -> bytes:
    parts = []
    while part := os.read(descriptor, 1 << 16):
        parts.append(part)
    return b"".join(parts)
