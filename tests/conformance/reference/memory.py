"""What a reference ring's writer and readers share: what a segment is to the ring in shared memory."""

import os
from typing import NamedTuple

from rtmesh.shm import Policy, ReaderLayout, ReaderState, RingLayout, RingSnapshot
from tests.conformance.reference.latencies import Latencies
from tests.conformance.reference.seat import Seat

TAP_HOLD = 4
WORDS = 8


class Message(NamedTuple):
    """One published message."""

    data: bytes
    publish_time_ns: int
    epoch: int
    source_position: int


class Memory:
    """One output's messages, and a seat for each reader."""

    def __init__(self, layout: RingLayout) -> None:
        self.layout = layout
        spare = ReaderLayout("", Policy.DROP_OLDEST, layout.entries, TAP_HOLD)
        plans = (*layout.readers, *[spare] * layout.spare_readers)
        self.seats = [Seat(index, plan) for index, plan in enumerate(plans)]
        for tap in self.taps:
            tap.state = None
        self.messages: dict[int, Message] = {}
        self.head = 0
        self.ended = False
        self.epoch = self.epoch_start = 0
        self.first_time_ns = self.last_time_ns = 0
        self.source_position = 0
        self.words = [0] * WORDS
        self.writer: object | None = None
        self.ages = {origin: Latencies() for origin in layout.budget_origins}

    @property
    def fixed(self) -> list[Seat]:
        return self.seats[: len(self.layout.readers)]

    @property
    def taps(self) -> list[Seat]:
        return self.seats[len(self.layout.readers) :]

    # Who holds the writer.

    def give_up_the_overdue(self) -> None:
        """An absent reader is gone once its time is over and the writer would have to wait for it."""
        for seat in self.fixed:
            if seat.policy is Policy.BLOCK and seat.is_full(self.head) and seat.is_time_over():
                seat.give_up(self.head)

    def holder(self) -> int | None:
        """The first reader that holds the writer."""
        self.give_up_the_overdue()
        return next((seat.index for seat in self.seats if seat.holds(self.head)), None)

    def released(self) -> int:
        """Everything below was released by every reader that can hold the writer."""
        self.give_up_the_overdue()
        can_hold = [seat for seat in self.fixed if seat.policy is Policy.BLOCK and not seat.is_gone]
        return min((seat.released for seat in can_hold), default=self.head)

    def forget_the_unneeded(self) -> None:
        """What no reader has a use for is forgotten when the writer asks for space."""
        needed = min((seat.needs_from(self.head) for seat in self.seats), default=self.head)
        self.messages = {p: message for p, message in self.messages.items() if p >= needed}

    # What the writer does.

    def publish(self, message: Message, origin: int, origin_time_ns: int) -> int:
        """Append; the ring never has more than `entries`. Returns the position."""
        position = self.head
        self.messages.pop(position - self.layout.entries, None)
        self.messages[position] = message
        if position == 0:
            self.first_time_ns = message.publish_time_ns
        self.last_time_ns = message.publish_time_ns
        self.source_position = message.source_position or self.source_position
        if origin in self.ages:
            self.ages[origin].add(message.publish_time_ns - origin_time_ns)
        self.head += 1
        return position

    def begin_epoch(self, epoch: int) -> None:
        """Sequence counts from 1 again, unless it is the last epoch once more."""
        if epoch != self.epoch:
            self.epoch, self.epoch_start = epoch, self.head

    def snapshot(self) -> RingSnapshot:
        return RingSnapshot(
            head=self.head,
            epoch=self.epoch,
            ended=self.ended,
            first_time_ns=self.first_time_ns,
            last_time_ns=self.last_time_ns,
            source_position=self.source_position,
            words=tuple(self.words),
            writer_pid=os.getpid() if self.writer else 0,
            readers=tuple(seat.snapshot(self.head) for seat in self.seats if seat.state is not None),
            origin_ages=tuple(self.ages[origin] for origin in self.layout.budget_origins),
        )

    def bury(self, seat: Seat, *, for_good: bool) -> None:
        """The reader's process is dead."""
        seat.owner = None
        if seat in self.taps:
            seat.state = None
        elif for_good:
            seat.give_up(self.head)
        else:
            seat.become_absent()

    def stand_up(self, seat: Seat) -> None:
        """A reader lets go of its seat; a tap's is free again."""
        seat.owner = None
        if seat in self.taps:
            seat.state = None

    def sit_down_as_tap(self, seat: Seat, name: str, queue: int) -> None:
        seat.begin(name, Policy.DROP_OLDEST, min(queue, self.layout.entries), self.head)
        seat.state = ReaderState.ATTACHED
