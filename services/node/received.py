"""A received message: a view on the bytes that it lies in."""

from collections.abc import Iterable
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from google.protobuf.message import Message as ProtoMessage

from rtmesh.node import wire
from rtmesh.node._wire import LateAttribute, Received, TensorAttribute, use_array_type
from rtmesh.node.places import Places
from rtmesh.node.wire import HeaderValues

if TYPE_CHECKING:
    from rtmesh.node.message import MessageType

NO_HEADER = HeaderValues()

use_array_type(np.ndarray)


class Message(Received):
    """A received message. Its fields are attributes; a field whose name is taken here reads as m["name"].

    A Tensor reads as a read-only array, a view on the ring's slot (None if it is not set); repeated
    Tensors as a list of them; any other field as in protobuf. ValueError if a field is malformed.
    """

    _type: "MessageType"
    _places: Places  # of a message with Tensors

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
        buffer = self._buffer
        views = [field.view(buffer, *extent) for extent in self._places.tensors.get(field.number, ())]
        if field.is_repeated:
            return views
        return views[0] if views else None

    def __getattr__(self, name: str) -> Any:
        # Called only for what is no attribute: to say what there is.
        if name.startswith("__"):  # copy and pickle ask for such before there is anything
            raise AttributeError(name)
        return self[name]

    def __copy__(self) -> Self:
        """Another message on the same bytes, with attributes of its own."""
        found_in = None if self._source is None else self._buffer
        places = (self._others, self._places, self._source, found_in, self._keep)
        copied = type(self)(self._type, self.header, *places)
        vars(copied).update(vars(self))
        return copied

    def __repr__(self) -> str:
        shown = ", ".join([f"{name}={_shown(self[name])}" for name in self.fields])
        return f"{self._type.full_name}({shown})"

    def _serialized(self) -> wire.Buffer:
        """The whole message, header included: as it came, or as protobuf would write it."""
        if self._source is not None:
            return memoryview(self._source)
        return bytes(self._other_fields().SerializeToString())

    def _other_fields(self) -> ProtoMessage:
        """The message without its tensors and without its header, parsed once."""
        if self._others is None:
            self._others = self._type.parse(b"".join(wire.complement(self._buffer, self._places.cuts)))
        return self._others


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
