"""The ring as its manager sees it, and where rings are found by name."""

import os
from typing import Self

from rtmesh.shm import (
    RingLayout,
    RingSnapshot,
    SegmentExistsError,
    SegmentNotFoundError,
    WriterAttachedError,
)
from tests.conformance.reference.memory import Memory

_rings: dict[str, Memory] = {}


def create_ring(name: str, layout: RingLayout) -> "Ring":
    """Make a ring. Its fixed readers are absent and hold the writer until first attached."""
    if name in _rings:
        raise SegmentExistsError(name)
    _rings[name] = Memory(layout)
    return Ring(name)


def find_ring(name: str) -> Memory:
    if name not in _rings:
        raise SegmentNotFoundError(name)
    return _rings[name]


class Ring:
    """A ring as its manager sees it: accounts, and what to do for the dead."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._memory: Memory | None = find_ring(name)
        self.layout = self._memory.layout

    @classmethod
    def open(cls, name: str) -> Self:
        return cls(name)

    def snapshot(self) -> RingSnapshot:
        return self._open.snapshot()

    def mark_absent(self, index: int, pid: int | None = None) -> bool:
        return self._bury(index, pid, for_good=False)

    def mark_gone(self, index: int, pid: int | None = None) -> bool:
        return self._bury(index, pid, for_good=True)

    def _bury(self, index: int, pid: int | None, *, for_good: bool) -> bool:
        seat = self._open.seats[index]
        if not _may_be(seat.owner, pid):
            return False
        self._open.bury(seat, for_good=for_good)
        return True

    def writer_died(self, pid: int | None = None) -> bool:
        if not _may_be(self._open.writer, pid):
            return False
        self._open.writer = None
        return True

    def end(self) -> None:
        if self._open.writer:
            raise WriterAttachedError(self.name)
        self._open.ended = True

    def close(self) -> None:
        self._memory = None

    def unlink(self) -> bool:
        return _rings.pop(self.name, None) is not None

    @property
    def _open(self) -> Memory:
        if self._memory is None:
            raise ValueError("the ring is closed")
        return self._memory


def _may_be(owner: object | None, pid: int | None) -> bool:
    """Whether `pid` may have been the owner; here every owner is this process."""
    return not pid or owner is None or pid == os.getpid()
