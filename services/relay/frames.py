"""Frames as bytes on the wire.

Written and split by hand so that a message is copied once, from the ring's slot into the frame, and once out
of it; to any protobuf reader a frame is an ordinary rtmesh.v1.Frame. What a relay of ours would not write is
refused.
"""

from __future__ import annotations

import struct

from rtmesh.common.errors import FailedPreconditionError
from rtmesh.shm import ChunkData, EdgeData, View, split_frame

# Field numbers shifted by three, plus the wire type (0 varint, 1 eight bytes, 2 length and bytes, 5 four).
_EDGES, _CHUNK = 0x2A, 0x32
_NUMBER, _SKIP, _END = 0x0D, 0x10, 0x20
_NUMBER_FIELD = struct.Struct("<BI")
_RECORD_HEAD = struct.Struct("<BQBqB")
# number, position, publish_time_ns, total_bytes, offset, each behind its tag; then the tag of the part
_CHUNK_HEAD = struct.Struct("<BIBQBqBQBQB")

Parts = list[bytes | bytearray | memoryview]


def records_field(number: int, records: bytes | bytearray, *, skip: int = 0, end: int = 0) -> Parts:
    """An EdgeRecords of a frame, in parts to be joined; skip or end 0: none."""
    head = _edge_head(number, skip, end)
    return [bytes((_EDGES,)) + varint(len(head) + len(records)) + head, records]


def message_field(number: int, view: View, *, skip: int = 0) -> Parts:
    """An EdgeRecords with one message."""
    head = _RECORD_HEAD.pack(0x09, view.position, 0x11, view.publish_time_ns, 0x1A) + varint(len(view))
    record = b"\x1a" + varint(len(head) + len(view)) + head
    return _field(_EDGES, [_edge_head(number, skip, 0) + record, memoryview(view)])


def chunk_field(number: int, view: View, offset: int, most_bytes: int) -> Parts:
    """A Chunk with what lies at `offset` of a message."""
    part = memoryview(view)[offset : offset + most_bytes]
    place = (0x0D, number, 0x11, view.position, 0x19, view.publish_time_ns)
    head = _CHUNK_HEAD.pack(*place, 0x21, len(view), 0x29, offset, 0x32)
    return _field(_CHUNK, [head + varint(part.nbytes), part])


def split(frame: bytes) -> tuple[bytes, list[EdgeData | ChunkData]]:
    """The messages of a frame, in order, and the other fields, still as bytes.

    Raises:
        FailedPreconditionError: it is no frame as a relay writes it.
    """
    try:
        others, data = split_frame(frame)
    except ValueError as error:
        raise FailedPreconditionError(str(error), "the far relay is at fault") from error
    return b"".join(others) if others else b"", data


def varint(value: int) -> bytes:
    """A number as protobuf writes it."""
    if value < 0x80:
        return bytes((value,))
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def _edge_head(number: int, skip: int, end: int) -> bytes:
    head = _NUMBER_FIELD.pack(_NUMBER, number)
    if skip:
        head += bytes((_SKIP,)) + varint(skip)
    if end:
        head += bytes((_END,)) + varint(end)
    return head


def _field(tag: int, parts: Parts) -> Parts:
    return [bytes((tag,)) + varint(sum(len(part) for part in parts)), *parts]
