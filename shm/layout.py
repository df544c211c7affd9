"""What a ring is made from, and what a look at it tells: plain values."""

import math
from array import array
from bisect import bisect_left
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from itertools import accumulate

from rtmesh.shm import _native


class Policy(IntEnum):
    """What happens when a reader's queue is full; equal to rtmesh.v1.WhenFull."""

    BLOCK = 1
    DROP_OLDEST = 2
    LATEST = 3


class ReaderState(IntEnum):
    """Where a reader is; equal to rtmesh.v1.ReaderState."""

    ATTACHED = 1
    ABSENT = 2
    GONE = 3


@dataclass(frozen=True)
class ReaderLayout:
    """A fixed seat. `queue` messages at most wait in it, `hold` views are had without a copy."""

    name: str
    policy: Policy
    queue: int
    hold: int = 4
    hold_absent_ns: int = 15_000_000_000


@dataclass(frozen=True)
class RingLayout:
    """A ring: `entries` (a power of two) messages, each of at most `slot_bytes`."""

    entries: int
    slot_bytes: int
    readers: tuple[ReaderLayout, ...]
    spare_readers: int = 0
    budget_origins: tuple[int, ...] = ()

    @property
    def size_bytes(self) -> int:
        """Of the segment. Raises ValueError, naming what is wrong with the layout."""
        return _native.ring_size(self.as_tuple())

    def as_tuple(
        self,
    ) -> tuple[int, int, tuple[tuple[str, int, int, int, int], ...], int, tuple[int, ...]]:
        """The form that the extension takes."""
        readers = tuple((r.name, int(r.policy), r.queue, r.hold, r.hold_absent_ns) for r in self.readers)
        return self.entries, self.slot_bytes, readers, self.spare_readers, tuple(self.budget_origins)


def layout_from_tuple(
    values: tuple[int, int, tuple[tuple[str, int, int, int, int], ...], int, tuple[int, ...]],
) -> RingLayout:
    """The inverse of RingLayout.as_tuple."""
    entries, slot_bytes, readers, spare_readers, origins = values
    seats = tuple(ReaderLayout(name, Policy(policy), *rest) for name, policy, *rest in readers)
    return RingLayout(entries, slot_bytes, seats, spare_readers, origins)


class Histogram:
    """Latencies in log-linear buckets from 1 ns to 68.7 s; a percentile is off by at most 3 %."""

    def __init__(self, max_ns: int = 0, counts: bytes = b"") -> None:
        self._max_ns = max_ns
        self._counts = array("Q", counts)
        self.count = sum(self._counts)

    @cached_property
    def _totals(self) -> list[int]:
        """How many values lie in each bucket and those below it."""
        return list(accumulate(self._counts))

    @property
    def max_ns(self) -> int:
        """Longest latency: exact, or the floor of its bucket if a process was killed as it took that one."""
        last = bisect_left(self._totals, self.count) if self.count else 0
        return max(self._max_ns, _native.bucket_floor_ns(last))

    def percentile_ns(self, q: float) -> int:
        """Latency at or below which the part `q` (0 to 1) of the values lies; 0 if there are none."""
        if not self.count:
            return 0
        # The first bucket with which the values so far are enough: it is not empty.
        bucket = bisect_left(self._totals, max(1, math.ceil(self.count * q)))
        return min(_middle_ns(bucket), self.max_ns)

    def __repr__(self) -> str:
        return f"Histogram(count={self.count}, p50={self.percentile_ns(0.5)} ns, max={self.max_ns} ns)"


def _middle_ns(bucket: int) -> int:
    low = _native.bucket_floor_ns(bucket)
    return low if bucket < 64 else low + (_native.bucket_floor_ns(bucket + 1) - low) // 2


@dataclass(frozen=True)
class ReaderSnapshot:
    """The account of one reader: head - start == delivered + sum(dropped) + (head - taken).

    It is right whether the reader takes or not: what it can no longer be given is already among taken and
    dropped, for its policy's reason, so at most `queue` are in flight. Of a gone one, what waited when it was
    given up and what came after is dropped, reader_gone.
    """

    index: int
    name: str
    policy: Policy
    state: ReaderState
    start: int
    taken: int
    released: int
    delivered: int
    dropped: dict[str, int]
    is_holding: bool
    pid: int
    latency: Histogram


@dataclass(frozen=True)
class RingSnapshot:
    """What a ring's header says: `readers` are the fixed ones in order, then the taps there are now."""

    head: int
    epoch: int
    ended: bool
    first_time_ns: int
    last_time_ns: int
    source_position: int
    words: tuple[int, ...]
    writer_pid: int
    readers: tuple[ReaderSnapshot, ...]
    origin_ages: tuple[Histogram, ...]
