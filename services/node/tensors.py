"""Arrays as rtmesh.v1.Tensor: written in place, read as views."""

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message as ProtoMessage

from rtmesh.node.wire import BYTES, VARINT, Buffer, field_tag, read_varint, scan, varint
from rtmesh.v1 import stream_pb2

Array = np.ndarray[Any, Any]

# Number of a rtmesh.v1.DType -> the numpy type of its elements, little endian.
DTYPES = {
    stream_pb2.D_TYPE_BOOL: np.dtype("?"),
    stream_pb2.D_TYPE_INT8: np.dtype("i1"),
    stream_pb2.D_TYPE_INT16: np.dtype("<i2"),
    stream_pb2.D_TYPE_INT32: np.dtype("<i4"),
    stream_pb2.D_TYPE_INT64: np.dtype("<i8"),
    stream_pb2.D_TYPE_UINT8: np.dtype("u1"),
    stream_pb2.D_TYPE_UINT16: np.dtype("<u2"),
    stream_pb2.D_TYPE_UINT32: np.dtype("<u4"),
    stream_pb2.D_TYPE_UINT64: np.dtype("<u8"),
    stream_pb2.D_TYPE_FLOAT16: np.dtype("<f2"),
    stream_pb2.D_TYPE_FLOAT32: np.dtype("<f4"),
    stream_pb2.D_TYPE_FLOAT64: np.dtype("<f8"),
    stream_pb2.D_TYPE_COMPLEX64: np.dtype("<c8"),
    stream_pb2.D_TYPE_COMPLEX128: np.dtype("<c16"),
}
_NUMBERS = {(dtype.kind, dtype.itemsize): number for number, dtype in DTYPES.items()}
_DTYPE_FIELD, _SHAPE_FIELD, _DATA_FIELD = 1, 2, 3


class Piece(NamedTuple):
    """A tensor ready to be written: `prefix`, then the elements of `array` in C order as `dtype`."""

    prefix: bytes
    array: Array
    dtype: np.dtype[Any]


class _Layout(NamedTuple):
    """Where the elements lie in a Tensor's bytes, and what they are."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    element_count: int
    data: int


class TensorField:
    """One field of type rtmesh.v1.Tensor of one message type.

    Remembers the last prefix it wrote and the last it read: a stream seldom changes its shape.
    """

    def __init__(self, field: FieldDescriptor) -> None:
        self.where: str = field.full_name
        self.number: int = field.number
        self.is_repeated: bool = field.is_repeated
        self._tag = field_tag(field.number, BYTES)
        self._written: tuple[object, object, bytes, np.dtype[Any]] = (None, None, b"", np.dtype("u1"))
        self._read: tuple[int, bytes, _Layout | None] = (-1, b"", None)

    def pieces(self, value: object) -> list[Piece]:
        """What to write for `value`, an array-like, or several if the field is repeated.

        Raises TypeError or ValueError naming the field if it is no array, or of no type that a Tensor has.
        """
        if not self.is_repeated:
            return [self._piece(value)]
        if not isinstance(value, Iterable):
            raise TypeError(f"{self.where}: is repeated and takes several arrays, not {type(value).__name__}")
        return [self._piece(each) for each in value]

    def view(self, buffer: Buffer, start: int, end: int) -> Array:
        """The array whose Tensor is `buffer[start:end]`: a view on `buffer`, read-only if that is.

        Raises ValueError naming the field if shape, dtype and data do not fit.
        """
        length, prefix, layout = self._read
        if layout is None or end - start != length or buffer[start : start + len(prefix)] != prefix:
            layout = self._read_layout(buffer, start, end)
        dtype, shape, count, data = layout
        if count == 0:
            return _read_only(np.empty(shape, dtype))
        return np.frombuffer(buffer, dtype, count, start + data).reshape(shape)

    def _piece(self, value: object) -> Piece:
        array = value if isinstance(value, np.ndarray) else as_array(value, self.where)
        dtype, shape, prefix, target = self._written
        if array.dtype is not dtype or array.shape != shape:
            target, prefix = self._prefix(array)
            self._written = (array.dtype, array.shape, prefix, target)
        return Piece(prefix, array, target)

    def _prefix(self, array: Array) -> tuple[np.dtype[Any], bytes]:
        number = dtype_number(array, self.where)
        start = tensor_start(number, array.shape, array.nbytes)
        return DTYPES[number], self._tag + varint(len(start) + array.nbytes) + start

    def _read_layout(self, buffer: Buffer, start: int, end: int) -> _Layout:
        layout, data_end = read_layout(buffer, start, end, self.where)
        if data_end == end:  # then equal bytes before the data mean an equal layout
            self._read = (end - start, bytes(buffer[start : start + layout.data]), layout)
        return layout


def tensor_start(number: int, shape: tuple[int, ...], byte_count: int) -> bytes:
    """The bytes of a Tensor before its data."""
    packed = b"".join([varint(length) for length in shape])
    shape_field = field_tag(_SHAPE_FIELD, BYTES) + varint(len(packed)) + packed if shape else b""
    dtype_field = field_tag(_DTYPE_FIELD, VARINT) + varint(number)
    return dtype_field + shape_field + field_tag(_DATA_FIELD, BYTES) + varint(byte_count)


def read_layout(buffer: Buffer, start: int, end: int, where: str) -> tuple[_Layout, int]:
    """The layout of the Tensor that is `buffer[start:end]`, and where its data ends.

    Takes any valid protobuf: fields in any order, a packed or unpacked shape, later ones over earlier.
    """
    number, shape, data, data_end = 0, [], start, start
    for field, wire_type, _, payload, after in scan(buffer, start, end):
        if field == _DTYPE_FIELD and wire_type == VARINT:
            number = read_varint(buffer, payload, after)[0] & 0xFFFF_FFFF
        elif field == _SHAPE_FIELD and wire_type in (VARINT, BYTES):
            shape += _lengths(buffer, payload, after)
        elif field == _DATA_FIELD and wire_type == BYTES:
            data, data_end = payload, after
    dtype = _dtype(number, where)
    count = _element_count(shape, dtype, data_end - data, where)
    return _Layout(dtype, tuple(shape), count, data - start), data_end


def data_extent(buffer: Buffer, start: int, end: int) -> tuple[int, int]:
    """Where the data lies of the Tensor that is `buffer[start:end]`."""
    for field, wire_type, _, payload, after in scan(buffer, start, end):
        if field == _DATA_FIELD and wire_type == BYTES:
            return payload, after
    return end, end


def to_tensor(value: object, where: str = "tensor") -> stream_pb2.Tensor:
    """An array-like as a Tensor message, for a field of a nested message."""
    if isinstance(value, stream_pb2.Tensor):
        return value
    array = as_array(value, where)
    number = dtype_number(array, where)
    data = array.astype(DTYPES[number], copy=False).tobytes()
    return stream_pb2.Tensor(dtype=number, shape=array.shape, data=data)


def to_array(tensor: stream_pb2.Tensor, where: str = "tensor") -> Array:
    """The array in a Tensor message: read-only. ValueError if shape, dtype and data do not fit."""
    data = tensor.data
    dtype = _dtype(tensor.dtype, where)
    count = _element_count(list(tensor.shape), dtype, len(data), where)
    array = np.frombuffer(data, dtype, count) if count else _read_only(np.empty(0, dtype))
    return array.reshape(tuple(tensor.shape))


def as_array(value: object, where: str) -> Array:
    """`value` as an array, without a copy if it is one. Takes a Tensor message too."""
    if isinstance(value, ProtoMessage):
        if value.DESCRIPTOR.full_name != stream_pb2.Tensor.DESCRIPTOR.full_name:
            raise TypeError(f"{where}: takes an array or rtmesh.v1.Tensor, not {value.DESCRIPTOR.full_name}")
        return to_array(value, where)  # type: ignore[arg-type]
    try:
        return np.asarray(value)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{where}: cannot make an array of {type(value).__name__}: {error}") from None


def dtype_number(array: Array, where: str) -> stream_pb2.DType:
    """The rtmesh.v1.DType of an array of either byte order; TypeError naming its dtype if it has none."""
    number = _NUMBERS.get((array.dtype.kind, array.dtype.itemsize))
    if number is None:
        raise TypeError(
            f"{where}: a Tensor cannot hold dtype {array.dtype}; convert it with .astype() to one of "
            + ", ".join(str(dtype) for dtype in DTYPES.values())
        )
    return number


def _dtype(number: int, where: str) -> np.dtype[Any]:
    dtype: np.dtype[Any] | None = DTYPES.get(number)  # type: ignore[call-overload]
    if dtype is None:
        raise ValueError(f"{where}: the Tensor's dtype is {number}, which is no known rtmesh.v1.DType")
    return dtype


def _element_count(shape: list[int], dtype: np.dtype[Any], byte_count: int, where: str) -> int:
    count = math.prod(shape)
    if count * dtype.itemsize != byte_count:
        raise ValueError(
            f"{where}: shape {tuple(shape)} of {dtype} takes {count * dtype.itemsize} bytes of data, "
            f"the Tensor has {byte_count}"
        )
    return count


def _lengths(buffer: Buffer, at: int, end: int) -> list[int]:
    lengths = []
    while at < end:
        length, at = read_varint(buffer, at, end)
        lengths.append(length)
    return lengths


def _read_only(array: Array) -> Array:
    array.flags.writeable = False
    return array
