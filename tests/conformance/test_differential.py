"""The ring in shared memory is the reference ring: after each step of any program, both show the same."""

import itertools
import os

from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from rtmesh import shm
from rtmesh.shm import Policy, ReaderLayout, ReaderSnapshot, RingError, RingLayout
from tests.conformance import reference
from tests.conformance.budget import patient, run_machine
from tests.conformance.side import SENT_NS, Side, content

FAR_AWAY_NS = 3_600_000_000_000
ORIGINS = (5, 6)
SLOT_BYTES = 64

_numbers = itertools.count()

seats = st.integers(0, 3)
lengths = st.sampled_from([0, 1, 13, SLOT_BYTES, SLOT_BYTES + 1])
latencies_ns = st.sampled_from([-5, 0, 7, 31, 50])
positions = st.integers(0, 40)


@st.composite
def layouts(draw: st.DrawFn) -> RingLayout:
    """Small rings, so that programs lap them."""
    entries = draw(st.sampled_from([1, 2, 4, 8]))
    reader = st.builds(
        ReaderLayout,
        st.just("node.in"),
        st.sampled_from(Policy),
        st.integers(1, entries),
        hold=st.integers(0, 2),
        hold_absent_ns=st.sampled_from([0, FAR_AWAY_NS]),
    )
    readers = draw(st.lists(reader, min_size=draw(st.sampled_from([0, 1, 1, 2])), max_size=3))
    return RingLayout(entries, SLOT_BYTES, tuple(readers), draw(st.integers(0, 2)), ORIGINS)


class Differential(RuleBasedStateMachine):
    """Does everything twice."""

    sides: tuple[Side, ...] = ()

    @initialize(layout=layouts(), is_running=st.sampled_from([True, True, True, False]))
    def create(self, layout: RingLayout, is_running: bool) -> None:
        name = f"rtmesh.{os.getuid()}.test-conformance.{os.getpid()}-{next(_numbers)}"
        self.layout = layout
        self.sides = Side(reference, name, layout), Side(shm, name, layout)
        if is_running:
            self.attach_writer(None)
            self.attach_all()

    def both(self, act) -> object:
        """What `act` gives, which must be the same on both: a value, or an error of one type."""
        expected, actual = [outcome_of(act, side) for side in self.sides]
        note(f"    -> {expected}")
        assert actual == expected
        return expected

    @property
    def model(self) -> Side:
        return self.sides[0]

    def queue_of(self, reader: ReaderSnapshot) -> int:
        if reader.index >= len(self.layout.readers):
            return self.layout.entries
        return 1 if reader.policy is Policy.LATEST else self.layout.readers[reader.index].queue

    def pick(self, seat: int) -> int | None:
        """A reader that is attached, or was."""
        indices = sorted(self.model.readers)
        return indices[seat % len(indices)] if indices else None

    # The writer.

    @rule(epoch=st.none() | st.integers(1, 4))
    def attach_writer(self, epoch: int | None) -> None:
        self.both(lambda side: side.attach_writer(epoch))

    @precondition(lambda self: self.model.writer)
    @rule(length=lengths, source=st.integers(0, 9), origin=st.sampled_from([0, 5, 6, 7]), age_ns=latencies_ns)
    def publish(self, length: int, source: int, origin: int, age_ns: int) -> None:
        data = content(self.model.ring.snapshot().head, length)
        more = {"source_position": source, "origin": origin, "origin_time_ns": SENT_NS - age_ns}
        self.both(lambda side: side.writer.try_publish(data, SENT_NS, **more))

    @precondition(lambda self: self.model.writer)
    @rule(count=st.integers(1, 9))
    def publish_many(self, count: int) -> None:
        for _ in range(count):
            self.publish(1, 0, 0, 0)

    @precondition(lambda self: self.model.writer and self.model.readers)
    @rule(count=st.integers(1, 4), data=st.data())
    def publish_and_take(self, count: int, data: st.DataObject) -> None:
        """Work that goes on, so that the ring is lapped; each reader gets on as it likes."""
        self.publish_many(count)
        for seat, _ in enumerate(self.model.readers):
            self.take(seat, data.draw(st.integers(1, 4)), data.draw(st.booleans()), 7)
            if data.draw(st.booleans()):
                self.release(seat, None)

    @precondition(lambda self: self.model.writer and self.model.readers)
    @rule(count=st.integers(1, 4), keeps=st.booleans())
    def publish_take_and_release(self, count: int, keeps: bool) -> None:
        self.publish_many(count)
        for seat, _ in enumerate(self.model.readers):
            self.take(seat, 4, keeps, 31)
            self.release(seat, None)

    @precondition(lambda self: self.model.writer)
    @rule(length=lengths)
    def claim(self, length: int) -> None:
        self.both(lambda side: side.fill_claim(length))

    @precondition(lambda self: self.model.writer)
    @rule()
    def commit(self) -> None:
        self.both(lambda side: side.writer.commit(SENT_NS))

    @precondition(lambda self: self.model.writer)
    @rule(kind=st.sampled_from(["abort", "skip", "words", "ask", "another"]), number=st.integers(0, 9))
    def do_something_rare(self, kind: str, number: int) -> None:
        acts = {
            "abort": lambda side: side.writer.abort(),
            "skip": lambda side: side.writer.skip_to(number),
            "words": lambda side: (side.writer.set_word(number, 7), side.writer.add_word(number, number)),
            "ask": lambda side: (side.writer.released, side.writer.holding(), side.writer.released),
            "another": lambda side: side.mark_for_another_process(),
        }
        self.both(acts[kind])

    @precondition(lambda self: self.model.writer)
    @rule(how=st.sampled_from(["close", "crash"]), is_replaced=st.sampled_from([True, True, False]))
    def lose_writer(self, how: str, is_replaced: bool) -> None:
        if how == "crash":
            self.both(lambda side: side.crash_writer())
        else:
            self.both(lambda side: side.writer.close())
        if is_replaced:
            self.both(lambda side: side.attach_writer(None))

    @precondition(lambda self: self.model.writer)
    @rule(really=st.sampled_from([False, False, False, False, False, True]))
    def end(self, really: bool) -> None:
        if really:
            self.both(lambda side: side.writer.end())

    @rule(really=st.sampled_from([False, False, False, False, False, True]))
    def end_for_writer(self, really: bool) -> None:
        if really:
            self.both(lambda side: side.ring.end())

    # The readers.

    @rule(seat=st.integers(0, 2), keep_unreleased=st.booleans())
    def attach_reader(self, seat: int, keep_unreleased: bool) -> None:
        self.both(lambda side: side.attach_reader(seat, keep_unreleased))

    @rule()
    def attach_all(self) -> None:
        for index in range(len(self.layout.readers)):
            self.attach_reader(index, False)

    @rule(queue=st.integers(0, 9))
    def tap(self, queue: int) -> None:
        self.both(lambda side: side.tap(queue))

    @precondition(lambda self: self.model.readers)
    @rule(seat=seats, count=st.integers(1, 4), keeps=st.booleans(), latency_ns=latencies_ns)
    def take(self, seat: int, count: int, keeps: bool, latency_ns: int) -> None:
        index = self.pick(seat)
        for _ in range(count):
            self.both(lambda side: side.take(index, keeps, latency_ns))

    @precondition(lambda self: self.model.readers)
    @rule(seat=seats)
    def take_all_and_release(self, seat: int) -> None:
        index = self.pick(seat)
        while isinstance(self.both(lambda side: side.take(index, False, 7)), tuple):
            pass
        self.both(lambda side: side.readers[index].release())

    @precondition(lambda self: self.model.readers)
    @rule(seat=seats, back=st.integers(-1, 3), keeps=st.booleans())
    def view_again(self, seat: int, back: int, keeps: bool) -> None:
        index = self.pick(seat)
        position = max(0, self.model.readers[index].taken - back)
        self.both(lambda side: side.view_at(index, position, keeps))

    @precondition(lambda self: self.model.readers)
    @rule(seat=seats, position=st.none() | positions)
    def release(self, seat: int, position: int | None) -> None:
        index = self.pick(seat)
        self.both(lambda side: side.readers[index].release(position))

    @precondition(lambda self: self.model.kept)
    @rule(number=positions)
    def forget(self, number: int) -> None:
        number %= len(self.model.kept)
        self.both(lambda side: side.forget(number))

    @precondition(lambda self: self.model.readers)
    @rule(seat=seats, back=st.integers(-1, 4), lost=st.integers(-1, 4))
    def resume(self, seat: int, back: int, lost: int) -> None:
        index = self.pick(seat)
        account = self.model.ring.snapshot().readers
        delivered = {reader.index: reader.delivered for reader in account}.get(index, 0)
        position = max(0, self.model.readers[index].taken - back)
        self.both(lambda side: side.readers[index].resume(position, max(0, delivered - lost)))

    @precondition(lambda self: self.model.readers)
    @rule(seat=seats, returns=st.booleans())
    def be_cut_off(self, seat: int, returns: bool) -> None:
        index = self.pick(seat)
        self.both(lambda side: side.readers[index].set_absent())
        if returns:
            self.both(lambda side: side.readers[index].set_attached())

    @precondition(lambda self: self.model.readers)
    @rule(seat=seats)
    def come_back(self, seat: int) -> None:
        index = self.pick(seat)
        self.both(lambda side: side.readers[index].set_attached())

    @precondition(lambda self: self.model.readers)
    @rule(seat=seats, leaves=st.booleans())
    def close_reader(self, seat: int, leaves: bool) -> None:
        index = self.pick(seat)
        self.both(lambda side: side.readers[index].leave() if leaves else side.readers[index].close())

    # The undertaker.

    @precondition(lambda self: self.model.ring.snapshot().readers)
    @rule(seat=seats, for_good=st.booleans(), successor=st.sampled_from(["no", "yes", "keeps unreleased"]))
    def bury(self, seat: int, for_good: bool, successor: str) -> None:
        seat %= len(self.layout.readers) or 1
        self.both(lambda side: side.bury(seat, for_good))
        if successor != "no":
            self.attach_reader(seat, successor == "keeps unreleased")

    @precondition(lambda self: self.model.readers)
    @rule(seat=seats)
    def mark_a_living_reader_gone(self, seat: int) -> None:
        """A mistake that the living one is told about."""
        index = self.pick(seat)
        if index >= len(self.layout.readers):
            return
        self.both(lambda side: side.ring.mark_gone(index))
        self.both(lambda side: side.take(index, False, 7))
        self.both(lambda side: side.bury(index, True))

    # What holds after each step.

    @invariant()
    def all_that_can_be_seen_is_equal(self) -> None:
        if self.sides:
            expected, actual = [side.observe() for side in self.sides]
            assert actual == expected

    @invariant()
    def every_account_adds_up(self) -> None:
        for side in self.sides:
            snapshot = side.ring.snapshot()
            for reader in snapshot.readers:
                assert reader.start + reader.delivered + sum(reader.dropped.values()) == reader.taken
                assert reader.released <= reader.taken <= snapshot.head
                assert snapshot.head - reader.taken <= self.queue_of(reader)

    @invariant()
    def kept_views_are_untouched(self) -> None:
        for side in self.sides:
            for kept in side.kept:
                assert bytes(kept.view) == content(kept.view.position, len(kept.view))

    def teardown(self) -> None:
        for side in self.sides:
            side.close()


def outcome_of(act, side: Side) -> object:
    try:
        return act(side)
    except (RingError, ValueError, RuntimeError, IndexError) as error:
        return type(error)


@patient
def test_any_program_shows_the_same_on_both():
    run_machine(Differential, examples=700, steps=40)
