"""HTTP/2 of our own: legal to an implementation that is not ours, and deaf to what is not legal."""

from __future__ import annotations

import contextlib
import queue
import socket
import struct
import threading
import time
from collections.abc import Iterator

import h2.events
import pytest
from http2_peer import DEADLINE_S, Peer
from hyperframe.frame import (
    ContinuationFrame,
    DataFrame,
    Frame,
    GoAwayFrame,
    HeadersFrame,
    PingFrame,
    SettingsFrame,
    WindowUpdateFrame,
)
from relay_edge import until
from wire_party import Party

from rtmesh.common.errors import AbortedError, FailedPreconditionError, UnavailableError
from rtmesh.relay import http2_frames as frames
from rtmesh.relay import sockets
from rtmesh.relay.http2 import Http2Wire

HELLO = b"hello"


class Listening:
    """Ours, where peers dial."""

    def __init__(self) -> None:
        self.accepted: queue.SimpleQueue[Party] = queue.SimpleQueue()
        self.next: Party | None = None  # a test's, for the next call
        self.listener = Http2Wire().listen(self._accept)
        self.port = self.listener.add_insecure_port("127.0.0.1:0")
        self.listener.start()

    def _accept(self, hello: bytes, cancel: object) -> Party:
        assert hello == HELLO
        party, self.next = self.next or Party(), None
        self.accepted.put(party)
        return party

    def dial(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), DEADLINE_S)

    def peer(self, **options: int) -> Peer:
        made = Peer(self.dial(), is_client=True, **options)
        made.wait_for(h2.events.WindowUpdated)  # behind the settings
        return made

    def lane(self, peer: Peer) -> tuple[int, Party]:
        stream = peer.ask()
        peer.send(stream, HELLO)
        return stream, self.accepted.get(timeout=DEADLINE_S)


@pytest.fixture
def listening() -> Iterator[Listening]:
    made = Listening()
    yield made
    made.listener.stop(0.0)
    until(
        lambda: not [each for each in threading.enumerate() if each.name in ("receive", "send", "accept")],
        "its threads end",
    )


@pytest.fixture
def dialled() -> Iterator[tuple[Party, Peer]]:
    """A call of ours, and the server that was dialled."""
    party = Party()
    with socket.create_server(("127.0.0.1", 0)) as server:
        connection = Http2Wire().connect(f"127.0.0.1:{server.getsockname()[1]}")
        connection.call(party)
        accepted, _ = server.accept()
    with accepted:
        yield party, Peer(accepted, is_client=False)
    connection.close()
    assert party.is_over.wait(DEADLINE_S)


def test_messages_of_any_size_and_their_padding_are_taken_apart(listening):
    peer = listening.peer()
    stream, party = listening.lane(peer)
    sizes = (0, 1, 16_379, 16_380, 70_000, 3 << 20)

    for size in sizes:
        peer.send(stream, bytes([size % 251]) * size, padding=size % 256)

    assert [party.hear() for _ in sizes] == [bytes([size % 251]) * size for size in sizes]


def test_what_is_sent_obeys_the_windows_of_the_other_side(listening):
    """Which are much smaller than ours; h2 refuses what exceeds them."""
    peer = listening.peer(window=100)
    stream, party = listening.lane(peer)
    sent = [bytes([i]) * size for i, size in enumerate((0, 95, 96, 5_000, 200_000))]

    party.say(*sent)

    assert peer.messages(stream, len(sent)) == sent


def test_a_stream_without_window_does_not_hold_up_another(listening):
    peer = listening.peer(window=100)
    stalled, slow = listening.lane(peer)
    going, quick = listening.lane(peer)

    slow.say(bytes(1000))
    peer.wait_for(h2.events.DataReceived, lambda event: event.stream_id == stalled)
    quick.say(b"here")

    assert peer.messages(going, 1) == [b"here"]


def test_a_lane_that_ends_without_a_window_lets_its_thread_go(listening):
    peer = listening.peer(window=100)
    stream, party = listening.lane(peer)
    party.say(bytes(1000))
    peer.wait_for(h2.events.DataReceived)

    peer.state.reset_stream(stream)
    peer.flush()

    assert party.is_over.wait(DEADLINE_S)
    until(lambda: "send" not in [each.name for each in threading.enumerate()], "it ends")


def test_the_other_side_is_told_that_it_may_go_on(listening):
    """After as much as HTTP/2 lets a window be at most, nothing would go any more."""
    connection = listening.dial()
    peer = Peer(connection, is_client=True)
    stream = peer.ask()
    peer.send(stream, HELLO)
    party = listening.accepted.get(timeout=DEADLINE_S)
    taken = []
    party.take = lambda message: taken.append(len(message))
    message = struct.pack(">BI", 0, 8 << 20) + bytes(8 << 20)

    for _ in range(33):  # 264 MiB
        connection.sendall(frames.data_head(stream, len(message)) + message)

    told = {0: 0, stream: 0}
    buffer = b""
    while not all(told.values()):
        buffer += connection.recv(1 << 16)
        while len(buffer) >= 9 and len(buffer) >= 9 + int.from_bytes(buffer[:3]):
            end = 9 + int.from_bytes(buffer[:3])
            frame, buffer = frames.parse(buffer[:end]), buffer[end:]
            if isinstance(frame, WindowUpdateFrame) and frame.window_increment < 1 << 30:  # not the first
                told[frame.stream_id] += frame.window_increment
    until(lambda: len(taken) == 33, "all came")
    assert all(1 << 28 <= grown <= 33 * len(message) + 100 for grown in told.values())


def test_who_ends_a_lane_says_why_in_a_status(listening):
    peer = listening.peer()
    stream, party = listening.lane(peer)

    party.end(FailedPreconditionError("100 % größer\nals erlaubt"))

    assert peer.headers(stream)[":status"] == "200"
    trailers = peer.headers(stream, h2.events.TrailersReceived)
    assert trailers["grpc-status"] == "9"
    assert frames.status_of(trailers) == (9, "100 % größer\nals erlaubt")
    assert trailers["grpc-message"].isascii()


def test_a_call_of_another_method_and_one_without_a_frame_are_told_so(listening):
    peer = listening.peer()
    other, silent = peer.ask("/rtmesh.v1.Relay/Other", is_last=True), peer.ask(is_last=True)

    assert peer.headers(other)["grpc-status"] == "12"
    assert peer.headers(silent, h2.events.TrailersReceived)["grpc-status"] == "3"


def test_more_calls_than_there_may_be_are_refused(listening, monkeypatch):
    peer = listening.peer()
    listening.lane(peer)
    monkeypatch.setattr(frames, "MOST_CALLS", 1)

    refused = peer.ask()

    event = peer.wait_for(h2.events.StreamReset)
    assert (event.stream_id, event.error_code) == (refused, frames.REFUSED)


def test_a_ping_is_answered(listening):
    peer = listening.peer()

    peer.state.ping(b"12345678")
    peer.flush()

    assert peer.wait_for(h2.events.PingAckReceived).ping_data == b"12345678"


def test_headers_may_be_continued(listening):
    connection = listening.dial()
    peer = Peer(connection, is_client=True)
    stream = peer.state.get_next_available_stream_id()
    block = frames.HeaderCoder().frame(stream, frames.request("x" * 100), is_last=False)[9:]
    parts = [block[:10], block[10:20], block[20:]]
    connection.sendall(HeadersFrame(stream, parts[0]).serialize())
    connection.sendall(ContinuationFrame(stream, parts[1]).serialize())
    connection.sendall(ContinuationFrame(stream, parts[2], flags=["END_HEADERS"]).serialize())
    message = struct.pack(">BI", 0, len(HELLO)) + HELLO
    connection.sendall(frames.data_head(stream, len(message)) + message)

    assert listening.accepted.get(timeout=DEADLINE_S)


def test_a_call_of_ours_is_legal_and_is_over_with_its_status(dialled):
    party, peer = dialled
    asked = peer.wait_for(h2.events.RequestReceived)
    party.say(HELLO, bytes(100_000))
    assert dict(asked.headers)[":path"] == "/rtmesh.v1.Relay/Exchange"
    assert dict(asked.headers)["content-type"] == "application/grpc"
    assert peer.messages(asked.stream_id, 2) == [HELLO, bytes(100_000)]

    peer.state.send_headers(asked.stream_id, frames.response())
    peer.flush()
    peer.send(asked.stream_id, b"answer")
    assert party.hear() == b"answer"
    status = [("grpc-status", "10"), ("grpc-message", "taken%20over")]
    peer.state.send_headers(asked.stream_id, status, end_stream=True)
    peer.flush()

    assert party.is_over.wait(DEADLINE_S)
    assert isinstance(party.reason, AbortedError)
    assert str(party.reason) == "taken over"


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ([(":status", "404"), ("content-type", "text/html")], "404"),
        ([(":status", "200"), ("grpc-status", "9"), ("grpc-message", "no")], "no"),
    ],
)
def test_a_server_that_has_no_such_call_is_told_of(dialled, answer, told):
    party, peer = dialled
    asked = peer.wait_for(h2.events.RequestReceived)

    peer.state.send_headers(asked.stream_id, answer, end_stream="grpc-status" in dict(answer))
    peer.flush()

    assert party.is_over.wait(DEADLINE_S)
    assert told in str(party.reason)


def test_who_cannot_be_dialled_is_told_of_with_address_and_remedy():
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
    party = Party()
    connection = Http2Wire().connect(address)

    connection.call(party)

    assert isinstance(party.heard_the_end(), UnavailableError)
    assert f"nobody answers at {address} (Connection refused)" in str(party.reason)
    assert "check that meshd runs there" in str(party.reason)
    connection.close()


@pytest.fixture
def without_threads(monkeypatch) -> Iterator[list[str]]:
    """The kernel gives no more of these names, once each."""
    missing: list[str] = []
    start = threading.Thread.start

    def refuse(thread: threading.Thread) -> None:
        if thread.name in missing:
            missing.remove(thread.name)
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse)
    yield missing
    assert not missing


def test_connections_are_taken_again_once_there_are_threads(listening, without_threads):
    without_threads.append("receive")

    with pytest.raises(ConnectionError):
        listening.peer()

    assert listening.lane(listening.peer())


def test_a_lane_without_a_thread_is_ended_and_another_begins(listening, without_threads):
    peer = listening.peer()
    without_threads.append("send")

    stream, party = listening.lane(peer)

    assert "no thread can be started" in str(party.heard_the_end())
    trailers = peer.headers(stream, h2.events.TrailersReceived)
    assert "TasksMax" in frames.status_of(trailers)[1]
    assert listening.lane(peer)


@pytest.mark.parametrize("name", ["receive", "send"])
def test_what_cannot_be_dialled_for_want_of_threads_is_dialled_later(listening, without_threads, name):
    connection = Http2Wire().connect(f"127.0.0.1:{listening.port}")
    first, late, last = Party(), Party(), Party()
    if name == "send":  # on a connection that is there
        connection.call(first)
        first.say(HELLO)
        listening.accepted.get(timeout=DEADLINE_S).say(b"here")
        first.hear()
    without_threads.append(name)

    with pytest.raises(UnavailableError, match="no thread can be started"):
        connection.call(late)

    connection.call(last)
    last.say(HELLO)
    assert listening.accepted.get(timeout=DEADLINE_S)
    connection.close()
    assert last.heard_the_end()


def test_a_server_that_goes_away_is_dialled_anew():
    first, second = Party(), Party()
    with socket.create_server(("127.0.0.1", 0)) as server:
        connection = Http2Wire().connect(f"127.0.0.1:{server.getsockname()[1]}")
        connection.call(first)
        one = Peer(server.accept()[0], is_client=False)
        one.wait_for(h2.events.RequestReceived)
        one.socket.sendall(raw(GoAwayFrame(last_stream_id=1)))  # h2 would say nothing after it
        one.state.ping(b"12345678")
        one.flush()
        one.wait_for(h2.events.PingAckReceived)  # so what went before is known

        connection.call(second)
        other = Peer(server.accept()[0], is_client=False)

        assert other.wait_for(h2.events.RequestReceived).stream_id == 1
        first.say(b"still here")
        assert one.messages(1, 1) == [b"still here"]
    connection.close()
    assert first.is_over.wait(DEADLINE_S)
    assert second.is_over.wait(DEADLINE_S)
    for peer in (one, other):
        peer.socket.close()


def raw(frame: Frame) -> bytes:
    return frame.serialize()


def message_of(length: int, compressed: int = 0) -> bytes:
    head = struct.pack(">BI", compressed, length)
    return frames.data_head(1, len(head)) + head


REQUEST = frames.HeaderCoder().frame(1, frames.request("here"), is_last=False)
WRONG = {
    "not HTTP/2": (b"GET / HTTP/1.1\r\n\r\n", ""),
    "a long frame": (b"\xff\xff\xff\x04" + bytes(5), "too long"),
    "DATA of no stream": (frames.data_head(0, 1) + b"x", "no stream"),
    "more padding than data": (b"\0\0\2\0\x08\0\0\0\1" + b"\x05x", "padding"),
    "padding without its length": (b"\0\0\0\0\x08\0\0\0\1", "padding"),
    "a compressed message": (REQUEST + message_of(5, 1), "compressed"),
    "a message without end": (REQUEST + message_of(1 << 31), "too long"),
    "an even stream": (frames.HeaderCoder().frame(2, frames.request("here"), is_last=False), "even"),
    "headers that are none": (raw(HeadersFrame(1, b"\xff\xff\xff", flags=["END_HEADERS"])), ""),
    "nothing continued": (raw(ContinuationFrame(1, b"", flags=["END_HEADERS"])), "continued"),
    "something else than what continues": (raw(HeadersFrame(1, b"")) + raw(PingFrame(0)), "continued"),
    "endless headers": (raw(HeadersFrame(1, b"")) + 5 * raw(ContinuationFrame(1, bytes(16_000))), "too long"),
    "frames of no bytes": (raw(SettingsFrame(0, settings={SettingsFrame.MAX_FRAME_SIZE: 1})), "frames of 1"),
    "a short ping": (b"\0\0\1\6\0\0\0\0\0x", ""),
    "a promise": (b"\0\0\4\5\4\0\0\0\1" + b"\0\0\0\2", "pushes"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_wrong_ends_its_connection_and_no_other(listening, wrong):
    peer = listening.peer()
    stream, party = listening.lane(peer)
    said, why = WRONG[wrong]
    with listening.dial() as stranger:
        stranger.sendall((b"" if wrong == "not HTTP/2" else frames.PREFACE) + said)
        stranger.settimeout(DEADLINE_S)
        answer = b""
        with contextlib.suppress(ConnectionResetError):
            while part := stranger.recv(1 << 16):
                answer += part
    if wrong == "not HTTP/2":
        assert answer == b""  # it would not understand
    else:
        assert farewell(answer).error_code == frames.PROTOCOL_ERROR
        assert why in farewell(answer).additional_data.decode()
    peer.send(stream, b"still here")
    assert party.hear() == b"still here"


def farewell(said: bytes) -> GoAwayFrame:
    """The last of the frames that were said."""
    found: list[Frame] = []
    while said:
        end = 9 + int.from_bytes(said[:3])
        found.append(frames.parse(said[:end]))
        said = said[end:]
    assert isinstance(found[-1], GoAwayFrame)
    return found[-1]


def test_who_asks_for_answers_and_takes_none_is_cut(listening):
    with listening.dial() as stranger:
        stranger.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stranger.sendall(frames.PREFACE)
        pings = raw(PingFrame(0)) * 10_000
        until_s = time.monotonic() + 30
        with pytest.raises(OSError):
            while time.monotonic() < until_s:
                stranger.sendall(pings)


def test_who_says_nothing_is_cut_in_time(listening, monkeypatch):
    monkeypatch.setattr("rtmesh.relay.http2_listener._PREFACE_S", 0.05)
    with listening.dial() as stranger:
        stranger.settimeout(DEADLINE_S)
        assert stranger.recv(1) == b""


def test_a_connection_that_takes_nothing_is_broken_in_time(listening, monkeypatch):
    """As of a machine that has stopped: the thread that sends is not held up for good."""
    monkeypatch.setattr(sockets, "_STALLED_S", 1)
    peer = listening.peer(window=1 << 30)
    peer.state.increment_flow_control_window(1 << 30)
    peer.flush()
    stream, party = listening.lane(peer)

    party.say(*[bytes(1 << 20)] * 64)

    assert party.is_over.wait(DEADLINE_S)
    assert isinstance(party.reason, UnavailableError)


def test_a_unix_socket_is_bound_again_after_a_kill_and_gone_after_the_end(tmp_path):
    path = tmp_path / "relay.sock"
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(path))
    left.close()
    wire, party = Http2Wire(), Party()
    listener = wire.listen(lambda hello, cancel: Party())
    assert listener.add_insecure_port(f"unix:{path}")
    listener.start()
    connection = wire.connect(f"unix:{path}")
    connection.call(party)

    listener.stop(0.0)

    assert party.is_over.wait(DEADLINE_S)
    assert not path.exists()
    connection.close()


def test_frames_of_unknown_kinds_are_passed_over(listening):
    connection = listening.dial()
    connection.sendall(frames.PREFACE + b"\0\0\3\x77\0\0\0\0\1abc" + REQUEST)
    message = struct.pack(">BI", 0, len(HELLO)) + HELLO
    half = DataFrame(1, message[:3]).serialize() + DataFrame(1, message[3:]).serialize()
    connection.sendall(b"\0\0\0\x88\0\0\0\0\0" + half)

    assert listening.accepted.get(timeout=DEADLINE_S)
    connection.close()


def test_a_stream_that_fails_to_say_something_ends_itself_and_no_other(listening):
    """Also with an error that might be the connection's: a ring is a file, too."""
    peer = listening.peer()
    stream, party = listening.lane(peer)
    failing = Party()

    def fail() -> Iterator[bytes]:
        raise OSError("no ring")
        yield b""

    failing.frames = fail
    listening.next = failing
    other = peer.ask()
    peer.send(other, HELLO)

    assert peer.headers(other, h2.events.TrailersReceived)["grpc-status"] == "14"
    assert isinstance(failing.reason, UnavailableError)
    party.say(b"still here")
    assert peer.messages(stream, 1) == [b"still here"]
