"""Messages are found wherever frames and reads begin and end."""

from __future__ import annotations

import os
import random
import socket
import struct
import threading
from contextlib import closing

import pytest
from hyperframe.frame import DataFrame, PingFrame
from hypothesis import given, settings
from hypothesis import strategies as st

from rtmesh.relay._http2 import Receiver, send_message

MOST = 1 << 20


def received(data: bytes, cuts: list[int], streams: list[int]) -> list[object]:
    """Everything that a receiver makes of bytes that come in pieces."""
    left, right = socket.socketpair()
    receiver = Receiver(right.fileno(), MOST)
    for stream in streams:
        receiver.want(stream)

    def send() -> None:
        with closing(left):
            places = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
            for start, end in zip(places, places[1:]):
                left.sendall(data[start:end])

    sending = threading.Thread(target=send)
    sending.start()
    with closing(right):
        try:
            return list(iter(receiver.next, None))
        finally:
            sending.join(10)


frame_plans = st.lists(
    st.tuples(st.sampled_from([1, 3, 5]), st.integers(0, 300), st.integers(0, 40), st.booleans()), max_size=12
)


@settings(max_examples=200, deadline=None)
@given(
    plans=frame_plans,
    sizes=st.lists(st.sampled_from([0, 1, 2, 17, 250, 20_000, 40_000]), max_size=6),
    cuts=st.lists(st.integers(0, 100_000), max_size=8),
    seed=st.integers(0, 1000),
)
def test_messages_do_not_depend_on_where_frames_and_reads_end(plans, sizes, cuts, seed) -> None:
    """Two streams that are wanted, one that is not, pings in between; the last frame ends its stream."""
    chance = random.Random(seed)
    messages = {stream: [chance.randbytes(size) for size in sizes] for stream in (1, 3, 5)}
    left = {
        stream: b"".join(struct.pack(">BI", 0, len(each)) + each for each in of)
        for stream, of in messages.items()
    }
    said: list[bytes] = []
    for stream, size, padding, pings in [
        *plans,
        (1, 1 << 30, 0, False),
        (3, 1 << 30, 3, True),
        (5, 1 << 30, 0, 0),
    ]:
        part, left[stream] = left[stream][:size], left[stream][size:]
        frame = DataFrame(stream, part, pad_length=padding, flags=["PADDED"] if padding else [])
        if size == 1 << 30:
            frame.flags.add("END_STREAM")
        said += [frame.serialize(), *([PingFrame(0, b"12345678").serialize()] if pings else [])]

    events = received(b"".join(said), cuts, [1, 3])

    for stream in (1, 3):
        found = [event[1] for event in events if isinstance(event, tuple) and event[0] == stream]
        assert found == [*messages[stream], None]
    assert not [event for event in events if isinstance(event, tuple) and event[0] == 5]
    pings = [event for event in events if isinstance(event, bytes)]
    assert pings == [each for each in said if each[3] == 6]


@pytest.mark.parametrize("most_frame_bytes", [6, 16_384, 2**24 - 1])
def test_what_is_sent_is_received(most_frame_bytes: int) -> None:
    left, right = socket.socketpair()
    receiver = Receiver(right.fileno(), MOST)
    receiver.want(7)
    sent = [os.urandom(size) for size in (0, 1, 2, 11, 12, 5_000, 70_000)]

    def send() -> None:
        for each in sent:
            send_message(left.fileno(), 7, each, most_frame_bytes)

    sending = threading.Thread(target=send)
    sending.start()
    assert [receiver.next() for _ in sent] == [(7, each) for each in sent]
    sending.join(10)
    left.close()
    assert receiver.next() is None
    right.close()


def test_a_stream_that_is_forgotten_in_the_midst_of_a_message_is_passed_over() -> None:
    left, right = socket.socketpair()
    receiver = Receiver(right.fileno(), MOST)
    receiver.want(1)
    receiver.want(3)
    frame = DataFrame(1, struct.pack(">BI", 0, 100_000) + bytes(100_000)).serialize()
    left.sendall(frame[:60_000])
    events: list[object] = []
    receiving = threading.Thread(target=lambda: events.append(receiver.next()))
    receiving.start()

    receiver.forget(1)
    left.sendall(frame[60_000:])
    send_message(left.fileno(), 3, b"other", 16_384)

    receiving.join(10)
    # It may have been whole before: then it comes, and the other after it.
    assert events[0] in [(3, b"other"), (1, bytes(100_000))]
    left.close()
    right.close()


def test_what_is_broken_is_told() -> None:
    left, right = socket.socketpair()
    left.close()
    with pytest.raises(BrokenPipeError):
        send_message(right.fileno(), 1, b"x", 16_384)
    with pytest.raises(OverflowError):
        send_message(right.fileno(), 1, b"x", 5)
    number = right.fileno()
    right.close()
    with pytest.raises(OSError):
        Receiver(number, MOST).next()
