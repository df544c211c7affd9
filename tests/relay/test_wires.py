"""Both ways to use gRPC, and each with the other, in this process: frames, ends, and that nothing stays."""

from __future__ import annotations

import contextlib
import queue
import socket
import threading
from pathlib import Path

import grpc
import pytest
from relay_edge import Edge, until
from wire_party import DEADLINE_S, Party

from rtmesh.common.errors import (
    AbortedError,
    FailedPreconditionError,
    InvalidArgumentError,
    RtmeshError,
    UnavailableError,
)
from rtmesh.common.serving import CHANNEL_OPTIONS, add_port
from rtmesh.common.status_codes import was_said
from rtmesh.common.time_slice import SHORTEST_US, time_slice_us
from rtmesh.relay.http2 import Http2Wire
from rtmesh.relay.ordinary import OrdinaryWire
from rtmesh.relay.wire import EXCHANGE

# Who is dialled, and who dials.
WIRES = {
    "http2": (Http2Wire, Http2Wire),
    "ordinary": (OrdinaryWire, OrdinaryWire),
    "ordinary dials http2": (Http2Wire, OrdinaryWire),
    "http2 dials ordinary": (OrdinaryWire, Http2Wire),
}


class Place:
    """Where a wire listens in this test, and one that dials there."""

    def __init__(self, listens, dials) -> None:
        self.listens, self.dials = listens, dials
        self.address = f"127.0.0.1:{free_port()}"
        self.accepted: queue.SimpleQueue[Party] = queue.SimpleQueue()
        self.hello = b""
        self.refuses: RtmeshError | None = None
        self.listener = listens.listen(self._accept)
        add_port(self.listener, self.address)
        self.listener.start()
        self.connection = dials.connect(self.address)

    def _accept(self, hello, cancel):
        self.hello = hello
        if self.refuses is not None:
            raise self.refuses
        party = Party()
        party.cancel = cancel
        self.accepted.put(party)
        return party

    def dial(self) -> tuple[Party, Party]:
        """A lane; who dialled, and who was dialled."""
        near = Party()
        near.cancel = self.connection.call(near)
        near.say(b"hello")
        return near, self.accepted.get(timeout=DEADLINE_S)

    def close(self) -> None:
        self.connection.close()
        self.listener.stop(0.0)


@pytest.fixture(params=WIRES)
def place(request):
    before = set(threading.enumerate())
    listens, dials = WIRES[request.param]
    made = Place(listens(), dials())
    yield made
    made.close()
    until(lambda: not of_wires(set(threading.enumerate()) - before), "its threads end")


def of_wires(threads):
    return [thread for thread in threads if thread.name in ("send", "receive")]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def test_frames_go_both_ways_in_order_and_unchanged(place):
    near, far = place.dial()
    frames = [bytes([i % 251]) * size for i, size in enumerate((1, 0, 70_000, 5 << 20, *range(200)))]

    near.say(*frames)
    far.say(*frames)

    assert place.hello == b"hello"
    assert [far.hear() for _ in frames] == frames
    assert [near.hear() for _ in frames] == frames


def test_lanes_of_one_connection_do_not_mix(place):
    pairs = [place.dial() for _ in range(5)]
    for number, (near, far) in enumerate(pairs):
        near.say(b"%d" % number)
        far.say(b"-%d" % number)

    assert [far.hear() for _, far in pairs] == [b"%d" % number for number in range(5)]
    assert [near.hear() for near, _ in pairs] == [b"-%d" % number for number in range(5)]


def test_who_dialled_is_told_why_the_other_ended_the_lane(place):
    near, far = place.dial()

    far.end(FailedPreconditionError("it is not so", "make it so"))

    reason = near.heard_the_end()
    assert isinstance(reason, FailedPreconditionError)
    assert "it is not so" in str(reason)


def test_who_was_dialled_is_told_that_the_lane_is_over(place):
    near, far = place.dial()
    other, other_far = place.dial()

    near.end(AbortedError("enough"))

    assert isinstance(far.heard_the_end(), UnavailableError)
    other.say(b"still here")
    assert other_far.hear() == b"still here"


def test_a_refused_hello_ends_the_call_with_the_reason(place):
    place.refuses = InvalidArgumentError("that is no hello")
    near = Party()
    near.cancel = place.connection.call(near)
    near.say(b"?")

    assert "that is no hello" in str(near.heard_the_end())


def test_nobody_there_is_told_at_once(place):
    connection = place.dials.connect(f"127.0.0.1:{free_port()}")
    near = Party()
    near.cancel = connection.call(near)

    assert isinstance(near.heard_the_end(), UnavailableError)
    connection.close()


def test_a_closed_connection_ends_its_lanes_and_takes_no_new_ones(place):
    near, far = place.dial()

    place.connection.close()

    near.heard_the_end()
    far.heard_the_end()
    with pytest.raises(UnavailableError):
        place.connection.call(Party())


def test_a_listener_that_stops_cuts_the_lanes_that_are_left(place):
    near, far = place.dial()

    place.listener.stop(0.0)

    assert isinstance(near.heard_the_end(), UnavailableError | AbortedError | RtmeshError)
    far.heard_the_end()


def test_who_sends_waits_while_the_other_side_takes_nothing(place):
    """As many frames as fit into windows and buffers go, not all; and the lane still ends at once."""
    near, far = place.dial()
    stalled = threading.Event()
    far.take = lambda frame: stalled.wait(DEADLINE_S)

    near.say(*[bytes(1 << 20)] * 200)
    until(lambda: len(near.sent) > 2, "some go")
    near.end(AbortedError("enough"))
    stalled.set()

    far.heard_the_end()
    assert len(near.sent) < 200


def test_an_address_that_is_taken_is_refused(place):
    second = place.listens.listen(lambda *_: Party())

    with pytest.raises(UnavailableError, match="cannot listen"):
        add_port(second, place.address)


def test_a_frame_that_takes_long_holds_its_own_connection_alone(place):
    near, far = place.dial()
    is_busy, may_go_on = threading.Event(), threading.Event()

    def take_long(frame: bytes) -> None:
        is_busy.set()
        may_go_on.wait(DEADLINE_S)

    far.take = take_long
    with contextlib.closing(place.dials.connect(place.address)) as second:
        other_near = Party()
        other_near.cancel = second.call(other_near)
        other_near.say(b"hello")
        other_far = place.accepted.get(timeout=DEADLINE_S)

        near.say(b"large")
        assert is_busy.wait(DEADLINE_S)
        other_near.say(b"small")

        assert other_far.hear() == b"small"
        may_go_on.set()


@pytest.mark.parametrize("place", ["http2"], indirect=True)
def test_a_stranger_is_told_what_it_does_wrong(place):
    """Any gRPC client may come by."""
    with grpc.insecure_channel(place.address, options=CHANNEL_OPTIONS) as channel:
        with pytest.raises(grpc.RpcError) as unknown:
            channel.unary_unary("/rtmesh.v1.Relay/Other")(b"", timeout=DEADLINE_S)
        silent = channel.stream_stream(EXCHANGE)(iter(()), timeout=DEADLINE_S)
        with pytest.raises(grpc.RpcError):
            next(silent)

    assert unknown.value.code() is grpc.StatusCode.UNIMPLEMENTED
    assert silent.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert was_said(silent)


def test_lanes_that_are_over_leave_no_thread_in_the_relay(pair):
    p = pair(Edge("a"))
    next(p.dial_left())
    before = threads_of(p.left)

    for _ in range(10):
        next(p.dial_left())  # takes the place of the one before

    until(lambda: threads_of(p.left) == before + 10, "those that send end, each connection keeps its own")
    p.calls.close()
    until(lambda: threads_of(p.left) == before - 2, "those of the connections end, and the last lane's")


def threads_of(relay) -> int:
    """How many Python threads the relay has; gRPC's own have other names."""
    names = []
    for task in Path(f"/proc/{relay.process.pid}/task").iterdir():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has just ended
            names.append((task / "comm").read_text())
    return sum(name.startswith("python") for name in names)


def test_those_that_send_have_the_shortest_time_slice_and_the_others_the_next(pair):
    """The loops that a receiving thread wakes have the shortest, too: they go before the rest of its work."""
    tasks = Path(f"/proc/{pair(Edge('a')).left.process.pid}/task")
    has_slices = time_slice_us() is not None  # Linux 6.12 and later
    expected = [SHORTEST_US, 2 * SHORTEST_US] if has_slices else [None]

    def slices() -> list[int | None]:
        return [time_slice_us(int(thread.name)) for thread in tasks.iterdir()]

    assert len(list(tasks.iterdir())) > 2
    until(lambda: sorted(set(slices())) == expected, "every thread has one of them")
    if has_slices:
        assert slices().count(SHORTEST_US) == 1  # there is one lane
