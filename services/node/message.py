"""The types of stream messages: encoded straight into a ring's slot, decoded as views on it."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import DecodeError, EncodeError
from google.protobuf.message import Message as ProtoMessage
from google.protobuf.message_factory import GetMessageClass

from rtmesh.node import wire
from rtmesh.node.encoded import Encoded
from rtmesh.node.received import Message
from rtmesh.node.tensors import Piece, TensorField
from rtmesh.node.wire import BYTES, HEADER_FIELD, HEADER_SIZE, Buffer
from rtmesh.v1 import stream_pb2

__all__ = ["Encoded", "Message", "MessageType"]

_HEADER_TYPE = stream_pb2.Header.DESCRIPTOR.full_name
_TENSOR_TYPE = stream_pb2.Tensor.DESCRIPTOR.full_name


class MessageType:
    """Encodes and decodes one type of stream message: what can be known beforehand is found here, once."""

    def __init__(self, descriptor: Descriptor) -> None:
        """Raises ValueError if the type does not begin with `rtmesh.v1.Header header = 1`."""
        header = descriptor.fields_by_name.get("header")
        if header is None or header.number != HEADER_FIELD or not _is_message(header, _HEADER_TYPE):
            raise ValueError(f"{descriptor.full_name} is no stream message: add `{_HEADER_TYPE} header = 1;`")
        self.descriptor = descriptor
        self.full_name: str = descriptor.full_name
        self.message_class: type[ProtoMessage] = GetMessageClass(descriptor)
        self.names = frozenset(field.name for field in descriptor.fields)
        self.field_names = tuple(field.name for field in descriptor.fields if field is not header)
        self.tensors = _tensor_fields(descriptor)
        self._by_number = {field.number: field for field in self.tensors.values()}
        self._set_apart = frozenset((*self.tensors, "header"))
        self._choices = _choices_with_tensors(descriptor, self.tensors)
        self._watched = _watched(descriptor, self.tensors, self._choices)

    def encode(self, fields: Mapping[str, object] | ProtoMessage | Message | None = None) -> Encoded:
        """Make ready what `fields` says: by name, or a whole message of this type. A header in it is dropped.

        A Tensor takes any array-like; so does a repeated number. None leaves a field unset. Raises
        TypeError or ValueError naming the field and the message type.
        """
        if fields is None:
            return Encoded(b"", [])
        if isinstance(fields, Message):
            return self._encode_whole(fields._source, fields._type.full_name)
        if isinstance(fields, ProtoMessage):
            return self._encode_whole(_serialized(fields), fields.DESCRIPTOR.full_name)
        if self._choices:
            self._check_choices(fields)
        rest = {name: _plain(value) for name, value in fields.items() if name not in self._set_apart}
        pieces: list[Piece] = []
        for name, field in self.tensors.items():
            value = fields.get(name)
            if value is not None:
                pieces += field.pieces(value)
        return Encoded(self._encode_fields(rest) if rest else b"", pieces)

    def decode(self, buffer: Any, keep: object = None) -> Message:
        """The message in `buffer`, which it keeps alive, and `keep` with it.

        Raises ValueError if it is malformed; what lies deeper is found when the field is read.
        """
        message = Message(self, memoryview(buffer).toreadonly(), keep)
        if self.tensors:
            self._find_fields(message)
        else:
            message._rest = rest = self.parse(message._buffer)
            message._header = wire.header_values(rest.header)  # type: ignore[attr-defined]
        return message

    def parse(self, buffer: Buffer) -> ProtoMessage:
        """The protobuf message in `buffer`; ValueError if it is malformed."""
        try:
            return self.message_class.FromString(bytes(buffer))
        except DecodeError as error:
            raise ValueError(f"malformed {self.full_name}: {error}") from None

    def _find_fields(self, message: Message) -> None:
        """Find the header and the tensors in one pass over the top-level fields."""
        seen: set[object] = set()
        header = message._header = wire.written_header(message._buffer)
        if header is not None:
            seen.add(HEADER_FIELD)
            message._cuts.append((0, HEADER_SIZE))
        watched, by_number = self._watched, self._by_number
        for number, wire_type, start, payload, end in wire.scan(
            message._buffer, HEADER_SIZE if header else 0
        ):
            if number in watched and wire_type == BYTES:
                if watched[number] in seen:
                    return self._find_in_merged(message)
                seen.add(watched[number])
            if wire_type != BYTES:
                continue
            if number in by_number:
                message._tensors.setdefault(number, []).append((payload, end))
                message._cuts.append((start, end))
            elif number == HEADER_FIELD:
                message._header_at = (payload, end)
                message._cuts.append((start, end))
        return None

    def _find_in_merged(self, message: Message) -> None:
        """Some singular field is given twice, which is rare: let protobuf merge, and begin again with that."""
        merged = self.parse(message._source)
        merged.DiscardUnknownFields()  # type: ignore[attr-defined]  # so that nothing is left to be found twice
        message._buffer = memoryview(merged.SerializeToString())
        message._tensors, message._cuts = {}, []
        self._find_fields(message)

    def _encode_whole(self, serialized: Buffer, full_name: str) -> Encoded:
        if full_name != self.full_name:
            raise TypeError(f"a {self.full_name} is needed, not a {full_name}")
        rest = b"".join(wire.without_header(serialized))
        return Encoded(rest, [], self._first_data(rest))

    def _first_data(self, rest: bytes) -> int:
        """Offset of the first tensor's data in a message whose fields after the header are `rest`."""
        for number, wire_type, _, payload, end in wire.scan(rest) if self.tensors else ():
            if number in self._by_number and wire_type == BYTES:
                for inner, inner_type, _, data, data_end in wire.scan(rest, payload, end):
                    if inner == 3 and inner_type == BYTES and data < data_end:
                        return HEADER_SIZE + data
        return 0

    def _encode_fields(self, fields: dict[str, Any]) -> bytes:
        try:
            return _serialized(self.message_class(**fields))
        except (TypeError, ValueError, AttributeError) as error:
            raise self._explained(fields, error) from None

    def _explained(self, fields: dict[str, Any], error: Exception) -> Exception:
        """The same error, naming the field that it came from."""
        for name, value in fields.items():
            if name not in self.names:
                return TypeError(
                    f"{self.full_name} has no field {name!r}; it has {', '.join(self.field_names)}"
                )
            try:
                self.message_class(**{name: value})
            except (TypeError, AttributeError) as cause:
                return TypeError(f"{self.full_name}.{name}: {cause}")
            except ValueError as cause:
                return ValueError(f"{self.full_name}.{name}: {cause}")
        return ValueError(f"{self.full_name}: {error}")

    def _check_choices(self, fields: Mapping[str, object]) -> None:
        for choice in self._choices:
            given = [name for name in choice if fields.get(name) is not None]
            if len(given) > 1:
                raise ValueError(
                    f"{self.full_name}: of {', '.join(choice)} one at most; given {', '.join(given)}"
                )


def _tensor_fields(descriptor: Descriptor) -> dict[str, TensorField]:
    """The fields of type Tensor by name, in the order of their numbers."""
    fields = sorted(descriptor.fields, key=lambda field: field.number)
    return {
        field.name: TensorField(
            f"{descriptor.full_name}.{field.name}", field.name, field.number, field.is_repeated
        )
        for field in fields
        if _is_message(field, _TENSOR_TYPE)
    }


def _is_message(field: FieldDescriptor, full_name: str) -> bool:
    """Also false for a group (DELIMITED), whose bytes have no length in front."""
    return field.type == FieldDescriptor.TYPE_MESSAGE and field.message_type.full_name == full_name


def _choices_with_tensors(descriptor: Descriptor, tensors: Mapping[str, object]) -> list[list[str]]:
    """The oneofs of several fields, some of them Tensors."""
    choices = [[field.name for field in oneof.fields] for oneof in descriptor.oneofs]
    return [names for names in choices if len(names) > 1 and any(name in tensors for name in names)]


def _watched(descriptor: Descriptor, tensors: Mapping[str, TensorField], choices: list[list[str]]) -> dict:
    """Field number -> what may be found only once: a header, a singular tensor, a member of a oneof."""
    watched: dict[int, object] = {
        field.number: field.number for field in tensors.values() if not field.is_repeated
    }
    for choice in choices:
        watched.update({descriptor.fields_by_name[name].number: choice[0] for name in choice})
    return {HEADER_FIELD: HEADER_FIELD, **watched}


def _serialized(message: ProtoMessage) -> bytes:
    try:
        return message.SerializeToString()
    except EncodeError as error:
        raise ValueError(str(error)) from None


def _plain(value: object) -> object:
    """numpy's numbers and arrays as Python's: what protobuf takes, and faster than item by item."""
    return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value
