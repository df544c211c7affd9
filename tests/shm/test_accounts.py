"""The account of a dropping reader is right whether it takes or not, and after it is given up."""

import pytest

from rtmesh.shm import Policy, Reader, ReaderSnapshot, ReaderState, Ring, Writer
from tests.shm.conftest import assert_account_is_exact, reader, ring_of

DROPPING = [(Policy.LATEST, 1, "superseded"), (Policy.DROP_OLDEST, 3, "queue_full")]
dropping = pytest.mark.parametrize(("policy", "queue", "reason"), DROPPING)


def publish(writer: Writer, count: int) -> None:
    for _ in range(count):
        assert writer.try_publish(b"%d" % writer.head, 0)


def account(ring: Ring) -> ReaderSnapshot:
    assert_account_is_exact(ring)
    return ring.snapshot().readers[0]


def dropped(ring: Ring) -> dict[str, int]:
    return {reason: count for reason, count in account(ring).dropped.items() if count}


@dropping
def test_a_reader_that_never_takes_has_no_more_in_flight_than_its_queue(name, policy, queue, reason):
    ring = ring_of(name, reader(policy, queue=queue))
    writer, attached = Writer(name), Reader(name, 0)

    publish(writer, 488)

    assert account(ring).state is ReaderState.ATTACHED
    assert account(ring).taken == attached.snapshot().taken == 488 - queue
    assert dropped(ring) == {reason: 488 - queue}
    assert attached.taken == 0


@dropping
def test_looking_changes_nothing_for_the_reader(name, policy, queue, reason):
    ring = ring_of(name, reader(policy, queue=queue))
    writer, attached = Writer(name), Reader(name, 0)
    publish(writer, 100)
    account(ring)

    assert bytes(attached.try_take(0)) == b"%d" % (100 - queue)

    assert (account(ring).taken, account(ring).delivered) == (101 - queue, 1)
    assert dropped(ring) == {reason: 100 - queue}


@dropping
def test_less_than_a_queue_is_all_in_flight(name, policy, queue, reason):
    ring = ring_of(name, reader(policy, queue=queue))
    writer, attached = Writer(name), Reader(name, 0)

    publish(writer, queue)

    assert (account(ring).taken, attached.available(), dropped(ring)) == (0, queue, {})


@dropping
def test_a_reader_that_never_came_drops_by_its_policy_too(name, policy, queue, reason):
    ring = ring_of(name, reader(policy, queue=queue))

    publish(Writer(name), 50)

    assert (account(ring).state, account(ring).taken) == (ReaderState.ABSENT, 50 - queue)
    assert dropped(ring) == {reason: 50 - queue}


@dropping
def test_an_absent_reader_comes_back_to_the_account_that_was_seen(name, policy, queue, reason):
    ring = ring_of(name, reader(policy, queue=queue))
    writer, attached = Writer(name), Reader(name, 0)
    publish(writer, 20)
    attached.close()
    ring.mark_absent(0)
    publish(writer, 20)
    before = dropped(ring)

    again = Reader(name, 0)

    assert before == dropped(ring) == {reason: 40 - queue}
    assert again.available() == queue


@dropping
def test_of_a_reader_that_leaves_only_what_waited_is_gone(name, policy, queue, reason):
    ring = ring_of(name, reader(policy, queue=queue))
    writer, attached = Writer(name), Reader(name, 0)
    publish(writer, 487)

    attached.leave()

    assert (account(ring).state, account(ring).taken) == (ReaderState.GONE, 487)
    assert dropped(ring) == {reason: 487 - queue, "reader_gone": queue}


@dropping
def test_what_is_published_after_a_reader_was_given_up_is_gone(name, policy, queue, reason):
    ring = ring_of(name, reader(policy, queue=queue))
    writer, attached = Writer(name), Reader(name, 0)
    publish(writer, 10)
    attached.close()
    ring.mark_gone(0)

    publish(writer, 100)

    assert dropped(ring) == {reason: 10 - queue, "reader_gone": queue + 100}


@dropping
def test_a_reader_that_is_marked_gone_again_stays_given_up_where_it_was(name, policy, queue, reason):
    ring = ring_of(name, reader(policy, queue=queue))
    writer, attached = Writer(name), Reader(name, 0)
    publish(writer, 10)
    attached.leave()
    publish(writer, 100)

    ring.mark_gone(0)

    assert dropped(ring) == {reason: 10 - queue, "reader_gone": queue + 100}


@dropping
def test_a_reader_back_from_gone_writes_down_what_was_seen(name, policy, queue, reason):
    ring = ring_of(name, reader(policy, queue=queue))
    writer, attached = Writer(name), Reader(name, 0)
    publish(writer, 10)
    attached.leave()
    publish(writer, 100)
    before = dropped(ring)

    again = Reader(name, 0)
    publish(writer, 1)

    assert before == dropped(ring)
    assert bytes(again.try_take(0)) == b"110"
    assert account(ring).taken == 111


@dropping
def test_a_reader_gone_twice_adds_up_both_times(name, policy, queue, reason):
    ring = ring_of(name, reader(policy, queue=queue))
    writer = Writer(name)
    for _ in range(2):
        attached = Reader(name, 0)
        publish(writer, 10)
        attached.leave()
        publish(writer, 5)

    assert dropped(ring) == {reason: 2 * (10 - queue), "reader_gone": 2 * (queue + 5)}


def test_a_tap_that_does_not_take_has_its_own_queue_in_flight(name):
    ring = ring_of(name, reader(Policy.LATEST, queue=1), spare_readers=1)
    writer = Writer(name)
    publish(writer, 4)
    tap = Reader.tap(name, queue=2)

    publish(writer, 7)

    assert (tap.snapshot().start, tap.snapshot().taken) == (4, 9)
    assert ring.snapshot().readers[1].dropped["queue_full"] == 5


def test_everything_of_a_gone_block_reader_is_gone(name):
    ring = ring_of(name, reader(queue=4))
    writer, attached = Writer(name), Reader(name, 0)
    publish(writer, 4)
    attached.leave()

    publish(writer, 100)

    assert dropped(ring) == {"reader_gone": 104}
