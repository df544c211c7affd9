"""A reader and the views it gives."""

from typing import Self

from rtmesh.shm import (
    CorruptRingError,
    NoSpareReaderError,
    ReaderAttachedError,
    ReaderGoneError,
    ReaderSnapshot,
)
from tests.conformance.reference.memory import Memory, Message
from tests.conformance.reference.ring import find_ring
from tests.conformance.reference.seat import REASON, Seat


class View(bytes):
    """One message. Until it and all buffers on it are gone it takes one of its reader's `hold`."""

    reader: "Reader | None" = None
    is_copy: bool

    def __new__(cls, reader: "Reader", position: int, message: Message) -> Self:
        self = super().__new__(cls, message.data)
        self.position = position
        self.publish_time_ns = message.publish_time_ns
        self.epoch = message.epoch
        self.source_position = message.source_position
        self.is_copy = reader.views >= reader.hold
        if not self.is_copy:
            self.reader = reader
            reader.views += 1
        return self

    def __del__(self) -> None:
        if self.reader is not None:
            self.reader.views -= 1
            self.reader.let_go()


class Reader:
    """One reader. Asked for more views than `hold`, it gives copies."""

    _is_open = False
    views = 0

    def __init__(self, name: str, index: int, *, keep_unreleased: bool = False) -> None:
        self._sit_down(name)
        if not 0 <= index < len(self._memory.fixed):
            raise ValueError(f"there is no reader {index}")
        if self._memory.seats[index].owner:
            raise ReaderAttachedError(name)
        self._own(self._memory.seats[index])
        self._seat.attach(self._memory.head)
        if not keep_unreleased:
            self.release()

    @classmethod
    def tap(cls, name: str, *, queue: int = 1024, name_: str = "tap") -> Self:
        self = object.__new__(cls)
        self._sit_down(name)
        if queue < 1:
            raise ValueError(f"queue is {queue}")
        seat = next((seat for seat in self._memory.taps if not seat.owner), None)
        if seat is None:
            raise NoSpareReaderError(name)
        self._own(seat)
        self._memory.sit_down_as_tap(seat, name_, queue)
        return self

    def _sit_down(self, name: str) -> None:
        self.name, self._memory = name, find_ring(name)

    def _own(self, seat: Seat) -> None:
        self._seat, self._token = seat, object()
        seat.owner = self._token
        self._is_open = True

    index = property(lambda self: self._seat.index)
    hold = property(lambda self: self._seat.hold)
    taken = property(lambda self: self._seat.taken)
    released = property(lambda self: self._seat.released)
    start = property(lambda self: self._seat.start)

    @property
    def ended(self) -> bool:
        """The stream has ended and everything was taken."""
        return self._open.ended and self._seat.taken == self._memory.head

    def available(self) -> int:
        return self._seat.waiting(self._open.head)

    def try_take(self, now_ns: int) -> View | None:
        """The oldest message it may still be given; None if there is none."""
        head = self._open.head
        if self._seat.taken == head:
            return None
        if self._seat.is_gone:
            raise ReaderGoneError(self.name)
        self._seat.settle(head)
        position = self._seat.taken
        message = self._memory.messages[position]
        self._seat.deliver(now_ns - message.publish_time_ns)
        return View(self, position, message)

    def view_at(self, position: int) -> View | None:
        """A message that was taken and not released, once more; the account does not move."""
        message = self._open.messages.get(position)
        if message is None or not self._seat.released <= position < self._seat.taken:
            return None
        return View(self, position, message)

    def release(self, position: int | None = None) -> None:
        """Give back what was taken below `position`; all of it if None."""
        self._open  # noqa: B018  (raises if closed)
        taken = self._seat.taken
        self._seat.released = max(self._seat.released, taken if position is None else min(position, taken))

    def resume(self, position: int, delivered: int) -> None:
        """Go back: the other side of a relay holds `delivered` messages, all below `position`.

        What it never got was not delivered after all: what is still here is given again, and what was dropped
        within that is decided anew. What is here no longer is gone.
        """
        self._open  # noqa: B018  (raises if closed)
        seat, reason = self._seat, REASON[self._seat.policy]
        first = max(position, seat.released)
        lost, back = seat.delivered - delivered, seat.taken - first
        decided_anew, gone = max(0, back - lost), max(0, lost - back)
        if lost < 0 or back < 0 or decided_anew > seat.dropped[reason]:
            raise CorruptRingError(self.name)
        seat.dropped[reason] -= decided_anew
        seat.dropped["reader_gone"] += gone
        seat.delivered, seat.taken = delivered, first

    def set_absent(self) -> None:
        self._open  # noqa: B018  (raises if closed)
        self._seat.become_absent()

    def set_attached(self) -> None:
        self._seat.attach(self._open.head)

    def leave(self) -> None:
        """Stop reading for good."""
        if self._is_open:
            self._seat.give_up(self._memory.head)
        self.close()

    def close(self) -> None:
        self._is_open = False
        self.let_go()

    def let_go(self) -> None:
        """Stand up once it is closed and its last view is gone."""
        if not self._is_open and not self.views and self._seat.owner is self._token:
            self._memory.stand_up(self._seat)

    def __del__(self) -> None:
        if self._is_open:
            self.close()

    def snapshot(self) -> ReaderSnapshot:
        return self._seat.snapshot(self._open.head)

    @property
    def _open(self) -> Memory:
        if not self._is_open:
            raise ValueError("the reader is closed")
        return self._memory
