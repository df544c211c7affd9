"""How the relay's process is set up: time slices, and memory for large messages."""

from __future__ import annotations

import ctypes

from rtmesh.common.time_slice import SHORTEST_US, set_time_slice

# Of all threads but those that send. These have the shortest, as the loops at the end of a chain do: a loop
# that a receiving thread wakes goes before what that thread has left to do.
_SLICE_US = 2 * SHORTEST_US
# M_MMAP_THRESHOLD, M_TRIM_THRESHOLD, M_TOP_PAD of malloc.h
_MALLOC = {-3: 500_000_000, -1: 500_000_000, -2: 64 << 20}


def tune_process() -> None:
    """Set the time slice of this thread and of all that it starts; have malloc keep what is freed."""
    set_time_slice(_SLICE_US)  # the end of a chain for each loop whose messages leave the machine
    _keep_large_buffers()


def _keep_large_buffers() -> None:
    """Else a large message is mapped, faulted in and unmapped each time."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # glibc has it
    if mallopt is not None:
        for setting, size_bytes in _MALLOC.items():
            mallopt(setting, size_bytes)
