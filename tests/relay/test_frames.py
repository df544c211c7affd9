"""Frames written by hand are ordinary protobuf."""

from hypothesis import given
from hypothesis import strategies as st

from rtmesh.relay.frames import end_frame, message_frame, skip_frame
from rtmesh.v1.relay_pb2 import PullResponse


@given(
    position=st.integers(0, 2**64 - 1),
    publish_time_ns=st.integers(-(2**63), 2**63 - 1),
    message=st.binary(max_size=300),
)
def test_a_message_frame_parses_as_the_response_it_stands_for(position, publish_time_ns, message):
    frame = message_frame(position, publish_time_ns, memoryview(message))

    assert PullResponse.FromString(frame) == PullResponse(
        position=position, publish_time_ns=publish_time_ns, message=message
    )


def test_a_message_frame_takes_any_buffer_by_its_bytes():
    frame = message_frame(7, 9, memoryview(b"\x01\x00\x02\x00").cast("H"))

    assert PullResponse.FromString(frame).message == b"\x01\x00\x02\x00"


def test_an_end_carries_its_position_and_no_message():
    assert PullResponse.FromString(end_frame(12)) == PullResponse(position=12, end=True)


def test_a_skip_carries_its_position_and_no_message():
    assert PullResponse.FromString(skip_frame(12)) == PullResponse(position=12, skip=True)
