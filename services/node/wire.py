"""The protobuf wire format, as far as streams need it: the header of a message and its top-level fields.

A header as this module writes it lies first and has one length:

    OFFSET  SIZE  FIELD                     OFFSET  SIZE  FIELD
         0     1  tag 1, bytes (0x0A)           26     8  origin
         1     1  length (55)                   34     1  tag 5, 32 bits (0x2D)
         2     1  tag 1, 64 bits (0x09)         35     4  origin_epoch
         3     8  sequence                      39     1  tag 6, 64 bits (0x31)
        11     1  tag 2, 32 bits (0x15)         40     8  origin_sequence
        12     4  epoch                         48     1  tag 7, 64 bits (0x39)
        16     1  tag 3, 64 bits (0x19)         49     8  origin_time_ns
        17     8  publish_time_ns               57        the rest of the message
        25     1  tag 4, 64 bits (0x21)
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from google.protobuf.message import DecodeError

from rtmesh.node import _wire
from rtmesh.node._wire import HEADER_SIZE as HEADER_SIZE
from rtmesh.node._wire import pack_header as pack_header
from rtmesh.node._wire import written_header as written_header
from rtmesh.v1 import stream_pb2

Buffer = bytes | bytearray | memoryview

VARINT, FIXED64, BYTES, GROUP, END_GROUP, FIXED32 = range(6)
HEADER_FIELD = 1

_TAG, _LONG_TAG = 0x0A, 0x8A  # of field 1 in one byte, and the first of several
_LENGTHS = {FIXED64: 8, FIXED32: 4}

# Of a header, in the order of HeaderValues: making one of those takes longer.
Values = tuple[int, int, int, int, int, int, int]


class HeaderValues(NamedTuple):
    """The fields of rtmesh.v1.Header. Times are mesh time, in ns."""

    sequence: int = 0
    epoch: int = 0
    publish_time_ns: int = 0
    origin: int = 0
    origin_epoch: int = 0
    origin_sequence: int = 0
    origin_time_ns: int = 0


_wire.use_header_type(HeaderValues)


class Field(NamedTuple):
    """One field as it lies in a message: its tag begins at `start`, its payload at `payload`.

    The payload of a BYTES field excludes its length; that of a GROUP includes the end tag.
    """

    number: int
    wire_type: int
    start: int
    payload: int
    end: int


def sole_header(data: bytes) -> HeaderValues | None:
    """As written_header, but None also if another header might follow, which would have to be merged in.

    A tag of field 1 begins with one of two bytes: where neither occurs, there is none.
    """
    if data.find(_TAG, HEADER_SIZE) >= 0 or data.find(_LONG_TAG, HEADER_SIZE) >= 0:
        return None
    return written_header(data)


def read_header(buffer: Buffer) -> HeaderValues:
    """The header of a message, wherever it stands: merged if it is repeated, zeros if there is none.

    Raises ValueError if the message is malformed at its top level or in its header.
    """
    written = written_header(buffer)
    found = [] if written is None else [(0, 2, HEADER_SIZE)]
    for number, wire_type, start, payload, end in scan(buffer, found[0][2] if found else 0):
        if number == HEADER_FIELD and wire_type == BYTES:
            found.append((start, payload, end))
    if written is not None and len(found) == 1:
        return written
    return parse_header(b"".join([buffer[payload:end] for _, payload, end in found]))


def parse_header(payload: Buffer) -> HeaderValues:
    """The header from its own bytes, without tag and length. Headers put end to end are merged."""
    try:
        return header_values(stream_pb2.Header.FromString(bytes(payload)))
    except DecodeError as error:
        raise ValueError(f"malformed rtmesh.v1.Header: {error}") from None


def header_values(header: stream_pb2.Header) -> HeaderValues:
    """The same header, without protobuf."""
    return HeaderValues(
        header.sequence,
        header.epoch,
        header.publish_time_ns,
        header.origin,
        header.origin_epoch,
        header.origin_sequence,
        header.origin_time_ns,
    )


def replace_header(message: Buffer, values: HeaderValues) -> bytes:
    """The message with our header first, and field 1 stripped wherever it stood at the top level.

    An older header that stayed behind ours would win, as protobuf merges what comes later.
    Raises ValueError if the message is malformed at its top level.
    """
    return b"".join([pack_header(values), *without_header(message)])


def without_header(message: Buffer) -> list[Buffer]:
    """The parts of the message that are not field 1, in order."""
    return complement(message, [field[2::2] for field in scan(message) if field[0] == HEADER_FIELD])


def complement(message: Buffer, cuts: Sequence[tuple[int, int]]) -> list[Buffer]:
    """The parts of the message that lie in none of `cuts`, which are (start, end) in order."""
    parts = []
    at = 0
    for start, end in cuts:
        if start > at:
            parts.append(message[at:start])
        at = end
    if at < len(message):
        parts.append(message[at:])
    return parts


def scan(buffer: Buffer, start: int = 0, stop: int | None = None) -> Iterator[tuple[int, int, int, int, int]]:
    """The top-level fields in `buffer[start:stop]`, in order, as plain tuples in the order of Field.

    Raises ValueError, when it gets there, on what is truncated or not protobuf.
    """
    at, stop = start, len(buffer) if stop is None else stop
    while at < stop:
        start = at
        tag = buffer[at]
        at += 1
        if tag > 0x7F:
            tag, at = _read_tag(buffer, start, stop)
        wire_type = tag & 7
        if wire_type == BYTES and at < stop and (length := buffer[at]) < 0x80:
            payload = at + 1
            at = payload + length
        elif wire_type == BYTES and at + 1 < stop and (high := buffer[at + 1]) < 0x80:
            payload = at + 2
            at = payload + (length & 0x7F | high << 7)
        else:
            payload, at = _extent(buffer, at, stop, tag)
        if at > stop:
            raise _truncated(start, stop)
        if tag < 8:
            raise ValueError(f"malformed protobuf: field number 0 at byte {start}")
        yield tag >> 3, wire_type, start, payload, at


def read_varint(buffer: Buffer, at: int, stop: int) -> tuple[int, int]:
    """The varint at `at` (taken modulo 2**64) and the offset behind it. ValueError if it is cut off."""
    value = shift = 0
    for offset in range(at, min(at + 10, stop)):
        byte = buffer[offset]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFF_FFFF_FFFF_FFFF, offset + 1
        shift += 7
    if at + 10 > stop:
        raise _truncated(at, stop)
    raise ValueError(f"malformed protobuf: varint of more than 10 bytes at byte {at}")


def varint(value: int) -> bytes:
    """`value`, not negative, as a varint."""
    groups = []
    while value > 0x7F:
        groups.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*groups, value))


def field_tag(number: int, wire_type: int) -> bytes:
    """The tag of a field."""
    return varint(number << 3 | wire_type)


def _read_tag(buffer: Buffer, at: int, stop: int) -> tuple[int, int]:
    tag, end = read_varint(buffer, at, stop)
    if end - at > 5 or tag > 0xFFFF_FFFF:
        raise ValueError(f"malformed protobuf: tag of more than 32 bits at byte {at}")
    return tag, end


def _extent(buffer: Buffer, at: int, stop: int, tag: int) -> tuple[int, int]:
    """Where the payload of a field begins and ends, given the offset behind its tag."""
    wire_type = tag & 7
    if wire_type == BYTES:
        length, payload = read_varint(buffer, at, stop)
        return payload, payload + length
    if wire_type == VARINT:
        return at, read_varint(buffer, at, stop)[1]
    if wire_type == GROUP:
        return at, _group_end(buffer, at, stop, tag >> 3)
    if wire_type not in _LENGTHS:
        raise ValueError(f"malformed protobuf: unexpected wire type {wire_type} before byte {at}")
    return at, at + _LENGTHS[wire_type]


def _group_end(buffer: Buffer, at: int, stop: int, number: int) -> int:
    """The offset behind the end tag of group `number`. Open groups stand on a stack, not in recursion."""
    groups = [number]
    while groups:
        tag, after = _read_tag(buffer, at, stop)
        if tag & 7 == GROUP:
            groups.append(tag >> 3)
            at = after
        elif tag & 7 == END_GROUP:
            if tag >> 3 != groups.pop():
                raise ValueError(f"malformed protobuf: end of another group at byte {at}")
            at = after
        else:
            _, at = _extent(buffer, after, stop, tag)
    return at


def _truncated(at: int, stop: int) -> ValueError:
    return ValueError(f"truncated protobuf: the field at byte {at} does not end within {stop} bytes")
