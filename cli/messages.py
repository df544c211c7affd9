"""Messages as people and programs read them: blocks of text, or a JSON object a line."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rtmesh.common.errors import NotFoundError

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor, FieldDescriptor

_HEADER = "rtmesh.v1.Header"
_FEW = 8
_LONG_TEXT = 200
_INDENT = "  "


@dataclass(frozen=True)
class Look:
    """How messages are shown.

    Args:
        fields: show these alone; none: all of them.
        has_arrays: False leaves out what is in arrays, not their type and shape.
        is_full: show every element and every character.
    """

    fields: tuple[str, ...] = ()
    has_arrays: bool = True
    is_full: bool = False

    def check(self, message: Descriptor) -> None:
        """Raises NotFoundError for a field that messages of this type do not have."""
        from rtmesh.graph.names import did_you_mean

        for name in self.fields:
            if name not in message.fields_by_name:
                known = [field.name for field in message.fields]
                raise NotFoundError(
                    f"{message.full_name} has no field {name!r:.60}", did_you_mean(name, known)
                )

    def shows(self, name: str) -> bool:
        return not self.fields or name in self.fields


def json_line(message: Any, look: Look | None = None) -> str:
    """One JSON object, whatever is in the message: see rtmesh.client.node_values."""
    from rtmesh.client.node_values import values_of

    look = look or Look()
    values = values_of(message, with_data=look.has_arrays)
    return to_json({name: values[name] for name in look.fields} if look.fields else values)


def to_json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def text_block(message: Any, look: Look, now_ns: int) -> str:
    """A stream message: a line of its header, then its fields."""
    return "\n".join([_header_line(message.header, now_ns), *text_lines(message, look, _INDENT)])


def text_lines(message: Any, look: Look | None = None, indent: str = "") -> list[str]:
    """A line for each field that is set; those of a message within follow it, further in."""
    look = look or Look()
    return list(_lines(message, look, indent, is_top=True))


def scalar_text(field: FieldDescriptor, value: Any, look: Look) -> str:
    """One value of a field that is no message."""
    from rtmesh.client.node_values import scalar_of

    if field.type == field.TYPE_BYTES:
        shown = value if look.is_full else value[: 2 * _FEW]
        return f"bytes[{len(value)}] {shown.hex(' ')}{'' if len(shown) == len(value) else ' …'}".rstrip()
    plain = scalar_of(field, value)
    if field.type != field.TYPE_STRING:
        return str(plain).lower() if isinstance(plain, bool) else str(plain)
    if len(plain) > _LONG_TEXT and not look.is_full:
        return f"{json.dumps(plain[:_LONG_TEXT], ensure_ascii=False)} … {len(plain)} characters"
    # Quoted, because a message may hold what a terminal obeys.
    return json.dumps(plain, ensure_ascii=False)


def age_text(age_ns: int) -> str:
    """0.83 ms; a question mark where this computer's clock is not that of the mesh."""
    if not 0 <= age_ns < 3_600_000_000_000:
        return "?"
    return f"{age_ns / 1e6:.2f} ms" if age_ns < 1_000_000_000 else f"{age_ns / 1e9:.2f} s"


def _header_line(header: Any, now_ns: int) -> str:
    age = age_text(now_ns - header.publish_time_ns)
    return f"#{header.sequence}  epoch {header.epoch}  age {age}"


def _lines(message: Any, look: Look, indent: str, *, is_top: bool = False) -> Iterator[str]:
    for field in message.DESCRIPTOR.fields:
        if is_top and not look.shows(field.name) or _is_header(field):
            continue
        value = getattr(message, field.name)
        if field.is_repeated:
            yield from _repeated_lines(field, value, look, indent)
        elif not field.has_presence or message.HasField(field.name):
            yield from _single_lines(field, field.name, value, look, indent)


def _is_header(field: FieldDescriptor) -> bool:
    return field.message_type is not None and field.message_type.full_name == _HEADER


def _repeated_lines(field: FieldDescriptor, value: Any, look: Look, indent: str) -> Iterator[str]:
    from rtmesh.client.node_values import is_map

    if is_map(field):
        yield f"{indent}{field.name}:{'' if value else ' {}'}"
        item = field.message_type.fields_by_name["value"]
        for key in sorted(value):
            yield from _single_lines(item, str(key), value[key], look, indent + _INDENT)
    elif field.message_type is None:
        yield f"{indent}{field.name}: [{_few([scalar_text(field, each, look) for each in value], look)}]"
    else:
        yield from [] if value else [f"{indent}{field.name}: []"]
        for place, each in enumerate(value):
            yield from _single_lines(field, f"{field.name}[{place}]", each, look, indent)


def _single_lines(field: FieldDescriptor, name: str, value: Any, look: Look, indent: str) -> Iterator[str]:
    from rtmesh.client.node_values import is_tensor

    if field.message_type is None:
        yield f"{indent}{name}: {scalar_text(field, value, look)}"
    elif is_tensor(field.message_type):
        yield f"{indent}{name}: {_array_text(value, look, indent)}"
    else:
        yield f"{indent}{name}:"
        yield from _lines(value, look, indent + _INDENT)


def _few(texts: Sequence[str], look: Look) -> str:
    if look.is_full or len(texts) <= _FEW:
        return ", ".join(texts)
    return f"{', '.join(texts[:_FEW])}, … {len(texts)} in all"


def _array_text(tensor: Any, look: Look, indent: str) -> str:
    """float32[2, 100] 1.5 2 3 … (0 to 31): type and shape, the first values, the range of all."""
    from rtmesh.common.tensors import to_array

    try:
        array = to_array(tensor)
    except ValueError as error:
        return f"no array ({error})"
    head = f"{array.dtype.name}{list(array.shape)}"
    if not look.has_arrays or array.size == 0:
        return head
    return f"{head}{_whole_text(array, indent) if look.is_full else _start_text(array)}"


def _start_text(array: Any) -> str:
    first = " ".join(_number(value) for value in array.ravel()[:_FEW].tolist())
    if array.size <= _FEW:
        return f" {first}"
    if array.dtype.kind not in "iuf":
        return f" {first} …"
    return f" {first} … ({_number(array.min().item())} to {_number(array.max().item())})"


def _whole_text(array: Any, indent: str) -> str:
    import numpy as np

    text = np.array2string(array, threshold=array.size + 1, max_line_width=100, separator=" ")
    return "".join(f"\n{indent}{_INDENT}{line}" for line in text.splitlines())


def _number(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value).lower()
