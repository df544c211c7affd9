"""Parameters as people write them -> the Configure message of a contract.

Enums are written by name, bytes in base64, maps and messages as mappings. What is not written stays unset.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping
from typing import Any

from google.protobuf import message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from rtmesh.graph.names import did_you_mean
from rtmesh.graph.problems import ParameterError, ParameterProblem

_INTEGER_BITS = {
    FieldDescriptor.CPPTYPE_INT32: (-(1 << 31), (1 << 31) - 1, "int32"),
    FieldDescriptor.CPPTYPE_INT64: (-(1 << 63), (1 << 63) - 1, "int64"),
    FieldDescriptor.CPPTYPE_UINT32: (0, (1 << 32) - 1, "uint32"),
    FieldDescriptor.CPPTYPE_UINT64: (0, (1 << 64) - 1, "uint64"),
}
_FLOATS = {FieldDescriptor.CPPTYPE_FLOAT: "float", FieldDescriptor.CPPTYPE_DOUBLE: "double"}
_LARGEST_FLOAT = 3.4028234663852886e38

_Path = tuple[str, ...]


def build_parameters(descriptor: Descriptor, values: Mapping[str, object]) -> Message:
    """Build the parameters message from plain values (dict, list, str, int, float, bool, None).

    Raises:
        ParameterError: every value that does not fit, with its path and the type it should have.
    """
    builder = _Builder()
    message = message_factory.GetMessageClass(descriptor)()
    builder.fill(message, values, ())
    if builder.problems:
        raise ParameterError(builder.problems)
    return message


def type_name(field: FieldDescriptor) -> str:
    """How a proto spells the type of one value of a field: int32, cursor.v1.Mode, bytes."""
    if field.message_type is not None:
        return str(field.message_type.full_name)
    if field.enum_type is not None:
        return str(field.enum_type.full_name)
    if field.cpp_type in _INTEGER_BITS:
        return _INTEGER_BITS[field.cpp_type][2]
    return _FLOATS.get(field.cpp_type) or {
        FieldDescriptor.TYPE_BOOL: "bool",
        FieldDescriptor.TYPE_BYTES: "bytes",
    }.get(field.type, "string")


class _Misfit(Exception):
    """One value does not fit; caught where its path is known."""

    def __init__(self, text: str, remedy: str = "") -> None:
        super().__init__(text)
        self.remedy = remedy


class _Builder:
    """Fills messages and collects what does not fit."""

    def __init__(self) -> None:
        self.problems: list[ParameterProblem] = []

    def fill(self, message: Message, values: Mapping[str, object], path: _Path) -> None:
        fields = message.DESCRIPTOR.fields_by_name
        for name, value in values.items():
            field = fields.get(name)
            if field is None:
                text = f"{message.DESCRIPTOR.full_name} has no field {name!r:.60}"
                self._add((*path, name), text, did_you_mean(name, fields))
            elif value is None:
                self._add(
                    (*path, name), f"is nothing; expected {_expected(field)}", "remove it, or give it a value"
                )
            elif self._is_only_choice(message, field, (*path, name)):
                self._set(message, field, value, (*path, name))

    def _set(self, message: Message, field: FieldDescriptor, value: object, path: _Path) -> None:
        if field.is_repeated and _is_map(field):
            self._set_map(getattr(message, field.name), field, value, path)
        elif field.is_repeated:
            self._set_list(getattr(message, field.name), field, value, path)
        elif field.message_type is not None:
            inner = getattr(message, field.name)
            inner.SetInParent()
            self._fill_message(inner, field, value, path)
        else:
            scalar = self._scalar(field, value, path)
            if scalar is not None:
                setattr(message, field.name, scalar)

    def _set_list(self, target: Any, field: FieldDescriptor, value: object, path: _Path) -> None:
        if not isinstance(value, list | tuple):
            self._add(path, f"is {_shown(value)}; expected {_expected(field)}")
            return
        for place, item in enumerate(value):
            inner_path = (*path, f"[{place}]")
            if field.message_type is not None:
                self._fill_message(target.add(), field, item, inner_path)
            elif (scalar := self._scalar(field, item, inner_path)) is not None:
                target.append(scalar)

    def _set_map(self, target: Any, field: FieldDescriptor, value: object, path: _Path) -> None:
        if not isinstance(value, Mapping):
            self._add(path, f"is {_shown(value)}; expected {_expected(field)}")
            return
        keys, values = (field.message_type.fields_by_name[name] for name in ("key", "value"))
        for text, item in value.items():
            inner_path = (*path, str(text))
            key = self._scalar(keys, _map_key(keys, str(text)), inner_path)
            if key is None:
                continue
            if values.message_type is not None:
                self._fill_message(target[key], values, item, inner_path)
            elif (scalar := self._scalar(values, item, inner_path)) is not None:
                target[key] = scalar

    def _fill_message(self, message: Message, field: FieldDescriptor, value: object, path: _Path) -> None:
        if isinstance(value, Mapping):
            self.fill(message, value, path)
        else:
            self._add(path, f"is {_shown(value)}; expected a mapping ({type_name(field)})")

    def _scalar(self, field: FieldDescriptor, value: object, path: _Path) -> Any:
        try:
            return _convert(field, value)
        except _Misfit as misfit:
            return self._add(path, str(misfit), misfit.remedy)

    def _is_only_choice(self, message: Message, field: FieldDescriptor, path: _Path) -> bool:
        """Whether no other member of the field's oneof was given before."""
        oneof = field.containing_oneof
        other = message.WhichOneof(oneof.name) if oneof is not None else None
        if other in (None, field.name):
            return True
        self._add(path, f"excludes {other}, which is also given", "give one of them")
        return False

    def _add(self, path: _Path, text: str, remedy: str = "") -> None:
        self.problems.append(ParameterProblem(path, text, remedy))


def _convert(field: FieldDescriptor, value: object) -> object:
    """One scalar value as the field takes it; _Misfit says why it does not."""
    if field.cpp_type in _INTEGER_BITS:
        return _integer(field, value)
    if field.cpp_type in _FLOATS:
        return _float(field, value)
    if field.enum_type is not None:
        return _enum(field, value)
    if field.type == FieldDescriptor.TYPE_BOOL and isinstance(value, bool):
        return value
    if field.type == FieldDescriptor.TYPE_STRING and isinstance(value, str):
        return _storable(value)
    if field.type == FieldDescriptor.TYPE_BYTES and isinstance(value, str):
        return _base64(value)
    remedy = "put it in quotes" if field.type == FieldDescriptor.TYPE_STRING and _is_plain(value) else ""
    raise _Misfit(f"is {_shown(value)}; expected {type_name(field)}", remedy)


def _integer(field: FieldDescriptor, value: object) -> int:
    lowest, highest, name = _INTEGER_BITS[field.cpp_type]
    if not isinstance(value, int) or isinstance(value, bool):
        raise _Misfit(f"is {_shown(value)}; expected {name}")
    if not lowest <= value <= highest:
        raise _Misfit(f"is {_shown(value)}; out of range for {name}", f"choose from {lowest} to {highest}")
    return value


def _float(field: FieldDescriptor, value: object) -> float:
    name = _FLOATS[field.cpp_type]
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise _Misfit(f"is {_shown(value)}; expected {name}")
    try:
        number = float(value)
    except OverflowError as error:
        raise _Misfit(f"is out of range for {name}") from error
    if name == "float" and math.isfinite(number) and abs(number) > _LARGEST_FLOAT:
        raise _Misfit(f"is {value}; out of range for float", "declare it double, or choose a smaller number")
    return number


def _enum(field: FieldDescriptor, value: object) -> int:
    names = field.enum_type.values_by_name
    if isinstance(value, str) and value in names:
        return int(names[value].number)
    remedy = did_you_mean(value, names) if isinstance(value, str) else f"known: {', '.join(names)}"
    raise _Misfit(f"is {_shown(value)}; expected a name of {field.enum_type.full_name}", remedy)


def _storable(value: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise _Misfit("has a character that no string can hold") from error
    return value


def _base64(value: str) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except ValueError as error:
        raise _Misfit(f"is {_shown(value)}; expected bytes", "write them in base64") from error


def _map_key(field: FieldDescriptor, text: str) -> object:
    """A YAML key, which is always text, as a value of the map's key type."""
    if field.type == FieldDescriptor.TYPE_BOOL:
        return {"true": True, "false": False}.get(text, text)
    if field.cpp_type in _INTEGER_BITS and len(text) <= 20:
        return int(text) if text.lstrip("-").isdecimal() and text.count("-") <= 1 else text
    return text


def _is_map(field: FieldDescriptor) -> bool:
    return field.message_type is not None and bool(field.message_type.GetOptions().map_entry)


def _is_plain(value: object) -> bool:
    return isinstance(value, int | float)


def _expected(field: FieldDescriptor) -> str:
    if _is_map(field):
        return "a mapping"
    name = type_name(field)
    return f"a list of {name}" if field.is_repeated else name


def _shown(value: object) -> str:
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    if value is None:
        return "nothing"
    if isinstance(value, int) and abs(value) >= 1 << 80:
        return "a very large number"
    kind = {str: "the text", bool: "the bool"}.get(type(value), "the number")
    shown = str(value).lower() if isinstance(value, bool) else f"{value!r:.60}"
    return f"{kind} {shown}"
