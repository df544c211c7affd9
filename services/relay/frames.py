"""Responses of a pull as bytes on the wire.

Written by hand so that a message is copied once, from the ring's slot into the frame; to any
protobuf reader the result is an ordinary PullResponse.
"""

from __future__ import annotations

import struct

from rtmesh.v1.relay_pb2 import PullResponse

# Field numbers shifted by three, plus the wire type (0 varint, 1 eight bytes, 2 length and bytes).
_POSITION = b"\x08"
_MESSAGE = b"\x12"
_PUBLISH_TIME_NS = b"\x19"
_TIME = struct.Struct("<q")


def message_frame(position: int, publish_time_ns: int, message: memoryview) -> bytes:
    """A PullResponse that carries `message`, copied out of its buffer."""
    return b"".join(
        (
            _POSITION,
            _varint(position),
            _PUBLISH_TIME_NS,
            _TIME.pack(publish_time_ns),
            _MESSAGE,
            _varint(message.nbytes),
            message,
        )
    )


def skip_frame(position: int) -> bytes:
    """A PullResponse that says: what you lack before `position` will not come."""
    return bytes(PullResponse(position=position, skip=True).SerializeToString())


def end_frame(position: int) -> bytes:
    """A PullResponse that says: the stream ended before `position`."""
    return bytes(PullResponse(position=position, end=True).SerializeToString())


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
