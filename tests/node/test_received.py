"""What C does for a received message, held to what Python does: alike it must read, and fail."""

from __future__ import annotations

import copy
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from node_messages import MIXED, PLAIN, Mixed, Plain
from references import are_kept

from rtmesh.node._wire import Decoder, LateAttribute, Received, TensorAttribute
from rtmesh.node.message import Message, MessageType
from rtmesh.node.places import Places
from rtmesh.node.wire import HeaderValues

HEADER = HeaderValues(7, 1, 1_000, 2**63, 2, 5, -1)
MIXED_NAMES = ("first", "several", "image", "late", "count", "name", "numbers", "ratio", "caption")
PLAIN_NAMES = ("flag", "vx", "numbers", "text")
mixed_fields = st.fixed_dictionaries(
    {"image": st.sampled_from([np.arange(6, dtype=np.int16), np.ones((2, 3), np.float32)])},
    optional={
        "first": st.sampled_from([np.ones(3, np.uint8), np.empty((0, 2))]),
        "count": st.integers(0, 2**20),
        "name": st.text(max_size=6),
        "numbers": st.lists(st.integers(-2, 200), max_size=3),
        "several": st.lists(st.just(np.ones(2, np.int8)), max_size=2),
    },
)
plain_fields = st.fixed_dictionaries(
    {}, optional={"flag": st.booleans(), "vx": st.floats(allow_nan=False), "text": st.text(max_size=6)}
)
changes = st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=4)


def outcome(read: Callable[[], Any]) -> Any:
    """What is read, in a form that compares; or what it fails with."""
    try:
        return comparable(read())
    except ValueError as error:
        return f"ValueError: {error}"


def comparable(value: Any) -> Any:
    if isinstance(value, list):
        return [comparable(each) for each in value]
    if isinstance(value, np.ndarray):
        return value.dtype, value.shape, value.tobytes(), value.flags.writeable
    return value if isinstance(value, (str, bool, int, HeaderValues)) else repr(value)


def reading(decode: Callable[[], Message], names: tuple[str, ...]) -> Any:
    """All that a message says, each part of it or what is wrong with it; the Tensors after the others."""
    try:
        message = decode()
    except ValueError as error:
        return f"ValueError: {error}"
    fields = [outcome(lambda name=name: getattr(message, name)) for name in reversed(names)]
    return outcome(lambda: message.header), fields, outcome(lambda: bytes(message._serialized()))


def changed(data: bytes, changes: list[tuple[int, int]]) -> bytes:
    result = bytearray(data)
    for at, byte in changes:
        result[at % len(result)] = byte
    return bytes(result)


@given(mixed_fields, changes)
def test_a_message_with_tensors_reads_in_c_as_in_python(values: dict[str, Any], changes: Any) -> None:
    type_, slow = MessageType(MIXED), MessageType(MIXED)
    data = type_.encode(values).to_bytes(HEADER)
    type_.decode(data)

    for each in (data, changed(data, changes)):
        expected = reading(lambda each=each: slow._decode_slowly(each, None), MIXED_NAMES)
        assert reading(lambda each=each: type_.decode(each), MIXED_NAMES) == expected


@given(plain_fields, changes)
def test_a_message_without_tensors_reads_in_c_as_in_python(values: dict[str, Any], changes: Any) -> None:
    type_ = MessageType(PLAIN)
    data = changed(type_.encode(values).to_bytes(HEADER), changes)

    expected = reading(lambda: type_._decode_slowly(data, None), PLAIN_NAMES)
    assert reading(lambda: type_.decode(data), PLAIN_NAMES) == expected


@given(st.binary(max_size=80), st.sampled_from([MIXED, PLAIN]))
def test_any_bytes_read_in_c_as_in_python(data: bytes, descriptor: Any) -> None:
    type_, names = MessageType(descriptor), MIXED_NAMES if descriptor is MIXED else PLAIN_NAMES

    expected = reading(lambda: MessageType(descriptor)._decode_slowly(data, None), names)
    assert reading(lambda: type_.decode(data), names) == expected


def test_no_python_runs_for_a_message_like_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> Any:
        raise AssertionError("Python decodes")

    mixed, plain = MessageType(MIXED), MessageType(PLAIN)
    mixed.decode(mixed.encode({"first": [1], "name": "a"}).to_bytes(HEADER))
    monkeypatch.setattr(MessageType, "_decode_slowly", refuse)
    monkeypatch.setattr(Message, "_other_fields", refuse)
    monkeypatch.setattr(Message, "__getitem__", refuse)

    with_tensors = mixed.decode(mixed.encode({"first": [2], "name": "b"}).to_bytes(HEADER))
    assert (with_tensors.first.tolist(), with_tensors.name, with_tensors.count) == ([2], "b", 0)
    assert plain.decode(plain.encode({"vx": 1.5}).to_bytes(HEADER)).vx == 1.5
    with pytest.raises(AssertionError, match="Python decodes"):
        mixed.decode(mixed.encode({"first": [2], "name": "longer"}).to_bytes(HEADER))


def test_an_array_and_the_header_are_made_once() -> None:
    type_ = MessageType(MIXED)
    data = type_.encode({"first": [1, 2]}).to_bytes(HEADER)
    type_.decode(data)
    message = type_.decode(data)

    assert message.first is message.first
    assert message.count == 0
    others = message._others
    assert others is not None
    assert message.name == "" and message._others is others
    assert message.header is message.header and type(message.header) is HeaderValues


@pytest.mark.parametrize("descriptor", [MIXED, PLAIN])
def test_a_copy_reads_the_same_and_has_attributes_of_its_own(descriptor: Any) -> None:
    type_ = MessageType(descriptor)
    fields = {"first": [1, 2], "count": 3} if descriptor is MIXED else {"vx": 1.5}
    keep = type("Keep", (), {})()
    message = type_.decode(type_.encode(fields).to_bytes(HEADER), keep)
    message.note = "own"

    copied = copy.copy(message)
    copied.other = "its own"

    assert copied.proto() == message.proto() and copied.header == HEADER and copied.note == "own"
    assert "other" not in vars(message)
    assert copied._keep is message._keep
    if descriptor is MIXED:
        assert copied.first.tolist() == [1, 2]


def test_other_fields_that_protobuf_refuses_are_refused_as_in_python() -> None:
    type_ = MessageType(MIXED)
    data = type_.encode({"first": [1], "name": "abc"}).to_bytes(HEADER)
    type_.decode(data)
    message = type_.decode(data.replace(b"abc", b"a\xffc"))

    assert message.first.tolist() == [1]
    with pytest.raises(ValueError, match=r"malformed sample\.v1\.Mixed"):
        _ = message.name
    with pytest.raises(AttributeError, match=r"has no field 'nothing'"):
        _ = message.nothing


def test_what_can_be_written_is_not_viewed_writable_by_a_message_like_the_last() -> None:
    type_ = MessageType(MIXED)
    data = type_.encode({"first": [1, 2]}).to_bytes(HEADER)
    type_.decode(data)

    for buffer in (bytearray(data), memoryview(bytearray(data))):
        assert not type_.decode(buffer).first.flags.writeable


def test_what_is_to_be_kept_is_kept_also_by_a_message_like_the_last() -> None:
    class Pin:
        """Can be watched."""

    type_ = MessageType(MIXED)
    data = type_.encode({"first": [1, 2]}).to_bytes(HEADER)
    for _ in range(2):
        pin = Pin()
        watch = weakref.ref(pin)
        message = type_.decode(data, keep=pin)
        del pin
        assert watch() is not None
        del message
        assert watch() is None


def test_a_buffer_is_held_as_long_as_a_message_views_it() -> None:
    type_ = MessageType(MIXED)
    view = memoryview(type_.encode({"first": [1, 2]}).to_bytes(HEADER))
    type_.decode(view)
    message = type_.decode(view)

    with pytest.raises(BufferError):
        view.release()
    assert message.first.tolist() == [1, 2]
    del message
    view.release()


@pytest.mark.parametrize("descriptor", [MIXED, PLAIN], ids=["tensors", "plain"])
def test_no_reference_is_lost_or_kept(descriptor: Any) -> None:
    type_, fields = MessageType(descriptor), {"first": [1], "name": "n"} if descriptor is MIXED else {"vx": 1}
    data = type_.encode(fields).to_bytes(HEADER)  # type: ignore[arg-type]
    bad = data[:-2] + b"\xff\xff"
    keep = object()

    def use() -> None:
        for each in (data, bytes(data), bad, data, b"\x0a"):
            try:
                message = type_.decode(each, keep)
                for name in ("header", *message.fields):
                    getattr(message, name)
                message.own = message.fields
            except ValueError:
                pass

    held = type_.decode(data)
    watched = [type_, data, bad, keep, held._places, type_._received, np.ndarray, type(held).__mro__[1]]
    assert are_kept(use, watched) == []


def test_what_is_no_message_type_or_no_places_is_refused() -> None:
    type_ = MessageType(MIXED)
    for arguments in ((None, HEADER), (type_, (1, 2)), (type_, HEADER, None, (1, 2)), (type_,)):
        with pytest.raises(TypeError):
            Received(*arguments)  # type: ignore[arg-type]
    for wrong in (Places({}, [], {}, None), (1, 2, 3, 4), (1,), 5):
        with pytest.raises(TypeError):
            type_._remember(wrong)  # type: ignore[arg-type]
    for arguments in ((Mixed, Mixed.FromString, True), (None, None, False), ()):
        with pytest.raises(TypeError):
            Decoder(*arguments)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        type_.__init__(MIXED)  # type: ignore[misc]
    with pytest.raises(RuntimeError):
        Decoder.__new__(Decoder).decode(b"")
    with pytest.raises(TypeError):
        type_.decode(5)


@pytest.mark.parametrize("attribute", [TensorAttribute, LateAttribute])
def test_a_field_is_an_attribute_of_messages_only(attribute: Any) -> None:
    class Other:
        field = attribute("first")

    assert isinstance(Other.field, attribute)
    with pytest.raises(TypeError, match="received message"):
        _ = Other().field
    with pytest.raises(TypeError):
        attribute(5)


def test_a_decoder_takes_nothing_else_for_a_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MessageType, "_decode_slowly", lambda *_: 5)

    with pytest.raises(TypeError, match="received message"):
        MessageType(MIXED).decode(Plain().SerializeToString())
