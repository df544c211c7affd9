"""Joining by origin, decided without rings."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st
from laboratory import sample

from rtmesh.node.joins import OriginJoin


def waiting_pair(queue: int = 4) -> OriginJoin:
    return OriginJoin([queue, queue])


def test_a_message_waits_for_its_partner() -> None:
    join = waiting_pair()
    first, second = sample(sequence=1), sample(sequence=1)

    assert join.add(0, first) is None
    assert join.add(1, second) == (first, second)

    assert join.unjoined == 0


def test_the_arguments_come_in_the_order_of_the_inputs() -> None:
    join = OriginJoin([4, 4, 4])
    messages = [sample(sequence=1) for _ in range(3)]

    assert join.add(2, messages[2]) is None
    assert join.add(0, messages[0]) is None

    assert join.add(1, messages[1]) == tuple(messages)


def test_the_kth_message_of_an_origin_meets_the_kth() -> None:
    join = waiting_pair()
    left = [sample(sequence=1, count=k) for k in range(3)]
    right = [sample(sequence=1, count=k) for k in range(3)]
    for message in left:
        assert join.add(0, message) is None

    assert [join.add(1, message) for message in right] == list(zip(left, right))


def test_messages_of_different_origins_do_not_meet() -> None:
    join = waiting_pair()
    join.add(0, sample(origin=1, sequence=1))

    assert join.add(1, sample(origin=2, sequence=1)) is None


def test_messages_of_different_epochs_do_not_meet() -> None:
    join = waiting_pair()
    join.add(0, sample(epoch=1, sequence=1))

    assert join.add(1, sample(epoch=2, sequence=1)) is None
    assert join.unjoined == 1


def test_a_message_whose_partner_was_skipped_is_unjoined_at_once() -> None:
    join = waiting_pair()
    join.add(0, sample(sequence=1))
    join.add(0, sample(sequence=2))

    assert join.add(1, sample(sequence=2)) is not None

    assert join.unjoined == 1


def test_a_message_that_comes_after_its_partner_was_skipped_is_unjoined_at_once() -> None:
    join = waiting_pair()
    join.add(1, sample(sequence=5))

    join.add(0, sample(sequence=3))

    assert join.unjoined == 1
    assert join.add(0, sample(sequence=5)) is not None


def test_more_messages_of_an_origin_than_the_other_input_has_are_unjoined() -> None:
    join = waiting_pair()
    for sequence in (1, 2):
        for _ in range(2):
            join.add(0, sample(sequence=sequence))
        join.add(1, sample(sequence=sequence))

    assert join.unjoined == 1, "the second of origin 1; that of origin 2 may still be met"


def test_without_room_the_oldest_is_given_up() -> None:
    join = waiting_pair(queue=2)
    messages = [sample(sequence=k) for k in (1, 2, 3)]

    for message in messages:
        join.add(0, message)

    assert join.unjoined == 1
    assert join.add(1, sample(sequence=1)) is None
    assert join.add(1, partner := sample(sequence=3)) == (messages[2], partner)


def test_there_is_room_for_as_many_as_the_queue() -> None:
    join = waiting_pair(queue=2)

    join.add(0, sample(sequence=1))
    assert join.has_room(0)
    join.add(0, sample(sequence=2))

    assert not join.has_room(0)
    assert join.has_room(1)


def test_inputs_that_fill_up_with_strangers_do_not_wait_for_ever() -> None:
    join = waiting_pair(queue=2)
    for sequence in (1, 2):
        join.add(0, sample(origin=1, sequence=sequence))
        join.add(1, sample(origin=2, sequence=sequence))

    assert join.break_deadlock()

    assert join.unjoined == 2
    assert join.has_room(0)
    assert join.has_room(1)


def test_an_input_that_waits_for_a_slow_one_is_no_deadlock() -> None:
    join = waiting_pair(queue=2)
    for sequence in (1, 2):
        join.add(0, sample(sequence=sequence))

    assert not join.break_deadlock()


def test_what_waits_for_an_input_that_has_ended_is_unjoined() -> None:
    join = waiting_pair()
    join.add(0, sample(sequence=1))
    join.add(0, sample(sequence=2))

    join.end(1)
    join.add(0, sample(sequence=3))

    assert join.unjoined == 3


def test_what_an_ended_input_brought_is_still_met() -> None:
    join = waiting_pair()
    join.add(1, sample(sequence=1))
    join.end(1)

    assert join.add(0, sample(sequence=1)) is not None
    assert join.unjoined == 0


def test_closing_counts_what_still_waits() -> None:
    join = waiting_pair()
    join.add(0, sample(sequence=1))

    join.close()

    assert join.unjoined == 1


streams = st.lists(st.integers(1, 6), max_size=12).map(sorted)


@given(streams, streams, st.randoms(use_true_random=False))
def test_every_message_is_joined_or_counted(left: list[int], right: list[int], chance: object) -> None:
    """Whatever the order in which two streams interleave: the pairs are those of equal place."""
    join = OriginJoin([16, 16])
    pairs = []
    for index, sequence in interleaved(left, right, chance=chance):
        if (matched := join.add(index, sample(sequence=sequence))) is not None:
            pairs.append([message.header.origin_sequence for message in matched])
    join.end(0)
    join.end(1)

    expected = sum(min(left.count(sequence), right.count(sequence)) for sequence in set(left))
    assert len(pairs) == expected
    assert all(one == other for one, other in pairs)
    assert join.unjoined == len(left) + len(right) - 2 * expected


@given(st.lists(streams, min_size=3, max_size=5), st.randoms(use_true_random=False))
def test_however_many_inputs_there_are_every_message_is_joined_or_counted(
    brought: list[list[int]], chance: object
) -> None:
    join = OriginJoin([64] * len(brought))
    met = [
        matched
        for index, sequence in interleaved(*brought, chance=chance)
        if (matched := join.add(index, sample(sequence=sequence))) is not None
    ]
    for index in range(len(brought)):
        join.end(index)

    expected = sum(min(stream.count(sequence) for stream in brought) for sequence in range(1, 7))
    assert len(met) == expected
    assert all(len({message.header.origin_sequence for message in matched}) == 1 for matched in met)
    assert join.unjoined == sum(map(len, brought)) - len(brought) * expected


def test_what_was_passed_by_behind_a_waiting_message_goes_when_that_is_met() -> None:
    join = OriginJoin([4, 4, 4])
    for sequence in (1, 2):
        join.add(0, sample(sequence=sequence))
    for sequence in (1, 3):
        join.add(1, sample(sequence=sequence))
    assert join.unjoined == 0

    assert join.add(2, sample(sequence=1)) is not None

    assert join.unjoined == 1, "2 of the first input, which the second has passed by"


def test_giving_up_one_gives_up_what_waited_for_it_in_every_input() -> None:
    join = OriginJoin([4, 4, 4])
    join.add(0, sample(sequence=1))
    join.add(1, sample(sequence=1))

    join.add(2, sample(sequence=2))

    assert join.unjoined == 2
    assert [join.has_room(index) for index in range(3)] == [True] * 3


def interleaved(*streams: list[int], chance: object) -> Iterator[tuple[int, int]]:
    rest = [list(stream) for stream in streams]
    while any(rest):
        index = chance.choice([index for index, stream in enumerate(rest) if stream])  # type: ignore[attr-defined]
        yield index, rest[index].pop(0)
