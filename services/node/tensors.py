"""Arrays as rtmesh.v1.Tensor: written in place, read as views."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from google.protobuf.descriptor import FieldDescriptor

from rtmesh.common.tensors import DTYPES, Array, as_array, dtype_number, dtype_of, element_count, read_only
from rtmesh.node.wire import BYTES, VARINT, Buffer, field_tag, read_varint, scan, varint

_DTYPE_FIELD, _SHAPE_FIELD, _DATA_FIELD = 1, 2, 3


# A tensor ready to be written: a prefix, then the elements of an array in C order, little-endian; whether
# they lie in memory otherwise.
Piece = tuple[bytes, Array, bool]


# What numpy needs to view an array in a message: shape, dtype, offset of the first element.
ArrayPlace = tuple[tuple[int, ...], np.dtype[Any], int]


class _Layout(NamedTuple):
    """Where the elements lie in a Tensor's bytes, and what they are."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    element_count: int
    data: int


class TensorField:
    """One field of type rtmesh.v1.Tensor of one message type.

    Remembers the last prefix it wrote: a stream seldom changes its shape.
    """

    def __init__(self, field: FieldDescriptor) -> None:
        self.where: str = field.full_name
        self.number: int = field.number
        self.is_repeated: bool = field.is_repeated
        self._tag = field_tag(field.number, BYTES)
        self._written: tuple[object, object, bytes, bool] = (None, None, b"", False)

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
        layout, _ = read_layout(buffer, start, end, self.where)
        if layout.element_count == 0:
            return read_only(np.empty(layout.shape, layout.dtype))
        return np.ndarray(layout.shape, layout.dtype, buffer, start + layout.data)

    def place(self, buffer: Buffer, start: int, end: int) -> ArrayPlace | None:
        """Shape, dtype and first element of the same; None if it has none, or data that do not end it.

        What stands before the first element then says all of it: equal bytes there mean an equal array.
        """
        try:
            layout, data_end = read_layout(buffer, start, end, self.where)
        except ValueError:
            return None  # whoever reads it is told
        is_all = layout.element_count > 0 and data_end == end
        return (layout.shape, layout.dtype, start + layout.data) if is_all else None

    def _piece(self, value: object) -> Piece:
        array = value if isinstance(value, np.ndarray) else as_array(value, self.where)
        dtype, shape, prefix, is_swapped = self._written
        if array.dtype is not dtype or array.shape != shape:
            prefix, is_swapped = self._prefix(array)
            self._written = (array.dtype, array.shape, prefix, is_swapped)
        return prefix, array, is_swapped or not array.flags.c_contiguous

    def _prefix(self, array: Array) -> tuple[bytes, bool]:
        number = dtype_number(array, self.where)
        start = tensor_start(number, array.shape, array.nbytes)
        return self._tag + varint(len(start) + array.nbytes) + start, array.dtype != DTYPES[number]


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
    dtype = dtype_of(number, where)
    count = element_count(shape, dtype, data_end - data, where)
    return _Layout(dtype, tuple(shape), count, data - start), data_end


def data_extent(buffer: Buffer, start: int, end: int) -> tuple[int, int]:
    """Where the data lies of the Tensor that is `buffer[start:end]`."""
    for field, wire_type, _, payload, after in scan(buffer, start, end):
        if field == _DATA_FIELD and wire_type == BYTES:
            return payload, after
    return end, end


def _lengths(buffer: Buffer, at: int, end: int) -> list[int]:
    lengths = []
    while at < end:
        length, at = read_varint(buffer, at, end)
        lengths.append(length)
    return lengths
