"""Rings: make one, look at one, write, read."""

import os
from typing import Self

from rtmesh.shm import _native, segment
from rtmesh.shm.layout import (
    Histogram,
    Policy,
    ReaderSnapshot,
    ReaderState,
    RingLayout,
    RingSnapshot,
    layout_from_tuple,
)

View = _native.View
Doorbell = _native.Doorbell
wait = _native.wait
take_records = _native.take_records
publish_records = _native.publish_records
Outflow = _native.Outflow
take_frame = _native.take_frame
split_frame = _native.split_frame
FRAME_MORE = _native.FRAME_MORE
FRAME_CARE = _native.FRAME_CARE

_NEXT_EPOCH = 0
DROP_REASONS = ("queue_full", "superseded", "reader_gone")


def create_ring(name: str, layout: RingLayout) -> "Ring":
    """Make the segment of a ring. Its fixed readers are absent and hold the writer until first attached.

    Raises ValueError (the layout), SegmentExistsError, SharedMemoryFullError.
    """
    values = layout.as_tuple()

    def fill(descriptor: int) -> _native.Mapping:
        return _native.Mapping(descriptor, name, values)

    return Ring(segment.make(name, layout.size_bytes, fill))


def _open_mapping(name: str, *, looks_on: bool = False) -> _native.Mapping:
    descriptor = segment.open_descriptor(name, looks_on=looks_on)
    try:
        return _native.Mapping(descriptor, name)
    finally:
        os.close(descriptor)


class Ring:
    """A ring as its manager sees it: accounts, and what to do for the dead."""

    def __init__(self, mapping: _native.Mapping) -> None:
        self._mapping: _native.Mapping | None = mapping
        self.name = mapping.name
        self.layout = layout_from_tuple(mapping.layout())

    @classmethod
    def open(cls, name: str) -> Self:
        """Look at a ring that another made; that alone keeps no sweep from it.

        Raises SegmentNotFoundError, SegmentOwnerError, LayoutMismatchError, CorruptRingError.
        """
        return cls(_open_mapping(name, looks_on=True))

    def snapshot(self) -> RingSnapshot:
        """Accounts of the writer and all readers, exact; the readers' first, so none is ahead of head."""
        head, epoch, ended, first_ns, last_ns, source, words, pid, readers, ages = self._map.snapshot()
        return RingSnapshot(
            head,
            epoch,
            ended,
            first_ns,
            last_ns,
            source,
            words,
            pid,
            tuple(_reader_snapshot(reader) for reader in readers if reader is not None),
            tuple(Histogram(*age) for age in ages),
        )

    def mark_absent(self, index: int, pid: int | None = None) -> bool:
        """The reader's process is dead, a restart is due: clear its pins, let it hold for hold_absent.

        With `pid`, False and nothing changed if another process sits there by now. A tap is gone at once.
        """
        return self._map.mark_dead(index, pid or 0, False)

    def mark_gone(self, index: int, pid: int | None = None) -> bool:
        """The reader's process is dead for good: clear its pins, give it up at head, free the writer.

        What waited for it, and what comes, is dropped: reader_gone. Marked again, it stays given up there.
        One that lives (stopped, say) is cut off: it keeps seat and views, and learns it by ReaderGoneError.
        """
        return self._map.mark_dead(index, pid or 0, True)

    def writer_died(self, pid: int | None = None) -> bool:
        """The writer's process is dead: free its seat. `pid` as in mark_absent."""
        return self._map.writer_died(pid or 0)

    def end(self) -> None:
        """End the stream in place of a writer that is dead or has left; WriterAttachedError if it lives."""
        self._map.end()

    def close(self) -> None:
        """Let go of the mapping."""
        self._mapping = None

    def unlink(self) -> bool:
        """Remove the segment's name; False if it was gone."""
        return segment.unlink_segment(self.name)

    @property
    def _map(self) -> _native.Mapping:
        if self._mapping is None:
            raise ValueError(f"{self.name}: the ring is closed")
        return self._mapping


def _reader_snapshot(values: "_native._Reader") -> ReaderSnapshot:
    index, name, policy, state, start, taken, released, delivered = values[:8]
    dropped = dict(zip(DROP_REASONS, values[8:11]))
    is_holding, pid, latency = values[11:]
    return ReaderSnapshot(
        index,
        name,
        Policy(policy),
        ReaderState(state),
        start,
        taken,
        released,
        delivered,
        dropped,
        is_holding,
        pid,
        Histogram(*latency),
    )


class Writer(_native.Writer):
    """The writer of a ring; one living process at a time. Use it from one thread at a time.

    `epoch` None begins the next one; the last one again goes on with its sequence. What try_claim
    returned may not be touched after commit. Times of its own are CLOCK_MONOTONIC's: give publish_time_ns if
    the readers have another clock. Raises WriterAttachedError.
    """

    name: str

    def __new__(cls, name: str, *, epoch: int | None = None) -> Self:
        """Attach to the ring called `name`."""
        if epoch is not None and not 0 < epoch < 2**32 - 1:
            raise ValueError(f"{name}: epoch is {epoch}; it counts from 1")
        self = super().__new__(cls, _open_mapping(name), epoch or _NEXT_EPOCH)
        self.name = name
        return self


class Reader(_native.Reader):
    """A reader of a ring. One thread takes; release() may come from any other.

    try_next() is release() and try_take() in one call. Without a time they take CLOCK_MONOTONIC's.
    next() waits for it, too: None once `timeout_ns` is over (-1: never) or the stream has ended.
    It goes on at its old taken position; from GONE it starts at head. What the seat's last process had
    taken and not released is released, unless `keep_unreleased` (then view_at gives it again).
    Raises ReaderAttachedError.
    """

    name: str

    def __new__(cls, name: str, index: int, *, keep_unreleased: bool = False) -> Self:
        """Attach to fixed reader `index` of the ring called `name`."""
        self = super().__new__(cls, _open_mapping(name), index, int(keep_unreleased))
        self.name = name
        return self

    @classmethod
    def tap(cls, name: str, *, queue: int = 1024, name_: str = "tap") -> Self:
        """Take a spare seat: sees the `queue` newest from now on, holds nobody. Raises NoSpareReaderError."""
        if queue < 1:
            raise ValueError(f"{name}: a tap's queue is {queue}; it must be at least 1")
        self = _native.Reader.__new__(cls, _open_mapping(name), None, min(queue, 2**32 - 1), name_)
        self.name = name
        return self

    def snapshot(self) -> ReaderSnapshot:
        """The account of this reader. ValueError once it is closed."""
        if self.mapping is None:
            raise ValueError(f"{self.name}: the reader is closed")
        values = self.mapping.reader_snapshot(self.index)
        if values is None:
            raise ValueError(f"{self.name}: reader {self.index} has left")
        return _reader_snapshot(values)
