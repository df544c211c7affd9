"""Any sequence of operations leaves the accounts that a plain model of the ring has."""

import itertools
import os
from copy import deepcopy

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from rtmesh.shm import Policy, Reader, ReaderLayout, RingLayout, Writer, create_ring

ENTRIES = 8
READERS = (
    ReaderLayout("block", Policy.BLOCK, 3, hold=2, hold_absent_ns=0),
    ReaderLayout("drop", Policy.DROP_OLDEST, 5, hold=1),
    ReaderLayout("latest", Policy.LATEST, 1, hold=0),
)
REASONS = ("reader_gone", "queue_full", "superseded")
SEATS = st.integers(0, len(READERS) - 1)

_numbers = itertools.count()


class ModelReader:
    """What the account of one reader must be."""

    def __init__(self, index: int) -> None:
        self.policy = READERS[index].policy
        self.queue = READERS[index].queue
        self.reason = REASONS[index]
        self.taken = self.released = self.delivered = 0
        self.dropped = dict.fromkeys(REASONS, 0)
        self.is_gone = self.is_absent = False
        self.gone_at = 0

    def settle(self, head: int) -> None:
        """Drop what can no longer be given, as of `head`."""
        if self.policy != Policy.BLOCK:
            reach = (self.gone_at if self.is_gone else head) - self.queue
            self.drop_to(max(self.taken, reach), self.reason)
        if self.is_gone:
            self.drop_to(head, "reader_gone")

    def give_up(self, head: int) -> None:
        if not self.is_gone:
            self.is_gone, self.gone_at = True, head

    def drop_to(self, position: int, reason: str) -> None:
        self.dropped[reason] += position - self.taken
        self.taken = position

    def take(self, head: int) -> int | None:
        """Position of the message it is given, None if there is none."""
        if self.taken == head:
            return None
        self.settle(head)
        self.taken += 1
        self.delivered += 1
        return self.taken - 1


class RingMachine(RuleBasedStateMachine):
    """Runs each operation on a ring and on the model."""

    def __init__(self) -> None:
        super().__init__()
        self.name = f"rtmesh.{os.getuid()}.test-shm.model-{os.getpid()}-{next(_numbers)}"
        self.ring = create_ring(self.name, RingLayout(ENTRIES, 64, READERS))
        self.head = 0
        self.model = [ModelReader(index) for index in range(len(READERS))]
        self.writer = Writer(self.name)
        self.readers: list[Reader | None] = [Reader(self.name, index) for index in range(len(READERS))]
        self.views: list = []

    @rule()
    def publish(self) -> None:
        block = self.model[0]
        is_full = not block.is_gone and self.head - block.released >= block.queue
        if is_full and block.is_absent:
            block.give_up(self.head)
            is_full = False
        assert self.writer.try_publish(b"%064d" % self.head, self.head) is not is_full
        self.head += not is_full

    @rule(index=SEATS, keeps=st.booleans())
    def take(self, index: int, keeps: bool) -> None:
        reader = self.readers[index]
        if reader is None:
            return
        position = self.model[index].take(self.head)
        view = reader.try_take(self.head)
        assert (None if view is None else view.position) == position
        if view is not None and keeps:
            self.views.append(view)

    @rule(index=SEATS)
    def release(self, index: int) -> None:
        if self.readers[index] is not None:
            self.readers[index].release()
            self.model[index].released = self.model[index].taken

    @precondition(lambda self: self.views)
    @rule()
    def forget_a_view(self) -> None:
        self.views.pop(0)

    @rule(index=SEATS, leaves=st.booleans())
    def lose_reader(self, index: int, leaves: bool) -> None:
        reader = self.readers[index]
        if reader is None or self.views:
            return
        if leaves:
            reader.leave()
            self.model[index].give_up(self.head)
        reader.close()
        self.readers[index] = None
        assert self.ring.mark_absent(index)
        self.model[index].is_absent = not leaves

    @rule(index=SEATS)
    def mark_gone(self, index: int) -> None:
        if self.readers[index] is None:
            assert self.ring.mark_gone(index)
            self.model[index].give_up(self.head)

    @rule(index=SEATS)
    def attach_reader(self, index: int) -> None:
        if self.readers[index] is not None:
            return
        self.readers[index] = Reader(self.name, index)
        model = self.model[index]
        if model.is_gone:
            model.settle(self.head)
        model.released = model.taken
        model.is_gone = model.is_absent = False

    @rule()
    def replace_writer(self) -> None:
        self.writer.close()
        self.writer = Writer(self.name)

    @invariant()
    def accounts_agree(self) -> None:
        snapshot = self.ring.snapshot()
        assert snapshot.head == self.head
        for account, words in zip(snapshot.readers, self.model):
            model = deepcopy(words)
            model.settle(self.head)
            assert account.dropped == model.dropped
            assert (account.taken, account.delivered) == (model.taken, model.delivered)
            assert account.latency.count == model.delivered
            assert self.head - account.taken <= model.queue

    @invariant()
    def kept_views_are_untouched(self) -> None:
        assert all(bytes(view) == b"%064d" % view.position for view in self.views)

    def teardown(self) -> None:
        self.views.clear()
        self.ring.unlink()


RingMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=60, deadline=None)
TestRingMachine = RingMachine.TestCase
