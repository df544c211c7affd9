"""What a message type is made of, as far as encoding and decoding ask: found once, when it is first used."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from rtmesh.node.tensors import TensorField
from rtmesh.node.wire import HEADER_FIELD
from rtmesh.v1 import stream_pb2

if TYPE_CHECKING:
    from rtmesh.node._wire import Scalar

_HEADER_TYPE = stream_pb2.Header.DESCRIPTOR.full_name
# Enums may be given by name, and a closed one refuses numbers.
_NO_SCALARS = (FieldDescriptor.TYPE_MESSAGE, FieldDescriptor.TYPE_GROUP, FieldDescriptor.TYPE_ENUM)
_TENSOR_TYPE = stream_pb2.Tensor.DESCRIPTOR.full_name


class MessageLayout:
    """The fields of one type of stream message.

    `field_names` leaves out the header; `tensors` is in the order of the fields' numbers, as are `scalars`:
    numbers, texts and lists of them that are in no oneof; `choices` are the oneofs of several fields, some of
    them Tensors; `singular` tells by field number what may stand in a message only once, for a scan: the
    header, a Tensor, the members of a choice; `has_required` is of proto2.
    """

    def __init__(self, descriptor: Descriptor) -> None:
        """Raises ValueError if the type has no `rtmesh.v1.Header header = 1`."""
        header = descriptor.fields_by_name.get("header")
        if header is None or header.number != HEADER_FIELD or not _is_message(header, _HEADER_TYPE):
            raise ValueError(f"{descriptor.full_name} is no stream message: add `{_HEADER_TYPE} header = 1;`")
        self.field_names = tuple([field.name for field in descriptor.fields if field is not header])
        self.tensors = _tensor_fields(descriptor)
        self.tensor_numbers = frozenset([field.number for field in self.tensors.values()])
        self.set_apart = frozenset((*self.tensors, "header"))
        self.scalars = _scalars(descriptor)
        self.has_required = any(field.is_required for field in descriptor.fields)
        self.choices = _choices(descriptor, self.tensors)
        self.singular = _singular(descriptor, self)


def _tensor_fields(descriptor: Descriptor) -> dict[str, TensorField]:
    fields = sorted(descriptor.fields, key=lambda field: field.number)
    return {field.name: TensorField(field) for field in fields if _is_message(field, _TENSOR_TYPE)}


def _scalars(descriptor: Descriptor) -> "tuple[Scalar, ...]":
    fields = sorted(descriptor.fields, key=lambda field: field.number)
    return tuple(
        [_scalar(field) for field in fields if field.type not in _NO_SCALARS and not _is_choice(field)]
    )


def _scalar(field: FieldDescriptor) -> "Scalar":
    has_presence = field.has_presence and not field.is_repeated
    return field.name, field.number, field.type, field.is_repeated, field.is_packed, has_presence


def _is_choice(field: FieldDescriptor) -> bool:
    """A oneof of one field is what `optional` makes."""
    return field.containing_oneof is not None and len(field.containing_oneof.fields) > 1


def _is_message(field: FieldDescriptor, full_name: str) -> bool:
    """Also false for a group (DELIMITED), whose bytes have no length in front."""
    return bool(field.type == FieldDescriptor.TYPE_MESSAGE and field.message_type.full_name == full_name)


def _choices(descriptor: Descriptor, tensors: Mapping[str, object]) -> list[list[str]]:
    choices = [[field.name for field in oneof.fields] for oneof in descriptor.oneofs]
    return [names for names in choices if len(names) > 1 and any(name in tensors for name in names)]


def _singular(descriptor: Descriptor, layout: MessageLayout) -> dict[int, object]:
    singular: dict[int, object] = {HEADER_FIELD: "header"}
    singular.update({field.number: name for name, field in layout.tensors.items() if not field.is_repeated})
    for choice in layout.choices:
        singular.update({descriptor.fields_by_name[name].number: choice[0] for name in choice})
    return singular
