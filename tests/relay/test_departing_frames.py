"""What the edges of a lane have is taken from their rings as one frame, which any protobuf reader reads."""

import os
import sys
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtmesh.relay.frames import message_field, records_field, split
from rtmesh.shm import (
    FRAME_CARE,
    FRAME_MORE,
    Outflow,
    Policy,
    Reader,
    ReaderLayout,
    RingLayout,
    Writer,
    create_ring,
    publish_records,
    split_frame,
    take_frame,
    take_records,
)
from rtmesh.v1.relay_pb2 import Chunk, EdgeRecords, Frame, Record

PLENTY = 1 << 20


class Leaving:
    """An edge: its ring, who writes it, and how it leaves."""

    def __init__(self, number, granted=100):
        self.name = f"rtmesh.{os.getuid()}.test-departing.{os.getpid()}-{number}"
        self.ring = create_ring(self.name, RingLayout(16, 1 << 16, (ReaderLayout("r", Policy.BLOCK, 16),)))
        self.writer, self.reader = Writer(self.name), Reader(self.name, 0)
        self.flow = Outflow(number, granted)
        self.flow.attach(self.reader)

    def publish(self, *messages):
        for message in messages:
            assert self.writer.try_publish(message, 7)


@pytest.fixture
def leaving():
    made = []

    def make(*args):
        made.append(Leaving(*args))
        return made[-1]

    yield make
    for each in made:
        each.writer.close()
        each.reader.close()
        each.ring.unlink()


def take(*flows, first=0, most_messages=256, most_bytes=PLENTY, full_bytes=PLENTY):
    frame, state = take_frame(list(flows), first, 0, most_messages, most_bytes, full_bytes)
    return Frame.FromString(frame), state


def records(*messages, since=0):
    return [Record(position=since + i, publish_time_ns=7, message=m) for i, m in enumerate(messages)]


@pytest.mark.parametrize(
    "messages", [(b"",), (b"a" * 100,), (b"b" * 65_536,), (b"a", b"b" * 200, b"c" * 20_000)]
)
@pytest.mark.parametrize("skip", [0, 1, 2**63])
def test_a_frame_is_what_protobuf_would_write(leaving, messages, skip):
    edge = leaving(7)
    edge.publish(*messages)
    edge.flow.skip_position = skip

    frame, state = take_frame([edge.flow], 0, 0, 256, PLENTY, PLENTY)

    expected = Frame(edges=[EdgeRecords(number=7, skip_position=skip, records=records(*messages))])
    assert Frame.FromString(frame) == expected
    assert len(frame) <= len(expected.SerializeToString()) + 4 * 11 * len(messages)  # zeros are written, too
    assert (state, edge.flow.sent, edge.flow.skip_position) == (0, len(messages), 0)
    assert edge.reader.available() == 0


def test_one_message_and_several_are_written_alike(leaving):
    one, several = leaving(1), leaving(2)
    one.publish(b"x" * 300)
    several.publish(b"x" * 300, b"y")

    alone, _ = take_frame([one.flow], 0, 0, 256, PLENTY, PLENTY)
    first, _ = take_frame([several.flow], 0, 0, 1, PLENTY, PLENTY)

    assert first == alone.replace(b"\x0d\x01", b"\x0d\x02", 1)


def test_each_edge_gives_what_it_has_and_another_is_the_first(leaving):
    edges = [leaving(number) for number in (1, 2, 3)]
    for edge in edges:
        edge.publish(b"m%d" % edge.flow.number)

    frame, state = take(*(edge.flow for edge in edges), first=1)

    assert [edge.number for edge in frame.edges] == [2, 3, 1]
    assert state == 0
    assert take(*(edge.flow for edge in edges)) == (Frame(), 0)


def test_nothing_goes_without_credit(leaving):
    edge = leaving(1, 2)
    edge.publish(b"a", b"b", b"c")

    assert take(edge.flow)[0].edges[0].records == records(b"a", b"b")
    assert take(edge.flow) == (Frame(), 0)
    edge.flow.granted += 1
    assert take(edge.flow)[0].edges[0].records == records(b"c", since=2)


def test_an_edge_gives_no_more_than_its_part_of_a_frame(leaving):
    edge = leaving(1)
    edge.publish(*[b"x" * 100] * 10)

    assert len(take(edge.flow, most_messages=3)[0].edges[0].records) == 3
    assert len(take(edge.flow, most_bytes=150)[0].edges[0].records) == 2  # the second passes the bound


def test_a_full_frame_leaves_the_rest_for_the_next_and_says_so(leaving):
    edges = [leaving(number) for number in (1, 2, 3)]
    for edge in edges:
        edge.publish(b"x" * 1000, b"y" * 1000)

    frame, state = take(*(edge.flow for edge in edges), full_bytes=1500)

    assert [edge.number for edge in frame.edges] == [1]
    assert state == FRAME_MORE
    assert [edge.number for edge in take(*(edge.flow for edge in edges))[0].edges] == [2, 3]


def test_what_is_rare_is_left_to_who_takes_care(leaving):
    ended, closed, cut, skipping, plain = (leaving(number) for number in range(1, 6))
    for edge in (cut, plain):
        edge.publish(b"x")
    for edge in (ended, closed):
        edge.writer.end()
    closed.reader.close()
    cut.flow.needs_care = True
    skipping.flow.skip_position = 3
    for edge in (ended, closed, cut, skipping):
        assert take(edge.flow, plain.flow)[1] == FRAME_CARE
    assert plain.flow.sent == 1
    assert cut.flow.sent == 0

    ended.flow.is_over = True
    assert take(ended.flow, plain.flow, Outflow(9, 5)) == (Frame(), 0)


def test_nothing_taken_leaves_nothing_pinned(leaving):
    edge = leaving(1, 1000)
    for count in [1, 3] * 20:  # more often than the ring has slots
        edge.publish(*[b"x"] * count)
        assert len(take(edge.flow)[0].edges[0].records) == count
        edge.reader.release()


def test_what_was_taken_as_a_frame_is_published_as_it_was(leaving):
    here, there = leaving(1), leaving(2)
    here.publish(b"", b"abc", b"d" * 61_440)
    (data,) = split(take_frame([here.flow], 0, 0, 256, PLENTY, PLENTY)[0])[1]

    assert publish_records(there.writer, data.records, 0, 16, True) == (3, 3)

    assert [bytes(there.reader.try_take(0)) for _ in range(3)] == [b"", b"abc", b"d" * 61_440]


@pytest.mark.parametrize("wrong", [{"first": -1}, {"most_bytes": 1 << 40}, {"full_bytes": 1 << 40}])
def test_bounds_that_cannot_be_are_refused(leaving, wrong):
    with pytest.raises(OverflowError):
        take(leaving(1).flow, **wrong)


def test_only_outflows_with_one_reader_each_are_taken(leaving):
    edge = leaving(1)
    with pytest.raises(TypeError):
        take_frame([edge.reader], 0, 0, 1, 1, 1)
    with pytest.raises(TypeError, match="a reader, once"):
        edge.flow.attach(edge.reader)
    with pytest.raises(TypeError, match="a reader, once"):
        Outflow(1, 1).attach(edge.writer)


EDGES = st.builds(
    EdgeRecords,
    number=st.integers(1, 2**32 - 1),
    skip_position=st.integers(0, 2**64 - 1),
    end_position=st.integers(0, 2**64 - 1),
)


@given(st.lists(EDGES, max_size=4), st.binary(max_size=200), st.integers(0, 300))
def test_a_frame_that_was_cut_or_spoilt_is_split_or_refused_whole(edges, noise, at):
    fields = [b"".join(records_field(e.number, b"", skip=e.skip_position, end=e.end_position)) for e in edges]
    whole = b"".join(fields)
    assert [(d.number, d.skip_position, d.end_position) for d in split_frame(whole)[1]] == [
        (edge.number, edge.skip_position, edge.end_position) for edge in edges
    ]
    for frame in (whole[:at], whole[:at] + noise, whole[:at] + noise + whole[at:]):
        try:
            others, data = split_frame(frame)
        except ValueError as error:
            assert "is no frame" in str(error)
        else:
            assert sum(map(len, others)) + sum(len(each[-1]) for each in data) <= len(frame)


@given(
    st.builds(
        Chunk,
        number=st.integers(1, 2**32 - 1),
        position=st.integers(1, 2**64 - 1),
        publish_time_ns=st.integers(-(2**63), -1),
        total_bytes=st.integers(1, 2**64 - 1),
        offset=st.integers(1, 2**64 - 1),
        part=st.binary(min_size=1, max_size=300),
    ),
    st.integers(0, 400),
)
def test_a_part_as_protobuf_writes_it_is_taken_apart_and_no_less_of_it(chunk, at):
    frame = Frame(chunk=chunk).SerializeToString()

    (data,) = split_frame(frame)[1]

    assert tuple(data) == (
        chunk.number,
        chunk.position,
        chunk.publish_time_ns,
        chunk.total_bytes,
        chunk.offset,
        chunk.part,
    )
    if at % len(frame):
        with pytest.raises(ValueError, match="is no frame"):
            split_frame(frame[: at % len(frame)])


def test_a_length_of_more_bytes_than_a_number_has_is_refused():
    with pytest.raises(ValueError, match="at byte 0 of 13 is no frame"):
        split_frame(b"\x2a" + b"\x80" * 11 + b"\x00")


def test_large_messages_are_still_written_field_by_field(leaving):
    edge = leaving(1)
    edge.publish(b"z" * 1000)
    view = edge.reader.try_take(0)

    assert Frame.FromString(b"".join(message_field(1, view))).edges[0].records == records(b"z" * 1000)
    assert take_records(edge.reader, 0, 1, 1)[1] == 0


def test_another_thread_can_run_while_records_are_published(leaving):
    """Whoever is woken may answer before this thread goes on; then the sending one needs the GIL."""
    here, there = leaving(1), leaving(2)
    wanted, ran, interval_s = threading.Semaphore(0), threading.Event(), sys.getswitchinterval()

    def run() -> None:
        wanted.acquire()
        ran.set()

    here.publish(b"x" * 60_000)
    (data,) = split(take_frame([here.flow], 0, 0, 256, PLENTY, PLENTY)[0])[1]
    other = threading.Thread(target=run, daemon=True)
    other.start()
    sys.setswitchinterval(60)  # from here on nobody runs unless this thread lets it
    try:
        wanted.release()
        ran_before = ran.is_set()
        for _ in range(10_000):
            if ran.is_set():
                break
            publish_records(there.writer, data.records, 0, 1, True)
            there.reader.try_take(0)
            there.reader.release()
        did_run = ran.is_set()
    finally:
        sys.setswitchinterval(interval_s)
    other.join(5)
    assert (ran_before, did_run) == (False, True)
