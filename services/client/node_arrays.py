"""Arrays as plain values: {"dtype": "float32", "shape": [2, 3], "data": nested lists}, and back."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from rtmesh.common.tensors import DTYPES, Array, as_array, dtype_number, to_array
from rtmesh.v1 import stream_pb2

_BY_NAME = {dtype.name: dtype for dtype in DTYPES.values()}
_KEYS = {"dtype", "shape", "data"}


def array_values(tensor: Any, *, with_data: bool = True) -> dict[str, Any]:
    """A Tensor as plain values; one whose shape and data do not fit as it came, data in base64."""
    try:
        array = to_array(tensor)
    except ValueError:
        data = {"data": base64.b64encode(tensor.data).decode()} if with_data else {}
        return {"dtype": int(tensor.dtype), "shape": [*tensor.shape], **data}
    data = {"data": _nested(array)} if with_data else {}
    return {"dtype": array.dtype.name, "shape": [*array.shape], **data}


def tensor_mapping(value: object) -> dict[str, object]:
    """The fields of a Tensor, for an array, nested lists, or what array_values gives.

    Raises ValueError or TypeError saying why it is no array.
    """
    array = _described(value) if isinstance(value, Mapping) else as_array(value, "is no array")
    if array.dtype.kind in "OUS":
        raise ValueError("is no array of numbers; give nested lists of one shape")
    number = dtype_number(array, "is no array")
    data = array.astype(DTYPES[number], copy=False).tobytes()
    encoded = base64.b64encode(data).decode()
    return {"dtype": stream_pb2.DType.Name(number), "shape": [*array.shape], "data": encoded}


# What JSON has no number for.
_NAMES = ("NaN", "Infinity", "-Infinity")


def shortest(numbers: Any) -> Any:
    """As float64 that print as short as the narrower type does: 0.1, not 0.10000000149011612."""
    return numbers if numbers.dtype.itemsize == 8 else numbers.astype("U32").astype(np.float64)


def finite(value: float) -> float | str:
    """The number, or its name if JSON has no number for it."""
    if math.isfinite(value):
        return float(value)
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _nested(array: Array) -> Any:
    if array.dtype.kind == "c":
        return _nested(np.stack((array.real, array.imag), -1))
    if array.dtype.kind != "f":
        return array.tolist()
    numbers = shortest(array)
    return numbers.tolist() if np.isfinite(array).all() else _finite_all(numbers.tolist())


def _finite_all(value: Any) -> Any:
    return [_finite_all(each) for each in value] if isinstance(value, list) else finite(value)


def _described(value: Mapping[Any, Any]) -> Array:
    """What {"dtype": …, "shape": …, "data": …} stands for; of nested lists, the shape may be left out."""
    if unknown := set(map(str, value)) - _KEYS:
        raise ValueError(f"has no key {min(unknown)!r:.60}; an array has dtype, shape and data")
    dtype, data, shape = _dtype(value.get("dtype")), value.get("data"), value.get("shape")
    if isinstance(data, str) and data not in _NAMES:  # "Infinity" is base64, too
        array: Array = np.frombuffer(base64.b64decode(data, validate=True), dtype)
    else:
        array = _elements([] if data is None else data, dtype)
    return array if shape is None else array.reshape(tuple(shape))


def _elements(data: object, dtype: np.dtype[Any]) -> Array:
    if dtype.kind == "f":
        return np.asarray(data, dtype)  # "NaN" too
    if dtype.kind == "c":
        return _complex(np.asarray(data, np.float64)).astype(dtype)
    # As objects: numpy makes float64 of large integers, and whole numbers of 1.7.
    given = np.asarray(data, object)
    try:
        array = given.astype(dtype)
    except OverflowError:
        array = np.zeros(0, dtype)
    if not np.array_equal(array.astype(object), given):
        raise ValueError(f"has elements that {dtype} cannot hold")
    return array


def _complex(pairs: Array) -> Array:
    if pairs.size == 0:
        return pairs
    if pairs.shape[-1:] != (2,):
        raise ValueError("is complex: give each element as [real, imaginary]")
    return np.ascontiguousarray(pairs).view(np.complex128)[..., 0]


def _dtype(name: object) -> np.dtype[Any]:
    short = str(name).removeprefix("D_TYPE_").lower()
    if short not in _BY_NAME:
        raise ValueError(f"has dtype {name!r:.60}; known: {', '.join(_BY_NAME)}")
    return _BY_NAME[short]
