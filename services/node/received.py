"""A received message: a view on the bytes that it lies in."""

from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import numpy as np
from google.protobuf.message import Message as ProtoMessage

from rtmesh.node import wire
from rtmesh.node.tensors import ArrayPlace
from rtmesh.node.wire import HeaderValues

if TYPE_CHECKING:
    from rtmesh.node.message import MessageType

NO_HEADER = HeaderValues()
_NO_BYTES = memoryview(b"")
_NO_TENSORS: dict[int, list[tuple[int, int]]] = {}
_NO_ARRAYS: dict[str, ArrayPlace] = {}


class Message:
    """A received message. Its fields are attributes; a field whose name is taken here reads as m["name"].

    A Tensor reads as a read-only array, a view on the ring's slot (None if it is not set); repeated
    Tensors as a list of them; any other field as in protobuf. ValueError if a field is malformed.
    """

    # As a message without tensors has it: `_others` has all, and no slot is held.
    _keep: object = None
    _source: memoryview | None = None
    # What the extents below speak of: `_source`, or the same message merged by protobuf.
    _buffer = _NO_BYTES
    _tensors = _NO_TENSORS
    _cuts: Sequence[tuple[int, int]] = ()
    # Where arrays lie, if the message is laid out as the one before it.
    _arrays: Mapping[str, ArrayPlace] = _NO_ARRAYS

    def __init__(self, type_: "MessageType", header: HeaderValues, others: ProtoMessage | None) -> None:
        """`others` is the whole message for a type without tensors, else what is not parsed yet."""
        self._type = type_
        self._header = header
        self._others = others

    @property
    def header(self) -> HeaderValues:
        """The header; zeros for what it does not say."""
        return self._header

    @property
    def fields(self) -> tuple[str, ...]:
        """The names of the fields, without the header."""
        return self._type.layout.field_names

    def proto(self) -> Any:
        """The whole message, header included, as a protobuf message of the caller's own."""
        return self._type.parse(self._serialized())

    def __getitem__(self, name: str) -> Any:
        if name in self._type.other_names:
            return getattr(self._others or self._other_fields(), name)
        field = self._type.layout.tensors.get(name)
        if field is None:
            raise AttributeError(self._type.unknown_field(name))
        views = [field.view(self._buffer, *extent) for extent in self._tensors.get(field.number, ())]
        if field.is_repeated:
            return views
        return views[0] if views else None

    def __getattr__(self, name: str) -> Any:
        # Called only for what is no attribute: to say what there is.
        if name.startswith("__"):  # copy and pickle ask for such before there is anything
            raise AttributeError(name)
        return self[name]

    def __repr__(self) -> str:
        shown = ", ".join([f"{name}={_shown(self[name])}" for name in self.fields])
        return f"{self._type.full_name}({shown})"

    def _serialized(self) -> wire.Buffer:
        """The whole message, header included: as it came, or as protobuf would write it."""
        if self._source is not None:
            return self._source
        return bytes(self._other_fields().SerializeToString())

    def _other_fields(self) -> ProtoMessage:
        """The message without its tensors and without its header, parsed once."""
        if self._others is None:
            self._others = self._type.parse(b"".join(wire.complement(self._buffer, self._cuts)))
        return self._others


class TensorAttribute:
    """A Tensor of a message as an attribute: viewed once, from then on found in the message's own dict."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, message: Message | None, owner: object) -> Any:
        if message is None:
            return self
        name = self._name
        place = message._arrays.get(name)
        if place is None:
            array = message[name]
        else:
            shape, dtype, at = place
            array = np.ndarray(shape, dtype, message._buffer, at)
        message.__dict__[name] = array
        return array


class LateAttribute:
    """A field, no Tensor, of a message that has Tensors: the others are parsed when the first is read."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, message: Message | None, owner: object) -> Any:
        return self if message is None else getattr(message._others or message._other_fields(), self._name)


def message_type(field_names: Iterable[str], tensor_names: Iterable[str]) -> type[Message]:
    """Message with its fields as attributes; without Tensors no Python runs when one is read."""
    attributes: dict[str, object] = {name: TensorAttribute(name) for name in tensor_names}
    of_others = LateAttribute if attributes else _parsed_attribute
    attributes.update({name: of_others(name) for name in field_names})
    free = {name: each for name, each in attributes.items() if not hasattr(Message, name) and name[0] != "_"}
    return type("Message", (Message,), free)


def _parsed_attribute(name: str) -> property:
    return property(attrgetter(f"_others.{name}"))


def _shown(value: object) -> str:
    if isinstance(value, np.ndarray):
        return f"<{value.dtype} {list(value.shape)}>"
    if isinstance(value, list):
        return f"[{', '.join(map(_shown, value))}]"
    return repr(value) if isinstance(value, (str, bytes, int, float)) else str(value).strip() or "{}"
