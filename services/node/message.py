"""The types of stream messages: encoded straight into a ring's slot, decoded as views on it."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from google.protobuf.descriptor import Descriptor
from google.protobuf.message import DecodeError, EncodeError
from google.protobuf.message import Message as ProtoMessage
from google.protobuf.message_factory import GetMessageClass

from rtmesh.node import tensors, wire
from rtmesh.node._wire import Decoder, Encoder
from rtmesh.node.encoded import Encoded, Ready
from rtmesh.node.layout import MessageLayout
from rtmesh.node.places import Places
from rtmesh.node.received import NO_HEADER, Message, message_type
from rtmesh.node.wire import BYTES, HEADER_FIELD, HEADER_SIZE, Buffer, HeaderValues

# What protobuf takes as it is; numpy's types are made of these first.
_PLAIN_TYPES = frozenset({int, float, bool, str, bytes, list, tuple, dict, type(None)})

__all__ = ["Encoded", "Message", "MessageType"]


class MessageType(Decoder):
    """Encodes and decodes one type of stream message."""

    def __init__(self, descriptor: Descriptor) -> None:
        """Raises ValueError if the type has no `rtmesh.v1.Header header = 1`."""
        self.descriptor = descriptor
        self.full_name: str = descriptor.full_name
        self.message_class: type[ProtoMessage] = GetMessageClass(descriptor)
        self.layout = MessageLayout(descriptor)
        self.other_names = frozenset(self.layout.field_names) - self.layout.set_apart
        received = message_type(self.other_names, self.layout.tensors)
        super().__init__(received, self.message_class.FromString, bool(self.layout.tensors))
        self.quick: Callable[[dict[str, Any]], Ready | None] = self._encoder()
        """Makes fields by name ready to be sent; None if encode_slowly() must, or tells what is wrong."""

    def encode(self, fields: Mapping[str, object] | ProtoMessage | Message | None = None) -> Encoded:
        """Make ready what `fields` says: by name, or a whole message of this type. A header in it is dropped.

        A Tensor takes any array-like; so does a repeated number. None leaves a field unset. Raises
        TypeError or ValueError naming the field and the message type.
        """
        if fields is None:
            return Encoded((), 0)
        if isinstance(fields, Message):
            return self._encode_whole(fields._serialized(), fields._type.full_name)
        if isinstance(fields, ProtoMessage):
            return self._encode_whole(_serialized(fields), fields.DESCRIPTOR.full_name)
        return self.encode_fields(fields)

    def encode_fields(self, fields: Mapping[str, object]) -> Encoded:
        """encode() of fields by name."""
        ready = self.quick(dict(fields))
        if ready is None:
            return self.encode_slowly(fields)
        rest, length, align_at = ready
        return Encoded(rest, length - HEADER_SIZE, align_at)

    def encode_slowly(self, fields: Mapping[str, object]) -> Encoded:
        """The same where `quick` gives None: whatever the fields are; the error names what is wrong."""
        layout = self.layout
        if layout.choices:
            self._check_choices(fields)
        if not layout.tensors:
            rest = self._encode_others(fields)
            return Encoded((rest,), len(rest))
        others = dict(fields)
        pieces: list[tensors.Piece] = []
        for name, field in layout.tensors.items():
            if (value := others.pop(name, None)) is not None:
                pieces += field.pieces(value)
        return _with_pieces(self._encode_others(others) if others else b"", pieces)

    def parse(self, buffer: Buffer) -> ProtoMessage:
        """The protobuf message in `buffer`; ValueError if it is malformed."""
        try:
            return self.message_class.FromString(bytes(buffer))
        except DecodeError as error:
            raise ValueError(f"malformed {self.full_name}: {error}") from None

    def unknown_field(self, name: str) -> str:
        """What is to be said of a field that the type does not have."""
        names = ", ".join(self.layout.field_names) or "none"
        return f"{self.full_name} has no field {name!r}; it has {names}"

    def _encoder(self) -> Callable[[dict[str, Any]], Ready | None]:
        """Which of a choice are given, and whether all that is required, is looked at in Python."""
        layout = self.layout
        if layout.choices or layout.has_required:
            return lambda fields: None
        return Encoder(self.message_class, self.other_names, layout.scalars, layout.tensors).encode

    def _decode_slowly(self, buffer: Any, keep: object) -> Message:
        """decode() of what is not laid out as the message before it, or is malformed: C tries that first."""
        if not self.layout.tensors:
            return self._decode_whole(bytes(buffer))
        view = memoryview(buffer)
        view = view if view.readonly else view.toreadonly()
        header, places, found_in = self._find_fields(view)
        self._remember(places if places.template is not None else None)
        return self._received(self, header, None, places, view, found_in, keep)

    def _decode_whole(self, data: bytes) -> Message:
        others = self.parse(data)
        # Of a header that stands there twice only protobuf knows the sum.
        header = wire.sole_header(data) or wire.header_values(others.header)  # type: ignore[attr-defined]
        return self._received(self, header, others)

    def _find_fields(self, buffer: memoryview) -> tuple[HeaderValues, Places, memoryview]:
        """Find the header and the tensors in one pass over the top-level fields; and say in which buffer."""
        written = wire.written_header(buffer)
        header = written or NO_HEADER
        begin = HEADER_SIZE if written else 0
        cuts = [(0, begin)]
        found: dict[int, list[tuple[int, int]]] = {}
        seen: set[object] = {"header"} if written else set()
        singular, numbers = self.layout.singular, self.layout.tensor_numbers
        for number, wire_type, start, payload, end in wire.scan(buffer, begin):
            if number in singular:
                if singular[number] in seen:
                    return self._find_in_merged(buffer)
                seen.add(singular[number])
            if wire_type == BYTES and number in numbers:
                found.setdefault(number, []).append((payload, end))
                cuts.append((start, end))
            elif wire_type == BYTES and number == HEADER_FIELD:
                header = wire.parse_header(buffer[payload:end])
                cuts.append((start, end))
        if written is None:
            return header, Places(found, cuts, {}, None), buffer
        return header, Places.of(buffer, cuts, found, self.layout), buffer

    def _find_in_merged(self, buffer: memoryview) -> tuple[HeaderValues, Places, memoryview]:
        """Something singular stands there twice, which is rare: let protobuf merge, and begin again."""
        merged = self.parse(buffer)
        merged.DiscardUnknownFields()  # type: ignore[attr-defined]  # nothing stays that is found twice
        return self._find_fields(memoryview(merged.SerializeToString()))

    def _encode_others(self, fields: Mapping[str, Any]) -> bytes:
        """The fields that are neither the header nor a Tensor."""
        if not _PLAIN_TYPES.issuperset(map(type, fields.values())) or not self.other_names.issuperset(fields):
            set_apart = self.layout.set_apart
            fields = {name: _plain(value) for name, value in fields.items() if name not in set_apart}
        return self._serialize(fields)

    def _encode_whole(self, serialized: Buffer, full_name: str) -> Encoded:
        if full_name != self.full_name:
            raise TypeError(f"a {self.full_name} is needed, not a {full_name}")
        others = b"".join(wire.without_header(serialized))
        return Encoded((others,), len(others), self._first_data(others))

    def _first_data(self, others: bytes) -> int:
        """Offset of the first tensor's data in a message whose fields after the header are `others`."""
        for number, wire_type, _, payload, end in wire.scan(others) if self.layout.tensors else ():
            if number in self.layout.tensor_numbers and wire_type == BYTES:
                data, data_end = tensors.data_extent(others, payload, end)
                if data < data_end:
                    return HEADER_SIZE + data
        return 0

    def _serialize(self, fields: Mapping[str, Any]) -> bytes:
        try:
            return self.message_class(**fields).SerializeToString()
        except EncodeError as error:
            raise ValueError(str(error)) from None
        except (TypeError, ValueError, AttributeError, OverflowError) as error:
            raise self._explained(fields, error) from None

    def _explained(self, fields: Mapping[str, Any], error: Exception) -> Exception:
        """The same error, naming the field that it came from."""
        for name, value in fields.items():
            if name not in self.layout.field_names:
                return TypeError(self.unknown_field(name))
            try:
                self.message_class(**{name: value})
            except (TypeError, AttributeError) as cause:
                return TypeError(f"{self.full_name}.{name}: {cause}")
            except (ValueError, OverflowError) as cause:
                return ValueError(f"{self.full_name}.{name}: {cause}")
        return ValueError(f"{self.full_name}: {error}")

    def _check_choices(self, fields: Mapping[str, object]) -> None:
        for choice in self.layout.choices:
            given = [name for name in choice if fields.get(name) is not None]
            if len(given) > 1:
                raise ValueError(f"{self.full_name}: {' and '.join(given)} exclude each other; give one")


def _with_pieces(others: bytes, pieces: list[tensors.Piece]) -> Encoded:
    rest: list[Any] = [others] if others else []
    length, align_at, is_awkward = len(others), 0, False
    for prefix, array, is_piece_awkward in pieces:
        rest.append(prefix)
        length += len(prefix)
        if byte_count := array.nbytes:
            align_at = align_at or HEADER_SIZE + length
            is_awkward = is_awkward or is_piece_awkward
            rest.append(array)
            length += byte_count
    return Encoded(tuple(rest), length, align_at, is_awkward)


def _serialized(message: ProtoMessage) -> bytes:
    try:
        return bytes(message.SerializeToString())
    except EncodeError as error:
        raise ValueError(str(error)) from None


def _plain(value: object) -> object:
    """numpy's numbers and arrays as Python's: what protobuf takes, and faster than item by item."""
    return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value
