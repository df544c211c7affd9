"""Mesh time: one clock for a whole mesh that never steps.

Mesh time is CLOCK_MONOTONIC of the scheduler's machine plus a constant that made it Unix time when the
mesh was created. Each machine's meshd publishes what to add to its own CLOCK_MONOTONIC in a page of
shared memory, which its loops read.

    OFFSET  SIZE  WRITTEN BY  FIELD
         0    64  creator     segment header (see shm/native/rtmesh_layout.h)
        64     8  meshd       offset_ns: mesh time - CLOCK_MONOTONIC of this machine
        72     8  meshd       error_ns: how far off that may be
"""

from __future__ import annotations

import time
from typing import Self

from rtmesh.shm import create_segment, open_segment, unlink_segment

_SIZE_BYTES = 4096
_OFFSET, _ERROR = 8, 9  # in 8-byte words

monotonic_ns = time.monotonic_ns


class ClockPage:
    """A machine's clock page.

    Use `create` (meshd) or `open` (everybody else).
    """

    def __init__(self, name: str, words: memoryview) -> None:
        self.name = name
        self._words = words

    @classmethod
    def create(cls, name: str, offset_ns: int, error_ns: int = 0) -> Self:
        """Make the page of a machine. Raises SegmentExistsError."""
        page = cls(name, memoryview(create_segment(name, _SIZE_BYTES)).cast("q"))
        page.set(offset_ns, error_ns)
        return page

    @classmethod
    def open(cls, name: str) -> Self:
        """Open a page to read it. Raises SegmentNotFoundError."""
        return cls(name, memoryview(open_segment(name, writable=False)).cast("q"))

    def now_ns(self) -> int:
        """Mesh time, nanoseconds."""
        # One aligned 8-byte load: never half of an update.
        return time.monotonic_ns() + self._words[_OFFSET]

    @property
    def error_ns(self) -> int:
        """How far mesh time may be off, nanoseconds."""
        return self._words[_ERROR]

    def set(self, offset_ns: int, error_ns: int = 0) -> None:
        """Publish a new offset and error bound."""
        self._words[_ERROR] = error_ns
        self._words[_OFFSET] = offset_ns

    def close(self) -> None:
        """Let go of the mapping."""
        self._words.release()

    def unlink(self) -> None:
        """Remove the page from the system; mappings stay valid."""
        unlink_segment(self.name)
