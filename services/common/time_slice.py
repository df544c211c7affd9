"""How soon the kernel gives a process a CPU that others want too: its time slice, since Linux 6.12.

Among processes of ordinary priority, one that wakes interrupts one whose slice is longer; the share of
the CPU that each gets in the long run stays the same. So a slice is no privilege, and needs none.
Real-time priorities go before all of this.

Source: the EEVDF scheduler, kernel/sched/fair.c (`sched_attr.sched_runtime` of SCHED_OTHER); I. Stoica and
H. Abdel-Wahab, Earliest Eligible Virtual Deadline First, 1995.
"""

from __future__ import annotations

import ctypes
import os
import platform
from struct import Struct
from typing import NamedTuple, Self

SHORTEST_US = 100  # the kernel takes no shorter one

# size, policy, flags, nice, priority, runtime, deadline, period: struct sched_attr of linux/sched/types.h
_ATTRIBUTES = Struct("=IIQiIQQQ")
_NUMBERS = {"x86_64": (314, 315), "aarch64": (274, 275), "riscv64": (274, 275)}
_ORDINARY = (os.SCHED_OTHER, os.SCHED_BATCH)


class _Attributes(NamedTuple):
    size: int
    policy: int
    flags: int
    nice: int
    priority: int
    runtime_ns: int
    deadline_ns: int
    period_ns: int

    @classmethod
    def of(cls, thread_id: int, number: int) -> Self:
        buffer = ctypes.create_string_buffer(_ATTRIBUTES.size)
        _call(number, thread_id, buffer, _ATTRIBUTES.size, 0)
        return cls._make(_ATTRIBUTES.unpack(buffer.raw))


def set_time_slice(slice_us: int) -> None:
    """Set the time slice of this thread, and of those that it starts from now on.

    Nothing happens where there is nothing to set: under a real-time policy, or on a kernel without it.
    """
    numbers = _NUMBERS.get(platform.machine())
    if numbers is None:
        return
    try:
        attributes = _Attributes.of(0, numbers[1])
        if attributes.policy in _ORDINARY:
            wanted = attributes._replace(runtime_ns=slice_us * 1000)
            _call(numbers[0], 0, _ATTRIBUTES.pack(*wanted), 0)
    except OSError:
        pass  # a container may refuse the call; without it the node is later now and then


def time_slice_us(thread_id: int = 0) -> int | None:
    """The time slice of a thread (0: of this one) in microseconds; None where that is not to be known."""
    numbers = _NUMBERS.get(platform.machine())
    if numbers is None:
        return None
    try:
        attributes = _Attributes.of(thread_id, numbers[1])
    except OSError:
        return None
    return attributes.runtime_ns // 1000 if attributes.policy in _ORDINARY and attributes.runtime_ns else None


def _call(number: int, *arguments: object) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(number, *arguments) != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
