"""Messages written for a ring and read from it, against plain protobuf."""

import gc
import random
import weakref
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as numpy_strategies
from node_messages import MIXED, NO_HEADER, PLAIN, Mixed, Plain, Tensor, to_sample_tensor

from rtmesh.common.tensors import DTYPES, to_array, to_tensor
from rtmesh.node import wire
from rtmesh.node.message import Message, MessageType
from rtmesh.node.wire import HeaderValues

HEADER = HeaderValues(7, 1, 1_000, 2**63, 2, 5, -1)
mixed, plain = MessageType(MIXED), MessageType(PLAIN)

dtypes = st.sampled_from([*DTYPES.values(), *(dtype.newbyteorder(">") for dtype in DTYPES.values())])
shapes = numpy_strategies.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5)
arrays = numpy_strategies.arrays(dtypes, shapes)


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


int32 = st.integers(-(2**31), 2**31 - 1)
points = st.lists(st.fixed_dictionaries({"x": int32}), max_size=2)
mappings = st.fixed_dictionaries(
    {},
    optional={
        "first": maybe(arrays),
        "count": st.integers(0, 2**64 - 1),
        "several": st.lists(arrays, max_size=3),
        "name": st.text(max_size=200),
        "numbers": st.lists(int32, max_size=5),
        "points": points,
        "ratio": st.floats(width=32, allow_nan=False),
        "image": maybe(arrays),
        "late": arrays,
        "header": st.just({"sequence": 99}),
    },
)


def by_protobuf(fields: dict[str, Any]) -> Any:
    """The same fields, set the plain way; without header."""
    values = {name: value for name, value in fields.items() if name != "header"}
    for name in ("first", "image", "late"):
        if values.get(name) is not None:
            values[name] = to_sample_tensor(values[name])
    values["several"] = [to_sample_tensor(array) for array in values.get("several", ())]
    return Mixed(**values)


def same_array(array: np.ndarray, tensor: Any) -> bool:
    return array.tobytes() == tensor.data and array.shape == tuple(tensor.shape)


def assert_same(message: Message, expected: Any) -> None:
    """Every field of `message` reads as it does in the protobuf message `expected`."""
    for name in ("first", "image", "late"):
        array = getattr(message, name)
        assert (array is not None) == expected.HasField(name)
        assert array is None or same_array(array, getattr(expected, name))
    assert len(message.several) == len(expected.several)
    assert all(map(same_array, message.several, expected.several))
    for name in ("count", "name", "numbers", "points", "ratio", "caption"):
        assert getattr(message, name) == getattr(expected, name)
    assert message.header == wire.header_values(expected.header)


@given(mappings)
def test_what_is_encoded_reads_the_same_in_protobuf(fields: dict[str, Any]) -> None:
    encoded = mixed.encode(fields)
    written = encoded.to_bytes(HEADER)

    expected = by_protobuf(fields)
    expected.header.MergeFrom(type(expected.header)(**HEADER._asdict()))
    assert Mixed.FromString(written) == expected
    assert len(written) == encoded.length
    assert_same(mixed.decode(written), expected)


@given(mappings, st.randoms(), st.booleans())
def test_what_protobuf_writes_decodes_the_same_with_its_fields_in_any_order(
    fields: dict[str, Any], shuffler: random.Random, has_header: bool
) -> None:
    expected = by_protobuf(fields)
    if has_header:
        expected.header.sequence = 5
    serialized = expected.SerializeToString()
    parts = [serialized[start:end] for _, _, start, _, end in wire.scan(serialized)]
    shuffler.shuffle(parts)
    shuffled = b"".join(parts)

    message = mixed.decode(shuffled)

    assert_same(message, Mixed.FromString(shuffled))
    assert message.proto() == Mixed.FromString(shuffled)


@given(st.lists(mappings, min_size=2, max_size=3), st.booleans())
def test_messages_put_end_to_end_merge_as_in_protobuf(
    several: list[dict[str, Any]], is_caption: bool
) -> None:
    joined = b"".join(mixed.encode(fields).to_bytes(HEADER) for fields in several)
    joined += Mixed(caption="c").SerializeToString() if is_caption else b""
    expected = Mixed.FromString(joined)

    message = mixed.decode(joined)

    assert message.proto() == expected
    assert message.header == HEADER
    assert message.caption == expected.caption
    assert [len(message.several), message.numbers] == [len(expected.several), expected.numbers]
    for name in ("first", "image", "late"):
        assert_merged(message, expected, name)


def assert_merged(message: Message, expected: Any, name: str) -> None:
    """Merged shapes add up, so that they seldom fit the data: then both ways of reading must fail."""
    tensor = getattr(expected, name)
    try:
        array = to_array(tensor, name) if expected.HasField(name) else None
    except ValueError:
        with pytest.raises(ValueError, match=name):
            getattr(message, name)
    else:
        read = getattr(message, name)
        assert (read is None) == (array is None)
        assert read is None or same_array(read, tensor)


@given(st.binary(max_size=60), st.sampled_from([mixed, plain]))
def test_bytes_decode_or_are_a_value_error(data: bytes, type_: MessageType) -> None:
    try:
        expected = type_.message_class.FromString(data)
    except Exception:  # noqa: BLE001 - what protobuf raises depends on its implementation
        with pytest.raises(ValueError):
            type_.decode(data).proto()
    else:
        assert type_.decode(data).proto() == expected


@given(mappings, st.data())
def test_a_message_cut_off_is_a_value_error_or_what_protobuf_makes_of_it(
    fields: dict[str, Any], data: st.DataObject
) -> None:
    written = mixed.encode(fields).to_bytes(HEADER)
    cut = written[: data.draw(st.integers(0, len(written)))]

    test_bytes_decode_or_are_a_value_error.hypothesis.inner_test(cut, mixed)


@pytest.mark.parametrize("dtype", DTYPES.values(), ids=str)
def test_every_dtype_survives(dtype: np.dtype[Any]) -> None:
    array = np.arange(6).reshape(2, 3).astype(dtype)

    read = mixed.decode(mixed.encode({"first": array}).to_bytes(HEADER)).first

    assert read.dtype == dtype
    np.testing.assert_array_equal(read, array)


def test_an_array_is_a_read_only_view_on_the_buffer_and_keeps_it_alive() -> None:
    class Slot(bytearray):
        """Can be watched."""

    slot = Slot(mixed.encode({"first": np.arange(100.0)}).to_bytes(HEADER))
    watch = weakref.ref(slot)
    array = mixed.decode(slot).first
    address = np.frombuffer(slot, np.uint8).__array_interface__["data"][0]

    assert not array.flags.writeable
    assert 0 < array.__array_interface__["data"][0] - address < len(slot)
    del slot
    gc.collect()
    assert watch() is not None
    del array
    gc.collect()
    assert watch() is None


def test_a_message_keeps_what_it_is_told_to_keep_as_long_as_it_views_it() -> None:
    class Pin:
        """Can be watched."""

    pin = Pin()
    watch = weakref.ref(pin)
    message = mixed.decode(mixed.encode({"first": [1]}).to_bytes(HEADER), pin)
    del pin
    gc.collect()
    assert watch() is not None
    del message
    gc.collect()
    assert watch() is None


def test_a_message_in_a_cycle_is_collected_however_it_was_decoded() -> None:
    class Node:
        """Knows itself."""

    type_ = MessageType(MIXED)
    data = type_.encode({"first": [1, 2]}).to_bytes(HEADER)
    for _ in range(3):
        # Older than the cycle, so that the collector comes to what the message views before it.
        message: Any = type_.decode(data)
        node: Any = Node()
        node.itself, node.message = node, message
        message.node = node
        watch = weakref.ref(message)
        del node, message

        gc.collect()
        assert watch() is None


def test_a_message_without_tensors_holds_no_slot() -> None:
    slot = bytearray(plain.encode({"vx": 1.5}).to_bytes(HEADER))
    message = plain.decode(slot)

    slot.clear()  # BufferError while something views it

    assert message.vx == 1.5
    assert message.header == HEADER
    assert message.proto().vx == 1.5


def test_align_at_is_where_the_first_data_lies() -> None:
    array = np.full(3, 0x0102030405060708, np.uint64)
    encoded = mixed.encode({"name": "x" * 200, "first": np.empty(0), "late": array})

    written = encoded.to_bytes(HEADER)
    assert written[encoded.align_at :] == array.tobytes()
    whole = mixed.encode(Mixed.FromString(written))
    assert whole.to_bytes(HEADER)[whole.align_at :][: array.nbytes] == array.tobytes()
    assert mixed.encode({"count": 1}).align_at == mixed.encode(None).align_at == 0
    assert mixed.encode({"first": np.empty(0)}).align_at == 0


def test_an_array_is_copied_when_it_is_written_and_not_before() -> None:
    array = np.zeros((3, 4), np.float32)
    encoded = mixed.encode({"first": array.T[::2]})
    array[:] = np.arange(12).reshape(3, 4)

    read = mixed.decode(encoded.to_bytes(HEADER)).first

    np.testing.assert_array_equal(read, array.T[::2])


def test_only_the_message_is_written() -> None:
    encoded = mixed.encode({"first": np.arange(5), "count": 3})
    buffer = memoryview(bytearray(b"\xff" * (encoded.length + 9)))

    encoded.write_into(buffer, HEADER)

    assert bytes(buffer[: encoded.length]) == encoded.to_bytes(HEADER)
    assert bytes(buffer[encoded.length :]) == b"\xff" * 9


def test_shapes_and_dtypes_may_change_from_message_to_message() -> None:
    for array in (np.zeros(3), np.zeros(3, "f4"), np.zeros((3, 1)), np.zeros(3, ">f8"), np.zeros(6, "f4")):
        read = mixed.decode(mixed.encode({"first": array}).to_bytes(HEADER)).first

        assert (read.shape, read.dtype) == (array.shape, array.dtype.newbyteorder("<"))


def test_messages_of_one_length_are_not_taken_for_each_other() -> None:
    array = np.arange(4, dtype=np.uint8)
    first = mixed.encode({"name": "abc", "first": array}).to_bytes(HEADER)
    # A field that reaches over the place where the tensor began in the message before.
    other = first[:57] + wire.field_tag(99, 2) + wire.varint(len(first) - 60) + first[60:]
    alike = first[:57] + mixed.encode({"name": "xyz", "first": array[::-1]}).to_bytes(HEADER)[57:]
    assert len(first) == len(other) == len(alike)

    for written in (first, other, first, alike, first):
        expected = Mixed.FromString(written)
        read = mixed.decode(written)
        assert read.name == expected.name
        assert same_array(read.first, expected.first) if expected.HasField("first") else read.first is None


def test_a_header_that_follows_is_merged_also_without_tensors() -> None:
    written = plain.encode({"vx": 1.5}).to_bytes(HEADER)

    for tag in (b"\x0a", b"\x8a\x80\x00"):
        read = plain.decode(written + tag + b"\x09\x09" + (99).to_bytes(8, "little"))

        assert read.header == HEADER._replace(sequence=99)


def test_an_unpacked_shape_and_fields_in_another_order_read_the_same() -> None:
    payload = b"\x1a\x08" + np.arange(2, dtype="<i4").tobytes() + b"\x10\x02\x12\x01\x01" + b"\x08\x04"
    serialized = b"\x12" + wire.varint(len(payload)) + payload

    read = mixed.decode(serialized).first

    np.testing.assert_array_equal(read, np.arange(2).reshape(2, 1))
    assert same_array(read, Mixed.FromString(serialized).first)


def test_of_a_oneof_the_last_one_wins() -> None:
    image = mixed.encode({"image": [1.0]}).to_bytes(HEADER)
    caption = Mixed(caption="seven").SerializeToString()

    assert mixed.decode(image + caption).image is None
    assert mixed.decode(image + caption).caption == "seven"
    assert mixed.decode(caption + image).caption == ""
    np.testing.assert_array_equal(mixed.decode(caption + image).image, [1.0])


def test_two_of_a_oneof_are_refused() -> None:
    with pytest.raises(ValueError, match=r"sample\.v1\.Mixed: image and caption exclude each other"):
        mixed.encode({"image": [1.0], "caption": "x"})


def test_numbers_take_numpy_scalars_and_arrays() -> None:
    fields = {"flag": np.bool_(True), "vx": np.float32(0.5), "numbers": np.arange(3, dtype=np.int16)}

    assert (
        plain.encode(fields).to_bytes(HEADER)[57:]
        == Plain(flag=True, vx=0.5, numbers=[0, 1, 2]).SerializeToString()
    )


def test_a_whole_message_is_sent_on_with_another_header() -> None:
    first = mixed.encode({"first": [1, 2], "name": "n"}).to_bytes(HEADER)
    other = HeaderValues(sequence=1)

    for whole in (mixed.decode(first), Mixed.FromString(first)):
        sent = mixed.decode(mixed.encode(whole).to_bytes(other))
        assert (sent.header, sent.name, sent.first.tolist()) == (other, "n", [1, 2])
    assert plain.decode(plain.encode(plain.decode(Plain(vx=3).SerializeToString())).to_bytes(other)).vx == 3


def test_a_tensor_message_is_taken_for_an_array() -> None:
    tensor = to_tensor(np.arange(4))

    assert mixed.decode(mixed.encode({"first": tensor}).to_bytes(HEADER)).first.tolist() == [0, 1, 2, 3]
    assert to_array(to_tensor(np.arange(4))).tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("fields", "error", "text"),
    [
        ({"speed": 1}, TypeError, r"sample\.v1\.Mixed has no field 'speed'; it has first, count"),
        ({"count": "many"}, TypeError, r"sample\.v1\.Mixed\.count: "),
        ({"count": -1}, ValueError, r"sample\.v1\.Mixed\.count: "),
        ({"name": "\ud800"}, ValueError, r"sample\.v1\.Mixed\.name: "),
        ({"first": np.zeros(2, "U3")}, TypeError, r"sample\.v1\.Mixed\.first: .* dtype <U3"),
        ({"first": np.zeros(2, "M8[ns]")}, TypeError, r"Mixed\.first: .* dtype datetime64\[ns\]"),
        ({"first": object()}, TypeError, r"Mixed\.first: .* dtype object"),
        ({"first": [[1], [1, 2]]}, ValueError, r"Mixed\.first: cannot make an array of list"),
        ({"first": Plain()}, TypeError, r"Mixed\.first: .* not sample\.v1\.Plain"),
        ({"several": 3}, TypeError, r"Mixed\.several: is repeated and takes several arrays, not int"),
    ],
)
def test_what_cannot_be_encoded_is_refused_by_name(
    fields: dict[str, object], error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text):
        mixed.encode(fields)


def test_a_message_of_another_type_is_refused() -> None:
    with pytest.raises(TypeError, match=r"a sample\.v1\.Mixed is needed, not a sample\.v1\.Plain"):
        mixed.encode(Plain())


def test_a_type_without_header_is_refused() -> None:
    with pytest.raises(ValueError, match=r"sample\.v1\.NoHeader .* header = 1"):
        MessageType(NO_HEADER)


@pytest.mark.parametrize(
    ("tensor", "text"),
    [
        (
            Tensor(dtype=11, shape=[3], data=b"1234"),
            r"shape \(3,\) of float32 takes 12 bytes of data, .* has 4",
        ),
        (Tensor(shape=[1], data=b"1"), "dtype is 0"),
        (Tensor(dtype=77, data=b"1"), "dtype is 77"),
        (Tensor(dtype=1, shape=[2**63, 2**63]), "takes .* bytes"),
    ],
)
def test_a_tensor_that_does_not_fit_is_refused_by_name(tensor: Any, text: str) -> None:
    message = mixed.decode(Mixed(first=tensor, count=3).SerializeToString())

    assert message.count == 3
    with pytest.raises(ValueError, match=rf"sample\.v1\.Mixed\.first: .*{text}"):
        _ = message.first


def test_an_unknown_attribute_is_told_with_the_fields_there_are() -> None:
    message = mixed.decode(b"")

    with pytest.raises(AttributeError, match=r"sample\.v1\.Mixed has no field 'bins'; it has first, count"):
        _ = message.bins
    assert message.fields == tuple(field.name for field in MIXED.fields)[1:]


def test_a_field_whose_name_is_taken_reads_by_index() -> None:
    assert plain.decode(Plain(fields=5).SerializeToString())["fields"] == 5


def test_a_message_shows_its_fields_and_the_shapes_of_its_arrays() -> None:
    message = mixed.decode(mixed.encode({"first": np.zeros((2, 3)), "name": "n"}).to_bytes(HEADER))

    assert repr(message).startswith("sample.v1.Mixed(first=<float64 [2, 3]>, count=0, several=[], name='n'")
