"""The four control rings of a node, through which its loop is ordered about, asked, and heard.

    meshd ──orders──> loop <──requests── service
      ^                │ │                ^  ^
      └──── events ────┘ └────replies─────┘  │
            events ──────────────────────────┘

The readers of `events` drop the oldest, so that neither a dead meshd nor a dead service ever holds a loop;
what must not be lost, the state, also stands in a word of that ring. `replies` blocks, and so loses none:
a loop whose reply does not fit yet takes no further request, and goes on with its steps.

Slots are small: a message that is larger goes in parts (see `parts`). `events` has room for the largest
result, then the traceback of a failure, and what else is told with them.
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

# Largest request or event, serialized.
MESSAGE_BYTES = 128 * 1024
ORDER_BYTES = 192
# So that a slot takes a page.
SLOT_BYTES = 4032

_EVENTS_QUEUE = 64


class ControlRings(NamedTuple):
    """Names of a node's control rings, as segment_name() takes them."""

    orders: str
    requests: str
    replies: str
    events: str


def control_ring_names(node: str) -> ControlRings:
    """Names that no port can have: ports follow a dot, these an @."""
    return ControlRings(f"{node}@orders", f"{node}@requests", f"{node}@replies", f"{node}@events")


def control_layouts(node: str) -> dict[str, RingLayout]:
    """Name -> layout, of each control ring of a node."""
    layouts = (orders_layout(), requests_layout(), replies_layout(), events_layout())
    return dict(zip(control_ring_names(node), layouts))


def orders_layout() -> RingLayout:
    return RingLayout(entries=16, slot_bytes=ORDER_BYTES, readers=(_reader("loop", Policy.BLOCK, 16),))


def requests_layout() -> RingLayout:
    return RingLayout(entries=8, slot_bytes=SLOT_BYTES, readers=(_reader("loop", Policy.BLOCK, 8),))


def replies_layout() -> RingLayout:
    return RingLayout(entries=8, slot_bytes=SLOT_BYTES, readers=(_reader("service", Policy.BLOCK, 8),))


def events_layout() -> RingLayout:
    readers = tuple(_reader(name, Policy.DROP_OLDEST, _EVENTS_QUEUE) for name in ("meshd", "service"))
    return RingLayout(entries=_EVENTS_QUEUE, slot_bytes=SLOT_BYTES, readers=readers)


def _reader(name: str, policy: Policy, queue: int) -> ReaderLayout:
    return ReaderLayout(name=name, policy=policy, queue=queue, hold=1)
