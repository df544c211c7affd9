"""A received message: a view on the bytes that it lies in."""

from typing import TYPE_CHECKING, Any

import numpy as np
from google.protobuf.message import Message as ProtoMessage

from rtmesh.node import wire
from rtmesh.node.wire import HeaderValues

if TYPE_CHECKING:
    from rtmesh.node.message import MessageType

_NO_HEADER = HeaderValues()
_NO_BYTES = memoryview(b"")


class Message:
    """A received message. Its fields are attributes; a field whose name is taken here reads as m["name"].

    A Tensor reads as a read-only array, a view on the ring's slot (None if it is not set); repeated
    Tensors as a list of them; any other field as in protobuf. ValueError if a field is malformed.
    """

    def __init__(self, type_: "MessageType", buffer: memoryview | None, keep: object) -> None:
        """`buffer` is None for a type without tensors: then `_others` has all, and no slot is held."""
        self._type = type_
        self._keep = keep
        self._source = buffer
        # What the extents below speak of: `_source`, or the same message merged by protobuf.
        self._buffer = _NO_BYTES if buffer is None else buffer
        self._header = _NO_HEADER
        self._tensors: dict[int, list[tuple[int, int]]] = {}
        self._cuts: list[tuple[int, int]] = []
        self._others: ProtoMessage | None = None

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
        field = self._type.layout.tensors.get(name)
        if field is None:
            if name not in self.fields:
                raise AttributeError(self._type.unknown_field(name))
            return getattr(self._other_fields(), name)
        views = [field.view(self._buffer, *extent) for extent in self._tensors.get(field.number, ())]
        if field.is_repeated:
            return views
        return views[0] if views else None

    def __getattr__(self, name: str) -> Any:
        # Called only for what is no attribute yet: each field is read once.
        if name.startswith("__"):  # copy and pickle ask for such before there is anything
            raise AttributeError(name)
        value = self.__dict__[name] = self[name]
        return value

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


def _shown(value: object) -> str:
    if isinstance(value, np.ndarray):
        return f"<{value.dtype} {list(value.shape)}>"
    if isinstance(value, list):
        return f"[{', '.join(map(_shown, value))}]"
    return repr(value) if isinstance(value, (str, bytes, int, float)) else str(value).strip() or "{}"
