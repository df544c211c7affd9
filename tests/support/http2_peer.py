"""The other end of an HTTP/2 connection, by an implementation that is not ours: the library h2."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable

import h2.config
import h2.connection
import h2.events
import h2.settings

DEADLINE_S = 10.0


class Peer:
    """Speaks through a socket; whatever h2 finds wrong is raised.

    Args:
        window: what it lets each stream send at first.
    """

    def __init__(self, connection: socket.socket, *, is_client: bool, window: int | None = None) -> None:
        self.socket = connection
        connection.settimeout(DEADLINE_S)
        config = h2.config.H2Configuration(client_side=is_client, header_encoding="utf-8")
        self.state = h2.connection.H2Connection(config)
        self.events: list[h2.events.Event] = []
        if window is not None:
            settings = {h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: window}
            self.state.local_settings = h2.settings.Settings(client=is_client, initial_values=settings)
        self.state.initiate_connection()
        self.flush()

    def flush(self) -> None:
        self.socket.sendall(self.state.data_to_send())

    def ask(self, path: str = "/rtmesh.v1.Relay/Exchange", *, is_last: bool = False) -> int:
        """Begin a call; its stream."""
        stream = self.state.get_next_available_stream_id()
        headers = [(":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "here")]
        self.state.send_headers(stream, headers, end_stream=is_last)
        self.flush()
        return stream

    def send(self, stream: int, message: bytes, *, padding: int | None = None) -> None:
        """A gRPC message, in as many frames as the other side's settings ask for."""
        left = struct.pack(">BI", 0, len(message)) + message
        while left:
            most = min(self.state.max_outbound_frame_size, self.state.local_flow_control_window(stream)) - 300
            self.state.send_data(stream, left[:most], pad_length=padding)
            self.flush()
            left = left[most:]

    def read(self) -> None:
        """What is there now; raises ConnectionResetError if the other side has closed."""
        data = self.socket.recv(1 << 20)
        if not data:
            raise ConnectionResetError("closed")
        self.events += self.state.receive_data(data)
        self.flush()

    def wait_for(self, kind: type, holds: Callable[[h2.events.Event], bool] = lambda event: True):
        """The first event of a kind that is as wished."""
        while True:
            for event in self.events:
                if isinstance(event, kind) and holds(event):
                    return event
            self.read()

    def messages(self, stream: int, count: int) -> list[bytes]:
        """The first gRPC messages of a stream; what they cost is given back at once."""
        while True:
            found = _split(b"".join(_data(event) for event in self.events if _is_data(event, stream)))
            if len(found) >= count:
                return found[:count]
            known = len(self.events)
            self.read()
            for event in self.events[known:]:
                if isinstance(event, h2.events.DataReceived) and event.flow_controlled_length:
                    self.state.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            self.flush()

    def headers(self, stream: int, kind: type = h2.events.ResponseReceived) -> dict[str, str]:
        """Those that answered a call, or with TrailersReceived those that ended it."""
        return dict(self.wait_for(kind, lambda event: event.stream_id == stream).headers)


def _is_data(event: h2.events.Event, stream: int) -> bool:
    return isinstance(event, h2.events.DataReceived) and event.stream_id == stream


def _data(event: h2.events.Event) -> bytes:
    return event.data or b""


def _split(data: bytes) -> list[bytes]:
    found = []
    while len(data) >= 5 and len(data) >= 5 + int.from_bytes(data[1:5]):
        length = int.from_bytes(data[1:5])
        found.append(data[5 : 5 + length])
        data = data[5 + length :]
    return found
