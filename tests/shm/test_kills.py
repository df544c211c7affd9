"""kill -9 of a writer or a reader while it runs: nothing torn, accounts exact, the next one goes on."""

import random
import subprocess
from collections.abc import Callable

import pytest

from rtmesh.shm import Policy, Reader, ReaderState, Ring, Writer, list_segments, sweep, wait
from tests.shm.conftest import PATIENCE_NS, assert_account_is_exact, kill, reader, ring_of

WRITE = """
    import sys
    from rtmesh.shm import Writer, wait
    writer = Writer(sys.argv[1])
    print("sits", flush=True)
    while True:
        data = b"%d " % writer.head * 20
        while not writer.try_publish(data, writer.head, source_position=writer.head + 1, origin=7):
            wait(writers=[writer])
"""

READ = """
    import sys
    from rtmesh.shm import Reader, wait
    name, seat = sys.argv[1:]
    reader = Reader.tap(name, queue=2) if seat == "tap" else Reader(name, int(seat))
    print("sits", flush=True)
    kept = []
    while True:
        while (view := reader.try_take(0)) is not None:
            assert bytes(view) == b"%d " % view.position * 20
            kept = [*kept[-2:], view]
            reader.release()
        wait([reader])
"""


def expected(position: int) -> bytes:
    return b"%d " % position * 20


def take(reader: Reader) -> bytes:
    while (view := reader.try_take(0)) is None:
        assert wait([reader], timeout_ns=PATIENCE_NS)
    assert bytes(view) == expected(view.position)
    reader.release()
    return bytes(view)


def publish(writer: Writer, count: int) -> None:
    for _ in range(count):
        while not writer.try_publish(expected(writer.head), writer.head, source_position=writer.head + 1):
            assert wait(writers=[writer], timeout_ns=PATIENCE_NS)


def test_killed_writers_have_published_whole_messages_or_nothing(name, spawn):
    ring = ring_of(name, reader(queue=8), reader(Policy.LATEST, queue=1), entries=8, budget_origins=(7,))
    block = Reader(name, 0)
    position = 0
    for epoch in range(1, 6):
        child = spawn(WRITE, name)
        for _ in range(500):
            assert take(block) == expected(position)
            position += 1
        kill(child)
        ring.writer_died(child.pid)
        while (view := block.try_take(0)) is not None:
            assert bytes(view) == expected(position)
            position += 1
        block.release()
        snapshot = ring.snapshot()
        assert (snapshot.head, snapshot.source_position, snapshot.epoch) == (position, position, epoch)
        assert snapshot.writer_pid == 0
        assert_account_is_exact(ring)

    writer = Writer(name)
    assert ring.snapshot().origin_ages[0].count == position
    publish(writer, 8)
    assert take(block) == expected(position)


def test_killed_readers_go_on_where_they_were_and_their_slots_come_back(name, spawn):
    ring = ring_of(name, reader(queue=4, hold=4), reader(Policy.DROP_OLDEST, queue=2), entries=4)
    writer = Writer(name)
    for _ in range(5):
        children = [spawn(READ, name, index) for index in range(2)]
        publish(writer, 500)
        for index, child in enumerate(children):
            kill(child)
            assert child.returncode == -9
            assert ring.mark_absent(index, child.pid)
        account = ring.snapshot().readers[0]
        assert account.state is ReaderState.ABSENT
        assert account.taken == account.start + account.delivered

    block, drop = Reader(name, 0), Reader(name, 1)
    assert_account_is_exact(ring)
    if block.available():
        assert block.try_take(0).position == account.taken
    while block.try_take(0) is not None or drop.try_take(0) is not None:
        pass
    block.release()
    account = ring.snapshot().readers[0]
    assert (account.delivered, sum(account.dropped.values())) == (2500, 0)
    publish(writer, 4)
    assert_account_is_exact(ring)


def test_a_dead_reader_that_nobody_marked_is_succeeded_in_its_seat(name, spawn):
    ring = ring_of(name, reader(queue=4), entries=4)
    writer = Writer(name)
    child = spawn(READ, name, 0)
    publish(writer, 100)
    kill(child)

    block = Reader(name, 0)

    assert not ring.mark_absent(0, child.pid)
    publish(writer, 4 - block.available())
    while block.try_take(0) is not None:
        pass
    assert block.taken == writer.head
    assert_account_is_exact(ring)


def test_a_dead_writer_that_nobody_buried_is_succeeded(name, spawn):
    ring = ring_of(name, reader(queue=8))
    block = Reader(name, 0)
    child = spawn(WRITE, name)
    take(block)
    kill(child)

    writer = Writer(name)

    assert not ring.writer_died(child.pid)
    assert (writer.epoch, writer.sequence) == (2, 1)


def test_the_tap_of_a_killed_process_is_free_again(name, spawn):
    ring = ring_of(name, spare_readers=1)
    child = spawn(
        """
        import sys
        from rtmesh.shm import Reader
        tap = Reader.tap(sys.argv[1])
        print("sits", flush=True)
        sys.stdin.read()
        """,
        name,
    )
    assert child.stdout.readline() == "sits\n"
    kill(child)
    (tap,) = ring.snapshot().readers
    assert tap.pid == child.pid

    assert ring.mark_gone(tap.index, child.pid)

    assert ring.snapshot().readers == ()
    Reader.tap(name)


def test_a_killed_sleeper_costs_nobody_anything(name, spawn):
    ring = ring_of(name, reader(queue=4), reader(queue=4))
    child = spawn(READ, name, 0)
    writer, other = Writer(name), Reader(name, 1)
    publish(writer, 3)
    for _ in range(3):
        take(other)
    kill(child)
    ring.mark_gone(0, child.pid)

    publish(writer, 4)

    assert [take(other) for _ in range(4)] == [expected(position) for position in range(3, 7)]
    assert_account_is_exact(ring)


CREATE = """
    import sys
    from rtmesh.shm import Policy, ReaderLayout, RingLayout, create_ring
    policies = [(Policy.BLOCK, 4), (Policy.DROP_OLDEST, 4), (Policy.LATEST, 1), (Policy.BLOCK, 8)]
    readers = tuple(ReaderLayout(f"reader {p}", p, queue, hold=4) for p, queue in policies)
    create_ring(sys.argv[1], RingLayout(8, 256, readers, spare_readers=1, budget_origins=(7,)))
    print("made", flush=True)
    sys.stdin.read()
"""
OWN = 3  # the seat in which the test itself sits
TAP = "tap"
PARTIES = ("writer", 0, 1, 2, TAP)
KILLS = 60


class Crew:
    """One child a party, each killed and replaced again and again."""

    def __init__(self, ring: Ring, spawn: Callable[..., subprocess.Popen], dice: random.Random) -> None:
        self.ring, self.dice, self.epoch = ring, dice, 0
        self._spawn = spawn
        self._children: dict[str | int, subprocess.Popen] = {}

    def start(self, party: str | int) -> None:
        """Start a party; now and then it may be killed while it still sits down."""
        source, *rest = (WRITE,) if party == "writer" else (READ, party)
        self._children[party] = child = self._spawn(source, self.ring.name, *rest)
        if self.dice.random() < 0.8:
            assert child.stdout.readline() == "sits\n"
            self.epoch += party == "writer"

    def kill(self, party: str | int) -> None:
        """Kill a party and do for it what meshd does, or nothing."""
        child = self._children.pop(party)
        kill(child)
        assert child.returncode == -9, "it found a message that was wrong"
        mark = self.dice.choice(["absent", "gone", "nothing"])
        if mark != "nothing":
            self._mark(party, child.pid, is_gone=mark == "gone")
        if party == "writer":
            assert self.epoch <= self.ring.snapshot().epoch <= self.epoch + 1
            self.epoch = self.ring.snapshot().epoch

    def _mark(self, party: str | int, pid: int, *, is_gone: bool) -> None:
        if party == "writer":
            assert self.ring.writer_died(pid)
            assert self.ring.snapshot().writer_pid == 0
            return
        for account in self.ring.snapshot().readers:
            if account.pid == pid:
                assert (self.ring.mark_gone if is_gone else self.ring.mark_absent)(account.index, pid)
        assert pid not in [account.pid for account in self.ring.snapshot().readers]


def assert_sums_are_exact(ring: Ring) -> None:
    """Of a ring that runs: its counts, but not its histograms, can be read at any time."""
    snapshot = ring.snapshot()
    for account in snapshot.readers:
        assert account.start + account.delivered + sum(account.dropped.values()) == account.taken
        assert account.taken <= snapshot.head


@pytest.mark.parametrize("seed", [20261123])
def test_sixty_kills_of_every_party_at_any_moment(name, spawn, seed):
    creator = spawn(CREATE, name)
    assert creator.stdout.readline() == "made\n"
    ring, own, dice = Ring.open(name), Reader(name, OWN), random.Random(seed)
    crew = Crew(ring, spawn, dice)
    for party in PARTIES:
        crew.start(party)
    victims = [PARTIES[number % len(PARTIES)] for number in range(KILLS)]
    dice.shuffle(victims)
    position = 0

    for victim in victims:
        for _ in range(dice.randrange(200)):
            assert take(own) == expected(position)
            position += 1
        crew.kill(victim)
        assert_sums_are_exact(ring)
        crew.start(victim)

    for party in PARTIES:
        crew.kill(party)
    assert_everyone_can_go_on(ring, own, position, crew.epoch)
    own.close()
    assert sweep(name) == []
    kill(creator)
    assert sweep(name) == [name]
    assert list_segments(name) == []


def assert_everyone_can_go_on(ring: Ring, own: Reader, position: int, epoch: int) -> None:
    """Successors of all parties: the block reader that lived has every message, all accounts are exact."""
    writer, readers = Writer(ring.name), [Reader(ring.name, index) for index in range(3)]
    assert writer.epoch == epoch + 1
    while own.available():
        assert take(own) == expected(position)
        position += 1
    assert (position, ring.snapshot().source_position) == (writer.head, writer.head)
    assert ring.snapshot().origin_ages[0].count == writer.head
    for turn in range(20):
        publish_to_all(writer, [*readers, own])
        assert writer.head == position + turn + 1
    assert_account_is_exact(ring)
    for party in (writer, *readers):
        party.close()


def publish_to_all(writer: Writer, readers: list[Reader]) -> None:
    while not writer.try_publish(expected(writer.head), writer.head, source_position=writer.head + 1):
        drain(readers)
    drain(readers)


def drain(readers: list[Reader]) -> None:
    for each in readers:
        while (view := each.try_take(0)) is not None:
            assert bytes(view) == expected(view.position)
        each.release()
