"""Frames as bytes on the wire.

Written and split by hand so that a message is copied once, from the ring's slot into the frame, and once out
of it; to any protobuf reader a frame is an ordinary rtmesh.v1.Frame. What a relay of ours would not write is
refused.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from rtmesh.common.errors import FailedPreconditionError
from rtmesh.shm import View

# Field numbers shifted by three, plus the wire type (0 varint, 1 eight bytes, 2 length and bytes, 5 four).
_EDGES, _CHUNK = 0x2A, 0x32
_NUMBER, _SKIP, _END = 0x0D, 0x10, 0x20
_NUMBER_FIELD = struct.Struct("<BI")
_RECORD_HEAD = struct.Struct("<BQBqB")
# number, position, publish_time_ns, total_bytes, offset, each behind its tag; then the tag of the part
_CHUNK_HEAD = struct.Struct("<BIBQBqBQBQB")

Parts = list[bytes | bytearray | memoryview]


@dataclass(slots=True)
class EdgeData:
    """What came for one edge; `records` lie in the frame."""

    number: int
    skip_position: int
    end_position: int
    records: memoryview


@dataclass(slots=True)
class ChunkData:
    """A part of one large message; it lies in the frame."""

    number: int
    position: int
    publish_time_ns: int
    total_bytes: int
    offset: int
    part: memoryview


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
    whole, at = memoryview(frame), 0
    others: list[memoryview] = []
    data: list[EdgeData | ChunkData] = []
    try:
        while at < len(whole):
            tag, start = whole[at], at
            length, at = _varint_at(whole, at + 1)
            field, at = whole[at : at + length], at + length
            if at > len(whole):
                raise IndexError
            if tag == _EDGES:
                data.append(_edge_data(field))
            elif tag == _CHUNK:
                data.append(_chunk_data(field))
            else:
                others.append(whole[start:at])
    except (IndexError, struct.error) as error:
        raise FailedPreconditionError(
            f"what came at byte {at} of {len(whole)} is no frame", "the far relay is at fault"
        ) from error
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


def _varint_at(data: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at += 1
        if byte < 0x80:
            return value, at
        shift += 7


def _edge_data(field: memoryview) -> EdgeData:
    tag, number = _NUMBER_FIELD.unpack_from(field)
    at, skip, end = _NUMBER_FIELD.size, 0, 0
    if at < len(field) and field[at] == _SKIP:
        skip, at = _varint_at(field, at + 1)
    if at < len(field) and field[at] == _END:
        end, at = _varint_at(field, at + 1)
    if tag != _NUMBER:
        raise IndexError
    return EdgeData(number, skip, end, field[at:])


def _chunk_data(field: memoryview) -> ChunkData:
    values = _CHUNK_HEAD.unpack_from(field)
    length, at = _varint_at(field, _CHUNK_HEAD.size)
    if values[::2] != (0x0D, 0x11, 0x19, 0x21, 0x29, 0x32) or at + length != len(field):
        raise IndexError
    number, position, publish_time_ns, total_bytes, offset = values[1::2]
    return ChunkData(number, position, publish_time_ns, total_bytes, offset, field[at:])
