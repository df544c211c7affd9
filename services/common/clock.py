"""Mesh time: one clock for a whole mesh that never steps.

Mesh time is CLOCK_MONOTONIC of the scheduler's machine plus a constant that made it Unix time when the
mesh was created. Each machine's meshd publishes what to add to its own CLOCK_MONOTONIC in a page of
shared memory, which its loops read: a course, that is two straight lines which meet at the knee.

    OFFSET  SIZE  WRITTEN BY  FIELD
         0    64  creator     segment header (see shm/native/rtmesh_layout.h)
        64     8  meshd       sequence: how many courses were published; the newest is in slot sequence % 2
       128    88  meshd       slot 0
       256    88  meshd       slot 1

    a slot, each field 8 bytes, signed:
         0  sequence          that of this course
         8  steps             how often mesh time was set anew: only while nobody reads it
        16  start_ns          CLOCK_MONOTONIC from when on it holds
        24  offset_ns         mesh time - CLOCK_MONOTONIC at start_ns
        32  slew              what the offset grows by, in 2**-40 ns a ns, up to the knee
        40  knee_ns           CLOCK_MONOTONIC
        48  rate              the same from the knee on, for ever
        56  error_ns          how far off mesh time may be at start_ns
        64  error_rate        what that grows by, in 2**-40 ns a ns
        72  slew_error_ns     how much further off it may be before the knee
        80  check             the exclusive or of the fields before

    SYNC   a course is written whole into the slot that is not in use, then the sequence is stored. A reader
           takes a slot only if its check is right and its sequence is the page's; Python has no fences, so on
           a processor that reorders stores the check is what tells a torn slot.
    ORDER  a reader takes the time first and looks at the sequence after: it uses a course only for moments at
           which no later one was published.
    TIME   a course begins where the one before it is at that moment, and no slope is below 0: mesh time never
           runs backwards. A reader that was stopped between two loads is also held to what it returned last.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from functools import reduce
from operator import xor
from pathlib import Path
from struct import Struct
from typing import NamedTuple, Self

from rtmesh.shm import CourseClock, create_segment, open_segment, unlink_segment

RATE_BITS = 40
RATE_UNIT = 1 << RATE_BITS

_SIZE_BYTES = 4096
_SEQUENCE = 8  # in 8-byte words
_SLOTS = (128, 256)
_FIELDS = Struct("=11q")
_BOOT = Path("/proc/sys/kernel/random/boot_id")
_NAMESPACE = Path("/proc/self/timens_offsets")

monotonic_ns = time.monotonic_ns


class Course(NamedTuple):
    """What to add to CLOCK_MONOTONIC for mesh time, from `start_ns` on; see the table above."""

    start_ns: int
    offset_ns: int
    slew: int = 0
    knee_ns: int = 0
    rate: int = 0
    error_ns: int = 0
    error_rate: int = 0
    slew_error_ns: int = 0

    @property
    def settled_ns(self) -> int:
        """The offset at the knee."""
        return self.offset_ns + ((self.knee_ns - self.start_ns) * self.slew >> RATE_BITS)

    def offset_at(self, now_ns: int) -> int:
        """What to add at a moment."""
        if now_ns < self.knee_ns:
            return self.offset_ns + ((now_ns - self.start_ns) * self.slew >> RATE_BITS)
        return self.settled_ns + ((now_ns - self.knee_ns) * self.rate >> RATE_BITS)

    def error_at(self, now_ns: int) -> int:
        """How far off mesh time may be at a moment."""
        slewing_ns = self.slew_error_ns if now_ns < self.knee_ns else 0
        return self.error_ns + slewing_ns + ((now_ns - self.start_ns) * self.error_rate >> RATE_BITS)


class ClockPage(CourseClock):
    """A machine's clock page; now_ns() is mesh time, and in C, as it is asked several times a message.

    Use `create` (meshd) or `open` (everybody else).

    Args:
        clock: CLOCK_MONOTONIC.
    """

    def __init__(self, name: str, buffer: memoryview, clock: Callable[[], int] = time.monotonic_ns) -> None:
        super().__init__(buffer, 8 * _SEQUENCE, None if clock is time.monotonic_ns else clock)
        self.name = name
        self._buffer = buffer
        self._words = buffer.cast("q")
        self._clock = clock
        self._steps = 0
        self._take(0, 0, Course(0, 0))

    @classmethod
    def create(
        cls, name: str, offset_ns: int, error_ns: int = 0, clock: Callable[[], int] = time.monotonic_ns
    ) -> Self:
        """Make the page of a machine. Raises SegmentExistsError."""
        page = cls(name, memoryview(create_segment(name, _SIZE_BYTES)), clock)
        page.set(offset_ns, error_ns)
        return page

    @classmethod
    def open(cls, name: str, clock: Callable[[], int] = time.monotonic_ns) -> Self:
        """Open a page to read it. Raises SegmentNotFoundError."""
        return cls(name, memoryview(open_segment(name, writable=False)), clock)

    @property
    def error_ns(self) -> int:
        """How far mesh time may be off now, nanoseconds."""
        return self.course.error_at(self._clock())

    @property
    def course(self) -> Course:
        """The newest course."""
        while self._words[_SEQUENCE] != self._sequence:
            self._look()
        return self._course

    def set(self, offset_ns: int, error_ns: int = 0) -> None:
        """Let mesh time begin anew with an offset and error bound: a step, if anybody reads it."""
        self.publish(Course(self._clock(), offset_ns, error_ns=error_ns), is_step=True)

    def publish(self, course: Course, *, is_step: bool = False) -> None:
        """Have all readers follow a course."""
        sequence, steps = self._words[_SEQUENCE] + 1, self._steps + is_step
        fields = (sequence, steps, *course)
        _FIELDS.pack_into(self._buffer, _SLOTS[sequence % 2], *fields, reduce(xor, fields))
        self._words[_SEQUENCE] = sequence
        self._look()

    def close(self) -> None:
        """Let go of the mapping."""
        self._let_go()
        self._words.release()
        self._buffer.release()

    def unlink(self) -> None:
        """Remove the page from the system; mappings stay valid."""
        unlink_segment(self.name)

    def _look(self) -> None:
        """Take the newest course if it is there whole; to be called again otherwise."""
        newest = self._words[_SEQUENCE]
        sequence, steps, *fields, check = _FIELDS.unpack_from(self._buffer, _SLOTS[newest % 2])
        if sequence != newest or reduce(xor, fields, sequence ^ steps) != check:
            return
        self._take(sequence, steps, Course(*fields))

    def _take(self, sequence: int, steps: int, course: Course) -> None:
        begins_anew = steps != self._steps
        self._steps, self._course = steps, course
        self._follow(sequence, begins_anew, *course[:4], course.settled_ns, course.rate)


def clock_id() -> str:
    """Which clock CLOCK_MONOTONIC of this process is: equal ids are one clock. Empty if nobody can tell.

    One boot of one kernel has one such clock, and each time namespace its own offset to it.
    """
    try:
        boot = _BOOT.read_text().strip()
        offsets = _NAMESPACE.read_text().split() if _NAMESPACE.exists() else []
    except OSError:
        return ""
    place = offsets.index("monotonic") if "monotonic" in offsets else -3
    offset = ".".join(offsets[place + 1 : place + 3]) if place >= 0 else ""
    return f"{os.uname().sysname} {boot} {offset or '0.0'}"
