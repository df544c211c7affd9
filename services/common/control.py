"""The three control rings of a node, through which its loop is ordered about, asked, and heard.

    meshd ──orders──> loop <──requests── service
      ^                 │                   ^
      └────── events ───┴───── events ──────┘

The readers of `events` drop the oldest, so that neither a dead meshd nor a dead service ever
holds a loop; what must not be lost, the state, also stands in a word of that ring.
"""

from __future__ import annotations

from typing import NamedTuple

from rtmesh.shm import Policy, ReaderLayout, RingLayout

# Words of the events ring, written by the loop.
WORD_STATE = 0
WORD_STEPS = 1
WORD_STEP_STARTED_NS = 2  # CLOCK_MONOTONIC; 0 between steps
WORD_OVERRUNS = 3
WORD_UNJOINED = 4

EVENTS_READER_MESHD = 0
EVENTS_READER_SERVICE = 1

ORDER_BYTES = 1024
MESSAGE_BYTES = 128 * 1024


class ControlRings(NamedTuple):
    """Names of a node's control rings, as segment_name() takes them."""

    orders: str
    requests: str
    events: str


def control_ring_names(node: str) -> ControlRings:
    """Names that no port can have: ports follow a dot, these an @."""
    return ControlRings(f"{node}@orders", f"{node}@requests", f"{node}@events")


def orders_layout() -> RingLayout:
    return RingLayout(entries=16, slot_bytes=ORDER_BYTES, readers=(_reader("loop", Policy.BLOCK, 16),))


def requests_layout() -> RingLayout:
    return RingLayout(entries=4, slot_bytes=MESSAGE_BYTES, readers=(_reader("loop", Policy.BLOCK, 4),))


def events_layout() -> RingLayout:
    readers = tuple(_reader(name, Policy.DROP_OLDEST, 16) for name in ("meshd", "service"))
    return RingLayout(entries=16, slot_bytes=MESSAGE_BYTES, readers=readers)


def _reader(name: str, policy: Policy, queue: int) -> ReaderLayout:
    return ReaderLayout(name=name, policy=policy, queue=queue, hold=1)
