"""What an edge means, sentence by sentence, on every transport."""

import pytest

from rtmesh.shm import Policy, ReaderState, StreamEndedError
from tests.conformance.edge import Edge, Input

BLOCK = Input(Policy.BLOCK, queue=4)
DROP = Input(Policy.DROP_OLDEST, queue=3)
LATEST = Input(Policy.LATEST, queue=1)

each_policy = pytest.mark.parametrize("terms", [BLOCK, DROP, LATEST], ids=["block", "drop_oldest", "latest"])
dropping = pytest.mark.parametrize(
    ("terms", "reason"), [(DROP, "queue_full"), (LATEST, "superseded")], ids=["drop_oldest", "latest"]
)


def publish(edge: Edge, *numbers: int) -> None:
    """Publish so many messages, one at a time."""
    for number in numbers:
        assert edge.publish(b"%d" % number)
        edge.settle()


def take_all(edge: Edge, reader: int = 0, keep: bool = False) -> list[int]:
    numbers = []
    while (message := edge.take(reader, keep)) is not None:
        numbers.append(int(message.data))
    return numbers


def take_and_release(edge: Edge, reader: int = 0) -> list[int]:
    numbers = take_all(edge, reader)
    edge.release(reader)
    edge.settle()
    return numbers


def account(edge: Edge, reader: int = 0) -> tuple[int, int, dict[str, int], int]:
    """(sent, delivered, dropped, in flight), which must add up."""
    edge.settle()
    found = edge.account(reader)
    assert found.adds_up(), found
    return found[:4]


# Order and policies


@each_policy
def test_what_a_quick_reader_gets_is_everything_in_order(open_edge, terms):
    edge = open_edge(terms)
    received = []

    for number in range(30):
        publish(edge, number)
        received += take_and_release(edge)

    assert received == list(range(30))
    assert account(edge) == (30, 30, {}, 0)


def test_a_block_reader_holds_the_writer_at_exactly_its_queue(open_edge):
    edge = open_edge(BLOCK)
    publish(edge, *range(4))

    assert not edge.publish(b"one more")

    assert account(edge) == (4, 0, {}, 4)
    assert take_all(edge) == [0, 1, 2, 3]


def test_taking_does_not_free_the_writer_but_releasing_does(open_edge):
    edge = open_edge(BLOCK)
    publish(edge, *range(4))
    assert take_all(edge) == [0, 1, 2, 3]
    edge.settle()
    assert not edge.publish(b"one more")

    edge.release(0)
    edge.settle()

    publish(edge, *range(4, 8))
    assert not edge.publish(b"one more")
    assert take_all(edge) == [4, 5, 6, 7]


@pytest.mark.parametrize("queue", [1, 2, 8])
def test_a_queue_of_n_takes_n(open_edge, queue):
    edge = open_edge(Input(Policy.BLOCK, queue))

    for lap in range(3):
        publish(edge, *range(queue * lap, queue * (lap + 1)))
        assert not edge.publish(b"one more")
        assert take_and_release(edge) == list(range(queue * lap, queue * (lap + 1)))


@dropping
def test_a_dropping_reader_never_holds_the_writer_and_sees_its_queue_newest(open_edge, terms, reason):
    edge = open_edge(terms)

    publish(edge, *range(20))

    newest = list(range(20 - terms.queue, 20))
    assert account(edge) == (20, 0, {reason: 20 - terms.queue}, terms.queue)
    assert take_all(edge) == newest
    assert account(edge) == (20, terms.queue, {reason: 20 - terms.queue}, 0)


@dropping
def test_a_burst_leaves_a_dropping_reader_the_newest_too(open_edge, terms, reason):
    edge = open_edge(terms)

    assert all(edge.publish(b"%d" % number) for number in range(500))

    assert account(edge) == (500, 0, {reason: 500 - terms.queue}, terms.queue)
    assert take_all(edge) == list(range(500 - terms.queue, 500))


def test_a_slow_dropping_reader_gets_part_of_it_in_order_and_the_rest_is_counted(open_edge):
    edge = open_edge(DROP)
    received = []

    for number in range(60):
        assert edge.publish(b"%d" % number)
        if number % 5 == 0 and (message := edge.take(0)) is not None:
            received.append(int(message.data))
    edge.settle()
    received += take_all(edge)

    assert received == sorted(set(received)) and received[-1] == 59
    assert account(edge) == (60, len(received), {"queue_full": 60 - len(received)}, 0)


def test_the_slowest_block_reader_sets_the_pace_of_all(open_edge):
    edge = open_edge(Input(Policy.BLOCK, 2), Input(Policy.BLOCK, 4), DROP)
    publish(edge, 0, 1)
    assert not edge.publish(b"one more")
    assert take_and_release(edge, 1) == [0, 1]
    assert not edge.publish(b"one more")

    assert take_and_release(edge, 0) == [0, 1]

    publish(edge, 2, 3)
    assert [take_all(edge, reader) for reader in range(3)] == [[2, 3], [2, 3], [1, 2, 3]]


# What is kept


@each_policy
@pytest.mark.parametrize("hold", [0, 1, 3])
def test_what_is_kept_stays_as_it_is_while_the_writer_goes_on(open_edge, terms, hold):
    edge = open_edge(terms._replace(hold=hold))
    publish(edge, 0)
    kept = [edge.take(0, keep=True)]
    for number in range(1, 40):
        edge.release(0)
        edge.settle()
        publish(edge, number)
        message = edge.take(0, keep=number < 3)
        kept += [message] * (number < 3)

    assert edge.kept(0) == kept
    assert [int(message.data) for message in kept] == [0, 1, 2]


@each_policy
def test_keeping_and_forgetting_costs_nothing_in_the_end(open_edge, terms):
    edge = open_edge(terms._replace(hold=2))

    for number in range(60):
        publish(edge, number)
        edge.take(0, keep=True)
        edge.release(0)
        edge.settle()
        if number % 3 == 2:
            assert [int(message.data) for message in edge.kept(0)] == [number - 2, number - 1, number]
            edge.forget(0)

    assert account(edge) == (60, 60, {}, 0)


# Accounts


@each_policy
def test_an_account_adds_up_at_every_moment_of_rest(open_edge, terms):
    edge = open_edge(terms)

    for number in range(25):
        edge.publish(b"%d" % number)
        account(edge)
        if number % 4 == 3:
            edge.take(0)
            edge.release(0)
        account(edge)


@each_policy
def test_looking_at_an_account_changes_nothing(open_edge, terms):
    edge = open_edge(terms)
    for number in range(10):
        edge.publish(b"%d" % number)

    assert account(edge) == account(edge)
    before = account(edge)
    assert len(take_all(edge)) == before[3]


# End of stream


@each_policy
def test_the_end_comes_after_the_last_message(open_edge, terms):
    edge = open_edge(terms)
    publish(edge, 0)

    edge.end()
    edge.settle()

    assert not edge.ended(0)
    assert take_all(edge) == [0]
    assert edge.ended(0)


@each_policy
def test_an_empty_stream_ends(open_edge, terms):
    edge = open_edge(terms)
    assert not edge.ended(0)

    edge.end()
    edge.settle()

    assert edge.ended(0)
    assert account(edge) == (0, 0, {}, 0)


def test_a_stream_ends_also_behind_a_full_queue(open_edge):
    edge = open_edge(BLOCK)
    publish(edge, *range(4))

    edge.end()
    edge.settle()

    assert take_and_release(edge) == [0, 1, 2, 3]
    edge.settle()
    assert edge.ended(0)


def test_nothing_is_published_after_the_end(open_edge):
    edge = open_edge(BLOCK)
    edge.end()

    with pytest.raises(StreamEndedError):
        edge.publish(b"too late")


def test_a_reader_that_was_not_there_learns_of_the_end(open_edge):
    edge = open_edge(BLOCK)
    publish(edge, 0)
    edge.crash(0)
    edge.end()
    edge.settle()

    edge.attach(0)

    assert take_all(edge) == [0]
    assert edge.ended(0)


# Absent and gone readers


def test_a_reader_that_never_was_there_holds_without_limit_and_loses_nothing(open_edge):
    edge = open_edge(BLOCK._replace(hold_absent_ns=0), attach=False)
    edge.attach_writer()
    publish(edge, *range(4))
    assert not edge.publish(b"one more")
    assert edge.account(0).state is ReaderState.ABSENT

    edge.attach(0)

    assert take_all(edge) == [0, 1, 2, 3]


@dropping
def test_a_dropping_reader_that_never_came_drops_by_its_policy(open_edge, terms, reason):
    edge = open_edge(terms, attach=False)
    edge.attach_writer()

    publish(edge, *range(20))

    assert account(edge) == (20, 0, {reason: 20 - terms.queue}, terms.queue)


def test_an_absent_reader_holds_the_writer_within_its_time(open_edge):
    edge = open_edge(BLOCK)
    edge.crash(0)
    publish(edge, *range(4))

    assert not edge.publish(b"one more")

    assert edge.account(0).state is ReaderState.ABSENT
    assert account(edge) == (4, 0, {}, 4)


def test_a_reader_that_comes_back_in_time_goes_on_where_it_was(open_edge):
    edge = open_edge(BLOCK)
    publish(edge, *range(4))
    assert edge.take(0).data == b"0"
    edge.crash(0)

    edge.attach(0)
    edge.settle()

    publish(edge, 4)
    assert take_all(edge) == [1, 2, 3, 4]
    assert account(edge) == (5, 5, {}, 0)


def test_what_a_dead_reader_took_and_never_released_does_not_hold_its_successor(open_edge):
    edge = open_edge(BLOCK)
    publish(edge, *range(4))
    for _ in range(4):
        edge.take(0, keep=True)
    edge.crash(0)

    edge.attach(0)
    edge.settle()

    publish(edge, *range(4, 8))
    assert take_and_release(edge) == [4, 5, 6, 7]
    assert account(edge) == (8, 8, {}, 0)


def test_an_absent_reader_whose_time_is_over_is_gone_and_its_backlog_counted(open_edge):
    edge = open_edge(BLOCK._replace(hold_absent_ns=0))
    publish(edge, *range(4))
    edge.take(0)
    edge.release(0)
    edge.settle()
    publish(edge, 4)
    edge.crash(0)
    edge.settle()

    publish(edge, *range(5, 30))

    assert edge.account(0).state is ReaderState.GONE
    assert account(edge) == (30, 1, {"reader_gone": 29}, 0)


def test_hold_absent_counts_only_where_the_writer_must_wait(open_edge):
    edge = open_edge(BLOCK._replace(hold_absent_ns=0))
    edge.crash(0)

    publish(edge, *range(3))

    assert edge.account(0).state is ReaderState.ABSENT
    edge.attach(0)
    assert take_all(edge) == [0, 1, 2]


@each_policy
def test_a_reader_dead_for_good_frees_the_writer_at_once(open_edge, terms):
    edge = open_edge(terms)
    publish(edge, *range(terms.queue))

    edge.crash(0, for_good=True)
    edge.settle()

    publish(edge, *range(terms.queue, 30))
    assert account(edge) == (30, 0, {"reader_gone": 30}, 0)


@each_policy
def test_an_absent_reader_that_is_given_up_frees_the_writer(open_edge, terms):
    edge = open_edge(terms)
    publish(edge, *range(terms.queue))
    edge.crash(0)

    edge.give_up(0)
    edge.settle()

    publish(edge, *range(terms.queue, 30))
    assert account(edge) == (30, 0, {"reader_gone": 30}, 0)


@dropping
def test_what_was_overwritten_before_a_reader_was_given_up_keeps_its_reason(open_edge, terms, reason):
    edge = open_edge(terms)
    publish(edge, *range(10))

    edge.crash(0, for_good=True)
    publish(edge, *range(10, 20))
    edge.give_up(0)

    assert account(edge) == (20, 0, {reason: 10 - terms.queue, "reader_gone": terms.queue + 10}, 0)


@each_policy
def test_a_gone_reader_comes_back_at_head(open_edge, terms):
    edge = open_edge(terms)
    publish(edge, *range(terms.queue))
    edge.crash(0, for_good=True)
    edge.settle()
    publish(edge, *range(terms.queue, 10))

    edge.attach(0)
    edge.settle()
    publish(edge, 10)

    assert take_and_release(edge) == [10]
    assert account(edge) == (11, 1, {"reader_gone": 10}, 0)


@each_policy
def test_a_reader_that_leaves_frees_the_writer(open_edge, terms):
    edge = open_edge(terms)
    publish(edge, *range(terms.queue))
    edge.take(0)

    edge.leave(0)
    edge.settle()

    publish(edge, *range(terms.queue, 20))
    assert edge.account(0).state is ReaderState.GONE
    assert account(edge) == (20, 1, {"reader_gone": 19}, 0)


def test_one_reader_that_dies_costs_the_others_nothing(open_edge):
    edge = open_edge(BLOCK, BLOCK, LATEST)
    publish(edge, *range(4))
    assert take_and_release(edge, 1) == [0, 1, 2, 3]

    edge.crash(0, for_good=True)
    edge.settle()

    publish(edge, *range(4, 8))
    assert [take_all(edge, 1), take_all(edge, 2)] == [[4, 5, 6, 7], [7]]
    assert account(edge, 1) == (8, 8, {}, 0)


# Writers


def test_sequence_counts_from_one_without_gaps(open_edge):
    edge = open_edge(BLOCK)
    publish(edge, 0, 1, 2)

    assert [edge.take(0)[:2] for _ in range(3)] == [(1, 1), (1, 2), (1, 3)]


def test_a_new_writer_begins_the_next_epoch_and_its_sequence_at_one(open_edge):
    edge = open_edge(BLOCK)
    publish(edge, 0, 1)
    edge.crash_writer()
    edge.attach_writer()
    publish(edge, 2)
    edge.crash_writer()
    edge.attach_writer()
    publish(edge, 3)

    messages = [edge.take(0) for _ in range(4)]

    assert [message[:2] for message in messages] == [(1, 1), (1, 2), (2, 1), (3, 1)]
    assert [message.data for message in messages] == [b"0", b"1", b"2", b"3"]
    assert account(edge) == (4, 4, {}, 0)


@each_policy
def test_a_writer_that_dies_with_a_claim_has_published_nothing_of_it(open_edge, terms):
    edge = open_edge(terms)
    publish(edge, 0)
    assert edge.claim(b"half-made")

    edge.crash_writer()
    edge.settle()

    assert account(edge) == (1, 0, {}, 1)
    edge.attach_writer()
    for number in range(1, 30):
        assert take_and_release(edge) == [number - 1]
        publish(edge, number)


def test_a_writer_that_dies_holding_on_to_a_full_queue_is_succeeded_by_one_that_waits(open_edge):
    edge = open_edge(BLOCK)
    publish(edge, *range(4))
    edge.crash_writer()
    edge.attach_writer()

    assert not edge.publish(b"one more")

    assert take_and_release(edge) == [0, 1, 2, 3]
    publish(edge, 4)
    assert take_all(edge) == [4]


def test_a_dead_writer_ends_nothing(open_edge):
    edge = open_edge(BLOCK)
    publish(edge, 0)

    edge.crash_writer()
    edge.settle()

    assert take_all(edge) == [0]
    assert not edge.ended(0)


# Onlookers


def test_a_tap_starts_at_head_and_holds_nobody(open_edge):
    edge = open_edge(LATEST)
    publish(edge, *range(5))
    tap = edge.tap(queue=2)

    publish(edge, *range(5, 50))

    assert account(edge, tap) == (45, 0, {"queue_full": 43}, 2)
    assert take_all(edge, tap) == [48, 49]


def test_a_tap_that_leaves_or_dies_makes_room_for_the_next_with_an_account_of_its_own(open_edge):
    edge = open_edge(LATEST)
    for _ in range(3):
        first, second = edge.tap(queue=2), edge.tap(queue=3)
        publish(edge, *range(6))
        assert take_all(edge, first) == [4, 5]
        assert account(edge, second) == (6, 0, {"queue_full": 3}, 3)
        edge.leave(first)
        edge.crash(second)
