"""Frames written by hand are ordinary protobuf, and are split as they were written."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtmesh.common.errors import FailedPreconditionError
from rtmesh.relay.frames import chunk_field, message_field, records_field, split
from rtmesh.shm import (
    ChunkData,
    EdgeData,
    Policy,
    Reader,
    ReaderLayout,
    RingLayout,
    Writer,
    create_ring,
    take_records,
)
from rtmesh.v1.relay_pb2 import Chunk, EdgeRecords, Frame, Grant, Record

NUMBERS = st.integers(1, 2**32 - 1)
POSITIONS = st.integers(0, 2**63 - 1)
MESSAGES = [b"", b"a", b"b" * 200, b"c" * 20_000]


@pytest.fixture
def reader():
    name = f"rtmesh.{os.getuid()}.test-frames.{os.getpid()}"
    ring = create_ring(name, RingLayout(16, 1 << 16, (ReaderLayout("r", Policy.BLOCK, 16),)))
    writer = Writer(name)
    for index, message in enumerate(MESSAGES):
        assert writer.try_publish(message, -index)
    yield Reader(name, 0)
    writer.close()
    ring.unlink()


def records_of(messages):
    return [Record(position=i, publish_time_ns=-i, message=data) for i, data in enumerate(messages)]


def parsed(parts):
    return Frame.FromString(b"".join(parts))


def test_records_taken_from_a_ring_parse_as_the_messages_they_stand_for(reader):
    records, count = take_records(reader, 0, 100, 1 << 20)

    frame = parsed(records_field(7, records, skip=3, end=9))

    expected = EdgeRecords(number=7, skip_position=3, end_position=9, records=records_of(MESSAGES))
    assert count == len(MESSAGES)
    assert frame == Frame(edges=[expected])


def test_no_more_is_taken_than_is_asked_for(reader):
    assert take_records(reader, 0, 1, 1 << 20)[1] == 1
    records, count = take_records(reader, 0, 100, 30)
    assert count == 2  # the first fits, the second passes the bound, nothing after it
    assert len(parsed(records_field(1, records)).edges[0].records) == 2


def test_a_single_message_is_the_same_as_a_record(reader):
    view = reader.try_take(0)
    view = reader.try_take(0)

    assert parsed(message_field(7, view, skip=5)) == Frame(
        edges=[EdgeRecords(number=7, skip_position=5, records=records_of(MESSAGES)[1:2])]
    )


def test_chunks_of_a_message_parse_and_add_up_to_it(reader):
    for _ in MESSAGES:
        view = reader.try_take(0)

    chunks = [parsed(chunk_field(7, view, offset, 8192)).chunk for offset in range(0, 20_000, 8192)]

    assert b"".join(chunk.part for chunk in chunks) == MESSAGES[-1]
    assert chunks[1] == Chunk(
        number=7,
        position=3,
        publish_time_ns=-3,
        total_bytes=20_000,
        offset=8192,
        part=MESSAGES[-1][8192:16384],
    )


@given(number=NUMBERS, skip=POSITIONS, end=POSITIONS, records=st.binary(max_size=300))
def test_what_was_written_is_what_is_split(number, skip, end, records):
    tail = b"\x1a" + records if records else b""
    others, data = split(b"".join(records_field(number, tail, skip=skip, end=end)))

    assert others == b""
    assert data == [EdgeData((number, skip, end, memoryview(tail)))]


def test_other_fields_are_handed_on_as_they_came(reader):
    view = reader.try_take(0)
    frame = Frame(grants=[Grant(number=3, credit=9)], closed=[4])

    others, data = split(frame.SerializeToString() + b"".join(chunk_field(1, view, 0, 100)))

    assert Frame.FromString(others) == frame
    assert data == [ChunkData((1, 0, 0, 0, 0, memoryview(b"")))]
    assert isinstance(data[0], ChunkData)


@given(st.binary(max_size=200))
def test_any_bytes_are_split_or_refused(data):
    try:
        split(data)
    except FailedPreconditionError as error:
        assert "is no frame" in str(error)
