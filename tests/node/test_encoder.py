"""What is made ready in C is what protobuf and numpy would write; what it does not know it leaves to them."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool
from google.protobuf.message import EncodeError
from hypothesis import given
from hypothesis import strategies as st
from node_messages import TENSOR, F, field, header, repeated

from rtmesh.node._wire import HEADER_SIZE, Encoder
from rtmesh.node.message import MessageType
from rtmesh.node.wire import HeaderValues
from rtmesh.v1 import stream_pb2

HEADER = HeaderValues(7, 1, 1_000, 2**63, 2, 5, -1)
KINDS = {
    "double": st.floats(),
    "float": st.floats(),
    "int64": st.integers(-(2**63), 2**63 - 1),
    "uint64": st.integers(0, 2**64 - 1),
    "int32": st.integers(-(2**31), 2**31 - 1),
    "fixed64": st.integers(0, 2**64 - 1),
    "fixed32": st.integers(0, 2**32 - 1),
    "bool": st.booleans(),
    "string": st.text(max_size=5),
    "bytes": st.binary(max_size=5),
    "uint32": st.integers(0, 2**32 - 1),
    "sfixed32": st.integers(-(2**31), 2**31 - 1),
    "sfixed64": st.integers(-(2**63), 2**63 - 1),
    "sint32": st.integers(-(2**31), 2**31 - 1),
    "sint64": st.integers(-(2**63), 2**63 - 1),
}


def build() -> MessageType:
    """Each kind of scalar alone, optional, packed and not; Tensors around them; and what is no scalar."""
    file = descriptor_pb2.FileDescriptorProto(
        name="scalars/v1/all.proto",
        package="scalars.v1",
        syntax="proto3",
        dependency=["rtmesh/v1/stream.proto"],
    )
    every = file.message_type.add(name="Every", field=[header(), field("first", 2, TENSOR)])
    for at, kind in enumerate(KINDS):
        type_ = F.Type.Value(f"TYPE_{kind.upper()}")
        every.field.add().CopyFrom(field(kind, 200 - at, type_))
        optional = field(f"optional_{kind}", 300 + at, type_, proto3_optional=True, oneof_index=1 + at)
        every.field.add().CopyFrom(optional)
        every.field.add().CopyFrom(repeated(f"many_{kind}", 10 + at, type_))
        unpacked = repeated(f"apart_{kind}", 3000 + at, type_)
        unpacked.options.packed = False
        every.field.add().CopyFrom(unpacked)
    every.field.add().CopyFrom(field("one", 100, F.TYPE_INT32, oneof_index=0))
    every.field.add().CopyFrom(field("other", 101, F.TYPE_STRING, oneof_index=0))
    every.field.add().CopyFrom(field("kind", 102, F.TYPE_ENUM, type_name=".scalars.v1.Kind"))
    every.field.add().CopyFrom(field("late", 400, TENSOR))
    every.field.add().CopyFrom(repeated("images", 401, TENSOR))
    every.field.add().CopyFrom(field("sub", 103, ".scalars.v1.Sub"))
    file.message_type.add(name="Sub").field.add().CopyFrom(repeated("xs", 1, F.TYPE_FLOAT))
    every.oneof_decl.add(name="choice")
    for kind in KINDS:
        every.oneof_decl.add(name=f"_optional_{kind}")
    file.enum_type.add(name="Kind").value.add(name="KIND_NONE", number=0)
    file.enum_type[0].value.add(name="KIND_SOME", number=1)
    return MessageType(pool_with(file).FindMessageTypeByName("scalars.v1.Every"))


def pool_with(file: descriptor_pb2.FileDescriptorProto) -> descriptor_pool.DescriptorPool:
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(descriptor_pb2.DESCRIPTOR.serialized_pb)
    pool.AddSerializedFile(stream_pb2.DESCRIPTOR.serialized_pb)
    pool.AddSerializedFile(file.SerializeToString())
    return pool


EVERY = build()
scalars = st.fixed_dictionaries(
    {},
    optional={
        **KINDS,
        **{f"optional_{kind}": values for kind, values in KINDS.items()},
        **{f"many_{kind}": st.lists(values, max_size=3) for kind, values in KINDS.items()},
        **{f"apart_{kind}": st.lists(values, max_size=3).map(tuple) for kind, values in KINDS.items()},
    },
)
odd = st.sampled_from(
    [
        None,
        True,
        1,
        -1,
        2**31,
        2**63,
        2**64,
        0.5,
        1e300,
        "x",
        "\udc80",
        b"x",
        [None],
        [1, "x"],
        {},
        np.float32(2),
    ]
)


def _plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.generic) else value


def by_protobuf(fields: dict[str, Any]) -> bytes:
    return bytes(EVERY.message_class(**fields).SerializeToString())


def ready_bytes(fields: dict[str, Any]) -> bytes | None:
    """What C makes ready; None if it leaves it to Python."""
    ready = EVERY.quick(fields)
    if ready is None:
        return None
    rest, length, _ = ready
    data = b"".join([bytes(part) for part in rest])
    assert length == HEADER_SIZE + len(data)
    return data


@given(scalars)
def test_scalars_are_written_as_protobuf_writes_them(fields: dict[str, Any]) -> None:
    assert ready_bytes(fields) == by_protobuf(fields)


@given(scalars, st.sampled_from(sorted(KINDS)), st.sampled_from(["", "optional_", "many_", "apart_"]), odd)
def test_a_value_of_another_kind_is_taken_or_refused_as_by_protobuf(
    fields: dict[str, Any], kind: str, form: str, value: Any
) -> None:
    fields[form + kind] = value
    try:
        expected = by_protobuf({**fields, form + kind: _plain(value)})
    except (TypeError, ValueError, OverflowError, AttributeError, EncodeError):
        with pytest.raises((TypeError, ValueError), match=form + kind):
            EVERY.encode_fields(fields)
        assert ready_bytes(fields) is None
    else:
        assert EVERY.encode_fields(fields).to_bytes(HEADER)[HEADER_SIZE:] == expected
        assert ready_bytes(fields) in (None, expected)


def test_scalars_are_written_without_protobuf() -> None:
    def refuse(**fields: Any) -> Any:
        raise AssertionError(f"protobuf was asked for {fields}")

    layout = EVERY.layout
    encoder = Encoder(refuse, EVERY.other_names, layout.scalars, layout.tensors)  # type: ignore[arg-type]
    fields = {"double": 1.5, "first": np.ones(2), "many_string": ["a", "b"], "optional_bool": None}

    assert encoder.encode(fields) is not None
    assert encoder.encode({**fields, "kind": 1}) is None


def test_a_message_longer_than_the_first_buffer_is_written_whole() -> None:
    fields = {"string": "é" * 700, "many_int64": list(range(2000)), "apart_bytes": [b"x" * 900, b""]}

    assert ready_bytes(fields) == by_protobuf(fields)


def test_what_is_no_scalar_goes_through_protobuf() -> None:
    for fields in (
        {"kind": "KIND_SOME", "int32": 5},
        {"kind": 1},
        {"one": 0},
        {"other": "x", "double": 1.0},
        {},
    ):
        assert ready_bytes(fields) == by_protobuf(fields)


def test_what_is_unknown_or_no_plain_value_is_left_to_python() -> None:
    for fields in ({"unknown": 1}, {"header": None}, {"double": np.float64(1)}, {"many_int32": np.arange(3)}):
        assert EVERY.quick(fields) is None
    assert EVERY.quick({1: 2}) is None  # type: ignore[dict-item]
    assert EVERY.quick(None) is None  # type: ignore[arg-type]
    assert EVERY.encode_fields({"double": np.float64(1)}).to_bytes(HEADER)[HEADER_SIZE:] == by_protobuf(
        {"double": 1}
    )
    with pytest.raises(TypeError, match=r"Every has no field 'unknown'"):
        EVERY.encode_fields({"unknown": 1})


@given(
    st.lists(
        st.sampled_from(
            [
                np.arange(6, dtype=np.int16).reshape(2, 3),
                np.arange(6, dtype=np.int16),
                np.arange(6, dtype=np.float32),
                np.arange(12, dtype=np.int16).reshape(3, 4)[:, :3][:2],
                np.arange(6, dtype=">i2").reshape(2, 3),
                np.asfortranarray(np.arange(6, dtype=np.int16).reshape(2, 3)),
                np.zeros((0, 3), np.int16),
                np.array(3, np.int16),
                np.ones((1,) * 12, np.int16),
                np.ma.masked_array(np.arange(6, dtype=np.int16).reshape(2, 3)),
                [[1, 2], [3, 4]],
                None,
            ]
        ),
        min_size=2,
        max_size=6,
    )
)
def test_an_array_is_written_the_same_whatever_was_sent_before(arrays: list[Any]) -> None:
    remembering = build_again()
    for array in arrays:
        fields = {"first": array, "int32": 3, "late": array}
        expected = build_again().encode_slowly(fields)
        encoded = remembering.encode_fields(fields)
        assert encoded.to_bytes(HEADER) == expected.to_bytes(HEADER)
        assert (encoded.length, encoded.align_at) == (expected.length, expected.align_at)


@given(
    st.lists(
        st.sampled_from(["list", "tuple", "iterator", "array", "awkward", "none"]), min_size=1, max_size=5
    )
)
def test_a_repeated_tensor_is_written_the_same_whatever_was_sent_before(forms: list[str]) -> None:
    remembering = build_again()
    for form in forms:
        expected = build_again().encode_slowly(several(form)).to_bytes(HEADER)
        assert remembering.encode_fields(several(form)).to_bytes(HEADER) == expected


def several(form: str) -> dict[str, Any]:
    """Values of which some can be looked at only once; beside them an array that C leaves to Python."""
    arrays = [np.arange(6.0).reshape(2, 3), np.zeros((2, 3)), np.zeros((4, 4))[:, ::2]]
    values = {
        "list": arrays[:2],
        "tuple": tuple(arrays),
        "iterator": iter(arrays),
        "array": arrays[0],
        "awkward": arrays[1:],
        "none": None,
    }
    return {"images": values[form], "sub": {"xs": iter([1.0, 2.0])}, "late": arrays[2]}


def test_what_is_required_is_looked_at() -> None:
    file = descriptor_pb2.FileDescriptorProto(
        name="required/v1/all.proto",
        package="required.v1",
        syntax="proto2",
        dependency=["rtmesh/v1/stream.proto"],
    )
    fields = [header(), field("a", 2, F.TYPE_INT32, F.LABEL_REQUIRED), field("b", 3, F.TYPE_STRING)]
    file.message_type.add(name="Needs", field=fields)
    type_ = MessageType(pool_with(file).FindMessageTypeByName("required.v1.Needs"))

    for given_fields in ({}, {"b": "x"}):
        with pytest.raises(ValueError, match="required"):
            type_.encode_fields(given_fields)
    assert type_.encode_fields({"a": 1}).to_bytes(HEADER)[HEADER_SIZE:] == b"\x10\x01"


class Text(str):
    """A name that is no plain text."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("not to be compared")

    __hash__ = str.__hash__


def test_names_that_are_no_plain_text_are_left_to_python() -> None:
    assert EVERY.quick({Text("double"): 1.5}) is None


def build_again() -> MessageType:
    return MessageType(EVERY.descriptor)


def test_an_array_like_the_last_is_sent_as_it_lies_and_not_looked_into_again(monkeypatch) -> None:
    type_ = build_again()
    asked = []
    pieces = type_.layout.tensors["first"].pieces
    monkeypatch.setattr(
        type_.layout.tensors["first"], "pieces", lambda value: asked.append(1) or pieces(value)
    )
    type_.quick = type_._encoder()
    first, second = np.zeros((2, 3)), np.ones((2, 3))

    rests = [type_.quick({"first": array})[0] for array in (first, second)]

    assert len(asked) == 1
    assert rests[0][1] is first and rests[1][1] is second
    type_.quick({"first": np.ones((3, 2))})
    type_.quick({"first": np.ones((2, 3), np.float32)})
    assert len(asked) == 3


def test_an_array_that_no_tensor_can_be_is_refused_by_name() -> None:
    for value in (np.array(["x"]), np.array([object()]), "text"):
        with pytest.raises((TypeError, ValueError), match="first"):
            EVERY.quick({"first": value})


def test_nothing_is_kept_of_what_was_sent() -> None:
    array, text = np.zeros((2, 3)), "text " * 3
    fields = {"first": array, "string": text, "many_int32": [1, 2]}
    EVERY.quick(fields)
    before = sys.getrefcount(array), sys.getrefcount(text), sys.getrefcount(array.dtype)

    for _ in range(10):
        EVERY.quick(fields)
        EVERY.quick({"first": array, "kind": "KIND_SOME", "string": text})

    assert (sys.getrefcount(array), sys.getrefcount(text), sys.getrefcount(array.dtype)) == before
