"""What is said on a connection besides messages: frames of HTTP/2, and the headers of gRPC in them.

Source: RFC 9113 (HTTP/2); "gRPC over HTTP2" of the gRPC project.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote, unquote

from hpack import Decoder, Encoder, NeverIndexedHeaderTuple
from hyperframe.frame import (
    Frame,
    GoAwayFrame,
    HeadersFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

from rtmesh.common.status_codes import SAID, UNKNOWN
from rtmesh.relay.wire import EXCHANGE

Headers = dict[str, str]

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
# What either side may send before it has been told otherwise, and the largest window there can be.
FIRST_WINDOW = 65_535
LARGEST_WINDOW = 2**31 - 1
FIRST_FRAME_BYTES = 16_384
# The longest frame there can be.
LONGEST_FRAME_BYTES = 2**24 - 1
# Of a block of headers with what continues it.
MOST_HEADER_BYTES = 64 * 1024

# More edges than two machines have between them.
MOST_CALLS = 1024

NO_ERROR, PROTOCOL_ERROR, REFUSED, CANCEL = 0x0, 0x1, 0x7, 0x8

_GRPC = "application/grpc"
# What stands for itself in a status's text: all that is printed in ASCII, but the sign that begins the rest.
_PLAIN = "".join(chr(code) for code in range(0x20, 0x7F) if chr(code) != "%")


def opening() -> bytes:
    """How either side begins: with the largest windows, as credit bounds what comes; no table of headers."""
    settings = {
        SettingsFrame.HEADER_TABLE_SIZE: 0,
        SettingsFrame.ENABLE_PUSH: 0,
        SettingsFrame.MAX_CONCURRENT_STREAMS: MOST_CALLS,
        SettingsFrame.INITIAL_WINDOW_SIZE: LARGEST_WINDOW,
        SettingsFrame.MAX_FRAME_SIZE: LONGEST_FRAME_BYTES,
    }
    window = WindowUpdateFrame(0, window_increment=LARGEST_WINDOW - FIRST_WINDOW)
    return SettingsFrame(0, settings=settings).serialize() + window.serialize()


def parse(raw: bytes) -> Frame:
    """A frame with its head.

    Raises:
        hyperframe.exceptions.HyperframeError: it is none.
    """
    frame, _ = Frame.parse_frame_header(memoryview(raw)[:9])
    frame.parse_body(memoryview(raw)[9:])
    return frame


def data_head(number: int, length: int) -> bytes:
    """What stands before so many bytes of a message."""
    return length.to_bytes(3) + bytes(2) + number.to_bytes(4)


def reset(number: int, code: int) -> Frame:
    """This stream is over."""
    return RstStreamFrame(number, error_code=code)


def going_away(last: int, code: int, why: str = "") -> Frame:
    """No stream after `last` is taken."""
    return GoAwayFrame(0, last_stream_id=last, error_code=code, additional_data=why.encode())


class HeaderCoder:
    """The headers of one connection, both ways.

    None that is said is put into the other side's table, so that blocks do not depend on each other.
    """

    def __init__(self) -> None:
        self._encoder = Encoder()
        self._decoder = Decoder()

    def set_table_size(self, size: int) -> None:
        """The other side has a table of this size."""
        self._encoder.header_table_size = size

    def frame(self, number: int, headers: Iterable[tuple[str, str]], *, is_last: bool) -> bytes:
        """A frame with these; `is_last`: nothing more comes on the stream."""
        block = self._encoder.encode([NeverIndexedHeaderTuple(*header) for header in headers])
        flags = ["END_HEADERS", *(["END_STREAM"] if is_last else [])]
        return HeadersFrame(number, block, flags=flags).serialize()

    def decode(self, block: bytes) -> Headers:
        """What a block says; the last of each name.

        Raises:
            hpack.HPACKError: it says nothing.
        """
        return {_text(name): _text(value) for name, value in self._decoder.decode(block, raw=True)}


def _text(value: bytes | str) -> str:
    return value if isinstance(value, str) else value.decode("utf-8", "replace")


def request(authority: str) -> list[tuple[str, str]]:
    """The headers that begin a call of Exchange."""
    return [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", EXCHANGE),
        (":authority", authority),
        ("te", "trailers"),
        ("content-type", _GRPC),
        ("user-agent", "grpc-python-rtmesh/1"),
    ]


def response() -> list[tuple[str, str]]:
    """Those that answer it."""
    return [(":status", "200"), ("content-type", _GRPC)]


def status(code: int, text: str) -> list[tuple[str, str]]:
    """Those that end it."""
    return [("grpc-status", str(code)), ("grpc-message", quote(text, safe=_PLAIN)), *SAID]


def status_of(headers: Headers) -> tuple[int, str]:
    """A google.rpc.Code and a text; UNKNOWN if they have none."""
    code = headers.get("grpc-status", "")
    return int(code) if code.isdecimal() else UNKNOWN, unquote(headers.get("grpc-message", ""))
