"""The header and the top-level fields of a message, against plain protobuf."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from node_messages import Header, Plain

from rtmesh.node import wire
from rtmesh.node.wire import HEADER_SIZE, HeaderValues

U64 = st.integers(0, 2**64 - 1)
U32 = st.integers(0, 2**32 - 1)
I64 = st.integers(-(2**63), 2**63 - 1)
HEADERS = st.builds(HeaderValues, U64, U32, I64, U64, U32, U64, I64)
HEADER = HeaderValues(7, 1, 1_000, 2**63, 2, 5, -1)


def plain_header(values: HeaderValues) -> object:
    return Header(**values._asdict())


def tagged(payload: bytes) -> bytes:
    return b"\x0a" + wire.varint(len(payload)) + payload


@given(HEADERS)
def test_a_packed_header_has_57_bytes_and_reads_the_same_in_protobuf(values: HeaderValues) -> None:
    packed = wire.pack_header(values)

    assert len(packed) == HEADER_SIZE == 57
    assert Plain.FromString(packed) == Plain(header=plain_header(values))
    assert wire.read_header(packed) == values


@given(HEADERS, st.integers(0, 3))
def test_a_header_is_read_wherever_it_stands(values: HeaderValues, place: int) -> None:
    parts = [Plain(vx=1.5).SerializeToString(), Plain(text="a" * 300).SerializeToString(), b"\x28\x05"]
    parts.insert(place, tagged(plain_header(values).SerializeToString()))

    assert wire.read_header(b"".join(parts)) == values


def test_a_message_without_header_reads_as_zeros() -> None:
    assert wire.read_header(b"") == HeaderValues()
    assert wire.read_header(Plain(vx=1).SerializeToString()) == HeaderValues()
    assert wire.read_header(b"\x08\x05") == HeaderValues(), "field 1 of another wire type is unknown"


@given(st.lists(st.builds(HeaderValues, *[st.sampled_from([0, 1, 99])] * 7), min_size=2, max_size=4))
def test_repeated_headers_are_merged_as_protobuf_merges_them(headers: list[HeaderValues]) -> None:
    message = wire.pack_header(headers[0]) + Plain(vx=2).SerializeToString()
    message += b"".join(tagged(plain_header(values).SerializeToString()) for values in headers[1:])

    assert wire.read_header(message) == wire.header_values(Plain.FromString(message).header)


@given(HEADERS, HEADERS, st.randoms())
def test_replacing_strips_every_header_and_keeps_everything_else(
    old: HeaderValues, new: HeaderValues, shuffler: random.Random
) -> None:
    parts = [tagged(plain_header(old).SerializeToString()), wire.pack_header(old), b"\x08\x05"]
    parts += [Plain(vx=1.5).SerializeToString(), Plain(text="text").SerializeToString(), b"\x92\x03\x01x"]
    shuffler.shuffle(parts)

    replaced = wire.replace_header(b"".join(parts), new)

    plain = Plain.FromString(replaced)
    assert plain.header == plain_header(new)
    assert (plain.vx, plain.text) == (1.5, "text")
    assert replaced.startswith(wire.pack_header(new))
    assert b"\x92\x03\x01x" in replaced, "an unknown field stays"
    assert len(replaced) == HEADER_SIZE + sum(map(len, parts)) - sum(len(p) for p in parts if p[0] in (8, 10))


def test_a_header_is_replaced_in_a_memoryview() -> None:
    assert wire.replace_header(memoryview(wire.pack_header(HEADER)), HeaderValues()) == wire.pack_header(
        HeaderValues()
    )


@pytest.mark.parametrize(
    "malformed",
    [
        pytest.param(b"\x0a", id="no length"),
        pytest.param(b"\x0a\x05abc", id="bytes cut off"),
        pytest.param(b"\x08", id="no varint"),
        pytest.param(b"\x08" + b"\xff" * 10 + b"\x01", id="varint of eleven bytes"),
        pytest.param(b"\x11\x00\x00", id="64 bits cut off"),
        pytest.param(b"\x15\x00", id="32 bits cut off"),
        pytest.param(b"\x02\x00", id="field 0"),
        pytest.param(b"\x80", id="tag cut off"),
        pytest.param(b"\xff\xff\xff\xff\xff\x01\x00", id="tag of six bytes"),
        pytest.param(b"\x0e", id="wire type 6"),
        pytest.param(b"\x1c", id="end of no group"),
        pytest.param(b"\x1b\x08\x01", id="group without end"),
        pytest.param(b"\x1b\x24", id="end of another group"),
        pytest.param(b"\x1a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", id="length beyond all bounds"),
    ],
)
def test_what_protobuf_refuses_is_a_value_error(malformed: bytes) -> None:
    with pytest.raises(ValueError, match="malformed|truncated"):
        wire.read_header(malformed)
    with pytest.raises(ValueError, match="malformed|truncated"):
        wire.replace_header(wire.pack_header(HEADER) + malformed, HEADER)


def test_a_malformed_header_is_a_value_error() -> None:
    with pytest.raises(ValueError, match=r"rtmesh\.v1\.Header"):
        wire.read_header(tagged(b"\x09\x01"))


def test_an_unknown_group_is_skipped_with_all_in_it() -> None:
    group = b"\x1b" + b"\x08\x01" + b"\x23\x0a\x01x\x24" + tagged(b"not a header") + b"\x1c"
    message = group + wire.pack_header(HEADER)

    assert wire.read_header(message) == HEADER
    assert [field[0] for field in wire.scan(message)] == [3, 1]


@given(st.binary(max_size=40))
def test_bytes_are_refused_only_if_protobuf_refuses_them(data: bytes) -> None:
    try:
        fields = list(wire.scan(data))
    except ValueError:
        with pytest.raises(Exception, match="Error parsing"):
            Plain.FromString(data)
    else:
        assert b"".join(data[start:end] for _, _, start, _, end in fields) == data


@given(st.integers(0, 2**64 - 1))
def test_a_varint_reads_back(value: int) -> None:
    written = wire.varint(value)

    assert wire.read_varint(written, 0, len(written)) == (value, len(written))
