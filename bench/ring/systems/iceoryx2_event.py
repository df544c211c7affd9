"""iceoryx2 whose reader sleeps until it is notified of a message."""

from bench.ring.systems.iceoryx2_common import IceoryxSystem

SYSTEM = IceoryxSystem(
    "iceoryx2 event",
    "as polling; a notify() after each send, Listener.timed_wait when there is none",
    has_event=True,
)
