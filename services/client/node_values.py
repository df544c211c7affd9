"""Messages as plain values (dict, list, str, numbers), and back: what values_of gives, message_of takes.

An unset field is None, an enum its name, bytes base64, what is no finite number "NaN" or "Infinity", as
in protobuf's JSON; fields keep their names, and integers are numbers. An array is
{"dtype": "float32", "shape": [2, 3], "data": nested lists}, a complex number a pair; message_of also takes
a numpy array, nested lists alone, or data in base64.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from rtmesh.client.node_arrays import array_values, finite, shortest, tensor_mapping
from rtmesh.common.tensors import TENSOR
from rtmesh.graph.parameters import build_parameters
from rtmesh.graph.problems import GraphError, ParameterError, ParameterProblem

_NOT_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_FLOATS = (FieldDescriptor.CPPTYPE_FLOAT, FieldDescriptor.CPPTYPE_DOUBLE)


def message_of(descriptor: Descriptor, values: Mapping[str, object], where: str = "") -> Message:
    """Make a message of plain values.

    Args:
        where: what an error names before the field.
    Raises:
        GraphError: every value that does not fit, with its path and the type it should have.
    """
    problems: list[ParameterProblem] = []
    prepared = _prepared(descriptor, values, (), problems)
    try:
        message = build_parameters(descriptor, prepared)
    except ParameterError as error:
        problems += error.parameters
    if problems:
        raise GraphError([problem.at(where, "") for problem in problems])
    return message


def values_of(message: Any, *, with_data: bool = True) -> dict[str, Any]:
    """The plain values of every field of a message.

    Args:
        with_data: False leaves out the data of arrays; dtype and shape stay.
    """
    return {field.name: _value_of(message, field, with_data) for field in message.DESCRIPTOR.fields}


def is_tensor(descriptor: Descriptor | None) -> bool:
    return descriptor is not None and descriptor.full_name == TENSOR


def is_map(field: FieldDescriptor) -> bool:
    return field.message_type is not None and bool(field.message_type.GetOptions().map_entry)


def scalar_of(field: FieldDescriptor, value: Any) -> Any:
    """One value of a field that is no message, as plain as JSON."""
    if field.enum_type is not None:
        known = field.enum_type.values_by_number.get(value)
        return known.name if known is not None else value
    if field.type == FieldDescriptor.TYPE_BYTES:
        return base64.b64encode(value).decode()
    if field.cpp_type == FieldDescriptor.CPPTYPE_FLOAT:
        return finite(shortest(np.float32(value)))
    return finite(value) if field.cpp_type == FieldDescriptor.CPPTYPE_DOUBLE else value


def _value_of(message: Any, field: FieldDescriptor, with_data: bool) -> Any:
    value = getattr(message, field.name)
    if field.is_repeated and is_map(field):
        item = field.message_type.fields_by_name["value"]
        return {_key(key): _single(item, value[key], with_data) for key in sorted(value)}
    if field.is_repeated:
        return [_single(field, each, with_data) for each in value]
    if field.has_presence and not message.HasField(field.name):
        return None
    return _single(field, value, with_data)


def _single(field: FieldDescriptor, value: Any, with_data: bool) -> Any:
    if field.message_type is None:
        return scalar_of(field, value)
    if is_tensor(field.message_type):
        return array_values(value, with_data=with_data)
    return values_of(value, with_data=with_data)


def _key(key: object) -> str:
    return str(key).lower() if isinstance(key, bool) else str(key)


def _prepared(
    descriptor: Descriptor, values: Mapping[str, object], path: tuple[str, ...], problems: list[Any]
) -> dict[str, object]:
    """What build_parameters takes: no None, arrays as mappings; what is wrong with an array is noted."""
    return dict(_prepared_items(descriptor, values, path, problems))


def _prepared_items(
    descriptor: Descriptor, values: Mapping[str, object], path: tuple[str, ...], problems: list[Any]
) -> Iterator[tuple[str, object]]:
    for name, value in values.items():
        field = descriptor.fields_by_name.get(name)
        if value is None and field is not None:
            continue  # unset

        def one(item: FieldDescriptor, value: object, *inner: str, name: str = name) -> object:
            return _prepared_one(item, value, (*path, name, *inner), problems)

        yield name, value if field is None else _prepared_value(field, value, one)


def _prepared_value(field: FieldDescriptor, value: object, one: Callable[..., object]) -> object:
    if is_map(field) and isinstance(value, Mapping):
        item = field.message_type.fields_by_name["value"]
        return {str(key): one(item, each, str(key)) for key, each in value.items()}
    if field.is_repeated and isinstance(value, list | tuple | np.ndarray):
        return [one(field, each, f"[{place}]") for place, each in enumerate(value)]
    return one(field, value)


def _prepared_one(
    field: FieldDescriptor, value: object, path: tuple[str, ...], problems: list[Any]
) -> object:
    if isinstance(value, np.generic) and not is_tensor(field.message_type):
        value = value.item()
    if field.cpp_type in _FLOATS and isinstance(value, str):
        return _NOT_FINITE.get(value, value)
    if field.type == FieldDescriptor.TYPE_BYTES and isinstance(value, bytes | bytearray | memoryview):
        return base64.b64encode(value).decode()
    if field.message_type is None:
        return value
    if is_tensor(field.message_type):
        try:
            return tensor_mapping(value)
        except (TypeError, ValueError) as error:
            problems.append(ParameterProblem(path, str(error)))
            return {}
    if isinstance(value, Message):
        value = values_of(value)
    return _prepared(field.message_type, value, path, problems) if isinstance(value, Mapping) else value
