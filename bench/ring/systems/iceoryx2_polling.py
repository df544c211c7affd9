"""iceoryx2 whose reader asks again and again: the faster way, at the price of a CPU."""

from bench.ring.systems.iceoryx2_common import IceoryxSystem

SYSTEM = IceoryxSystem(
    "iceoryx2 polling",
    "loan_slice_uninit, memmove, send; RetryUntilDelivered, buffer 256 (above 64 KiB 64), one service a "
    "size; receive() without a pause (fan-out: sched_yield)",
    has_event=False,
)
