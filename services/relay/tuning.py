"""How this process is set up before gRPC is loaded; nothing else may be imported here that loads it.

gRPC reads the two variables when it is imported. By default its event engine polls all sockets with threads
of its own, and what comes is handed to a pool, then to whoever waits: two wakes that cost more than the wire.
Without it the thread that waits for a stream polls the stream's sockets itself; and with the strategy *poll*
only these, where *epoll1* has all threads take turns for all sockets. A gRPC that does not know a name says
so in its log and goes on as it would.
"""

from __future__ import annotations

import ctypes
import os

from rtmesh.common.time_slice import SHORTEST_US, set_time_slice

_VARIABLES = {
    "GRPC_EXPERIMENTS": "-event_engine_client,-event_engine_listener,-event_engine_for_all_other_endpoints",
    "GRPC_POLL_STRATEGY": "poll",
}
# Of all threads but those that send, which have the shortest. gRPC tells a receiving thread of each frame
# that was sent, in the midst of the call that sends it; whoever interrupts that waits for its locks at once.
_SLICE_US = 2 * SHORTEST_US
# M_MMAP_THRESHOLD, M_TRIM_THRESHOLD, M_TOP_PAD of malloc.h
_MALLOC = {-3: 500_000_000, -1: 500_000_000, -2: 64 << 20}


def tune_process() -> None:
    """Have whoever waits poll, and malloc keep what is freed; variables that are set already stay."""
    set_time_slice(_SLICE_US)  # the end of a chain for each loop whose messages leave the machine
    for name, value in _VARIABLES.items():
        os.environ.setdefault(name, value)
    _keep_large_buffers()


def _keep_large_buffers() -> None:
    """Else a large message is mapped, faulted in and unmapped each time."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # glibc has it
    if mallopt is not None:
        for setting, size_bytes in _MALLOC.items():
            mallopt(setting, size_bytes)
