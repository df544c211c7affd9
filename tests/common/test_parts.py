"""Messages of control rings that are larger than a slot."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtmesh.common.control import MESSAGE_BYTES, SLOT_BYTES, events_layout
from rtmesh.common.parts import Cutter, Joiner
from rtmesh.node.channel import LARGEST_PAYLOAD_BYTES
from rtmesh.node.tracebacks import LONGEST_DETAIL, LONGEST_REASON
from rtmesh.shm import MessageTooLargeError
from rtmesh.v1 import node_pb2


def request(size: int, fill: bytes = b"r") -> node_pb2.NodeRequest:
    return node_pb2.NodeRequest(id=2**63, method="Configure", request=fill * size)


def cutter() -> Cutter[node_pb2.NodeRequest]:
    return Cutter(node_pb2.NodeRequest)


def joiner() -> Joiner[node_pb2.NodeRequest]:
    return Joiner(node_pb2.NodeRequest.FromString)


@given(st.lists(st.integers(0, LARGEST_PAYLOAD_BYTES), max_size=6))
def test_every_message_comes_out_as_it_went_in(sizes: list[int]) -> None:
    cut, join = cutter(), joiner()
    sent = [request(size, bytes([number])) for number, size in enumerate(sizes)]
    slots = [slot for message in sent for slot in cut.slots(message)]

    assert all(len(slot) <= SLOT_BYTES for slot in slots)
    assert [message for slot in slots if (message := join.take(1, slot)) is not None] == sent


def test_a_message_that_fits_travels_as_it_is() -> None:
    message = request(100)

    assert cutter().slots(message) == [message.SerializeToString()]


def test_a_message_beyond_the_limit_is_refused_with_both_sizes() -> None:
    with pytest.raises(MessageTooLargeError, match=f"at most {MESSAGE_BYTES} fit"):
        cutter().slots(request(MESSAGE_BYTES))


@pytest.mark.parametrize("lost", range(4))
def test_a_message_that_lost_a_part_is_none_and_the_next_is_whole(lost: int) -> None:
    cut, join = cutter(), joiner()
    torn, whole = cut.slots(request(15_000, b"t")), cut.slots(request(15_000, b"w"))
    assert len(torn) == 4
    del torn[lost]

    joined = [join.take(1, slot) for slot in (*torn, *whole)]

    assert joined == [None] * 6 + [request(15_000, b"w")]


def test_two_lives_of_a_writer_are_not_mixed() -> None:
    first, second = cutter().slots(request(9_000, b"1")), cutter().slots(request(9_000, b"2"))
    join = joiner()

    assert join.take(1, first[0]) is None
    assert [join.take(2, slot) for slot in second[1:]] == [None, None]
    assert [join.take(2, slot) for slot in second] == [None, None, request(9_000, b"2")]


def test_parts_out_of_order_are_no_message() -> None:
    first, second, third = cutter().slots(request(9_000))
    join = joiner()

    assert [join.take(1, slot) for slot in (first, first, second, second, third)] == [
        None,
        None,
        None,
        None,
        request(9_000),
    ]
    assert [join.take(1, slot) for slot in (first, third, second)] == [None] * 3


def test_parts_without_end_do_not_fill_the_memory() -> None:
    join = joiner()
    for index in range(5_000):
        part = node_pb2.NodePart(message=1, index=index, count=2**31, data=b"x" * 3_000)
        assert join.take(1, node_pb2.NodeRequest(part=part).SerializeToString()) is None

    assert join._pieces == []


def test_the_events_ring_holds_the_largest_result_the_longest_traceback_and_more() -> None:
    cut = Cutter(node_pb2.NodeEvent)
    result = node_pb2.NodeResult(json="x" * LARGEST_PAYLOAD_BYTES)
    failure = node_pb2.NodeStateChange(reason="𝄞" * LONGEST_REASON, detail="𝄞" * LONGEST_DETAIL)
    told = [*cut.slots(node_pb2.NodeEvent(result=result)), *cut.slots(node_pb2.NodeEvent(state=failure))]

    assert len(told) + 8 <= events_layout().readers[0].queue
