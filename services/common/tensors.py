"""Arrays as rtmesh.v1.Tensor messages, and back."""

import math
from typing import Any

import numpy as np
from google.protobuf.message import Message as ProtoMessage

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
TENSOR = stream_pb2.Tensor.DESCRIPTOR.full_name
_NUMBERS = {(dtype.kind, dtype.itemsize): number for number, dtype in DTYPES.items()}


def to_tensor(value: object, where: str = "tensor") -> stream_pb2.Tensor:
    """An array-like as a Tensor message. TypeError or ValueError naming `where` if it is none."""
    if isinstance(value, stream_pb2.Tensor):
        return value
    array = as_array(value, where)
    number = dtype_number(array, where)
    data = array.astype(DTYPES[number], copy=False).tobytes()
    return stream_pb2.Tensor(dtype=number, shape=array.shape, data=data)


def to_array(tensor: stream_pb2.Tensor, where: str = "tensor") -> Array:
    """The array in a Tensor message: read-only. ValueError if shape, dtype and data do not fit."""
    data = tensor.data
    dtype = dtype_of(tensor.dtype, where)
    count = element_count(list(tensor.shape), dtype, len(data), where)
    array = np.frombuffer(data, dtype, count) if count else read_only(np.empty(0, dtype))
    return array.reshape(tuple(tensor.shape))


def as_array(value: object, where: str) -> Array:
    """`value` as an array, without a copy if it is one. Takes a Tensor message too."""
    if isinstance(value, ProtoMessage):
        if value.DESCRIPTOR.full_name != TENSOR:
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


def dtype_of(number: int, where: str) -> np.dtype[Any]:
    """The numpy type of a rtmesh.v1.DType; ValueError naming `where` if there is no such number."""
    dtype: np.dtype[Any] | None = DTYPES.get(number)  # type: ignore[call-overload]
    if dtype is None:
        raise ValueError(f"{where}: the Tensor's dtype is {number}, which is no known rtmesh.v1.DType")
    return dtype


def element_count(shape: list[int], dtype: np.dtype[Any], byte_count: int, where: str) -> int:
    """How many elements `shape` has; ValueError naming `where` if they do not take `byte_count`."""
    count = math.prod(shape)
    if count * dtype.itemsize != byte_count:
        raise ValueError(
            f"{where}: shape {tuple(shape)} of {dtype} takes {count * dtype.itemsize} bytes of data, "
            f"the Tensor has {byte_count}"
        )
    return count


def read_only(array: Array) -> Array:
    array.flags.writeable = False
    return array
