"""Shared memory that rings take: from the plan of a ring to its layout and size. Pure."""

from __future__ import annotations

from rtmesh.common import control
from rtmesh.shm import Policy, ReaderLayout, RingLayout
from rtmesh.v1 import plan_pb2

MILLISECOND_NS = 1_000_000
_PAGE_BYTES = 4096


def ring_layout(plan: plan_pb2.RingPlan) -> RingLayout:
    """The layout that a plan asks for."""
    return RingLayout(
        entries=plan.entries,
        slot_bytes=plan.slot_bytes,
        readers=tuple(_reader_layout(reader) for reader in plan.readers),
        spare_readers=plan.spare_readers,
        budget_origins=tuple(plan.budget_origins),
    )


def ring_bytes(plan: plan_pb2.RingPlan) -> int:
    """Shared memory of a ring. Raises ValueError: there can be no such ring."""
    return _in_pages(ring_layout(plan))


def control_bytes() -> int:
    """Shared memory of the control rings of one node."""
    return sum(_in_pages(layout) for layout in control.control_layouts("").values())


def _in_pages(layout: RingLayout) -> int:
    return -(-layout.size_bytes // _PAGE_BYTES) * _PAGE_BYTES


def _reader_layout(reader: plan_pb2.ReaderPlan) -> ReaderLayout:
    return ReaderLayout(
        name=reader.name,
        policy=Policy(reader.when_full),
        queue=reader.queue,
        hold=reader.hold,
        hold_absent_ns=reader.hold_absent_ms * MILLISECOND_NS,
    )
