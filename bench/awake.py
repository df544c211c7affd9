"""CPUs that do not sleep while something is measured: /dev/cpu_dma_latency held at 0, as laboratories do.

The kernel keeps to the smallest bound that any process holds, and forgets a process's when it closes the
device or ends, however it ends.
"""

from __future__ import annotations

import contextlib
import os
import struct
from collections.abc import Iterator
from pathlib import Path

DEVICE = Path("/dev/cpu_dma_latency")
# How long a CPU may take to wake, in microseconds; at 0 it spins instead of sleeping.
AT_ONCE = struct.pack("=i", 0)
# What the kernel says if nobody holds it.
UNBOUND_US = 2_000_000_000


class AwakeError(OSError):
    """The CPUs cannot be kept awake; the message says why."""


@contextlib.contextmanager
def kept_awake(device: Path = DEVICE) -> Iterator[None]:
    """No CPU sleeps while the block runs. AwakeError."""
    with contextlib.ExitStack() as stack:
        try:
            held = os.open(device, os.O_WRONLY)
            stack.callback(os.close, held)
            os.write(held, AT_ONCE)
        except OSError as error:
            raise AwakeError(
                f"the CPUs cannot be kept awake: {error}; it needs root, and {DEVICE}"
            ) from error
        yield


def why_not(device: Path = DEVICE) -> str | None:
    """Why the CPUs cannot be kept awake here; None if they can."""
    try:
        with kept_awake(device):
            return None
    except AwakeError as error:
        return str(error)


def held_by_others(device: Path = DEVICE) -> str | None:
    """A sentence for the results if somebody else keeps the CPUs awake: nothing runs as it comes then."""
    try:
        (bound_us,) = struct.unpack("=i", device.read_bytes()[:4])
    except (OSError, struct.error):
        return None
    if bound_us == UNBOUND_US:
        return None
    return (
        f"**Another process kept the CPUs awake** (a bound of {bound_us} us on {device}) when this began: "
        "what stands here as it comes may not have run so."
    )
