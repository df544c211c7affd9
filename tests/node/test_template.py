"""The layout that a message type remembers: a message that is laid out otherwise is never read by it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from node_messages import MIXED

from rtmesh.node._wire import HEADER_SIZE, MOST_MARKS, MOST_NUMBERS, Template
from rtmesh.node.message import MessageType
from rtmesh.node.wire import HeaderValues, pack_header

HEADER = HeaderValues(7, 1, 1_000, 2**63, 2, 5, -1)
TENSORS = ("first", "several", "image", "late")
fields = st.fixed_dictionaries(
    {"image": st.sampled_from([np.arange(6, dtype=np.int16), np.ones((2, 3), np.float32)])},
    optional={
        "first": st.sampled_from([np.ones(3, np.uint8), np.empty((0, 2))]),
        "count": st.integers(0, 2**20),
        "name": st.text(max_size=6),
        "numbers": st.lists(st.integers(-2, 200), max_size=3),
        "several": st.lists(st.just(np.ones(2, np.int8)), max_size=2),
    },
)
changes = st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=4)


def reading(type_: MessageType, data: bytes) -> Any:
    """All that a message says, or that it is malformed."""
    try:
        message = type_.decode(data)
        arrays = [_plain(getattr(message, name)) for name in TENSORS]
        return message.header, arrays, message.proto().SerializeToString(deterministic=True)
    except ValueError:
        return "malformed"


def _plain(value: Any) -> Any:
    arrays = value if isinstance(value, list) else [value]
    return [array if array is None else (array.dtype, array.shape, array.tobytes()) for array in arrays]


@given(fields, changes)
def test_a_changed_message_reads_as_if_it_were_the_first(values: dict[str, Any], changed: Any) -> None:
    remembering, fresh = MessageType(MIXED), MessageType(MIXED)
    data = bytearray(remembering.encode(values).to_bytes(HEADER))
    assert reading(remembering, bytes(data)) == reading(MessageType(MIXED), bytes(data))
    for at, byte in changed:
        data[at % len(data)] = byte

    assert reading(remembering, bytes(data)) == reading(fresh, bytes(data))


@given(fields, fields)
def test_one_message_after_another_reads_as_if_it_were_the_first(
    before: dict[str, Any], after: dict[str, Any]
) -> None:
    remembering = MessageType(MIXED)
    reading(remembering, remembering.encode(before).to_bytes(HEADER))
    data = remembering.encode(after).to_bytes(HEADER)

    assert reading(remembering, data) == reading(MessageType(MIXED), data)


def test_a_template_takes_what_is_laid_out_alike_and_nothing_else() -> None:
    template = Template(HEADER_SIZE + 6, HEADER_SIZE + 2, ((HEADER_SIZE + 2, b"\x12\x02"),), (1, 2))
    message = pack_header(HEADER) + b"\x18\x05\x12\x02ab"

    assert template.header(message) == HEADER and type(template.header(message)) is HeaderValues
    assert template.header(memoryview(message[:-2] + b"xy")) == HEADER, "the data may change"
    assert template.header(message + b"c") is None, "another length"
    assert template.header(b"\x0b" + message[1:]) is None, "no header"
    for others in (b"\x10\x05", b"\x0a\x00"):
        assert template.header(pack_header(HEADER) + others + b"\x12\x02ab") is None, "set apart"
    for others in (b"\x1a\x05", b"\x18\x85", b"\x00\x05", b"\x1b\x1c", b"\x1d\x00"):
        assert template.header(pack_header(HEADER) + others + b"\x12\x02ab") is None, "not whole fields"


@pytest.mark.parametrize(
    "arguments",
    [
        (60, 61, (), ()),
        (60, 57, ((59, b"ab"),), ()),
        (60, 57, ((-1, b"a"),), ()),
        (100, 57, ((60, b"a"),) * (MOST_MARKS + 1), ()),
        (100, 57, (), (1,) * (MOST_NUMBERS + 1)),
    ],
)
def test_a_template_that_reaches_outside_is_refused(arguments: Any) -> None:
    with pytest.raises(ValueError):
        Template(*arguments)


def test_more_tensors_than_a_template_takes_are_read_all_the_same() -> None:
    type_ = MessageType(MIXED)
    several = [np.full(2, index) for index in range(MOST_MARKS + 1)]
    for _ in range(2):
        message = type_.decode(type_.encode({"several": several}).to_bytes(HEADER))
        assert [array.tolist() for array in message.several] == [array.tolist() for array in several]


@pytest.mark.parametrize("value", [-1, 2**32, "1", None])
def test_a_header_of_what_does_not_fit_is_refused(value: Any) -> None:
    with pytest.raises((OverflowError, TypeError)):
        pack_header((1, value, 0, 0, 0, 0, 0))


@pytest.mark.parametrize("values", [(1, 2, 3), [1, 2, 3, 4, 5, 6, 7], None])
def test_a_header_of_another_form_is_refused(values: Any) -> None:
    with pytest.raises(TypeError):
        pack_header(values)
