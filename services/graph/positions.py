"""Where in its proto file a service, message or field is declared."""

from __future__ import annotations

from google.protobuf import descriptor_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor

# Field numbers in descriptor.proto, of which a SourceCodeInfo path is made.
_FILE_MESSAGES = descriptor_pb2.FileDescriptorProto.MESSAGE_TYPE_FIELD_NUMBER
_FILE_SERVICES = descriptor_pb2.FileDescriptorProto.SERVICE_FIELD_NUMBER
_MESSAGE_FIELDS = descriptor_pb2.DescriptorProto.FIELD_FIELD_NUMBER
_MESSAGE_NESTED = descriptor_pb2.DescriptorProto.NESTED_TYPE_FIELD_NUMBER
_SERVICE_METHODS = descriptor_pb2.ServiceDescriptorProto.METHOD_FIELD_NUMBER


class Positions:
    """FILE:LINE:COLUMN of declarations; just FILE where the set was compiled without positions."""

    def __init__(self, descriptors: bytes = b"") -> None:
        files = descriptor_pb2.FileDescriptorSet.FromString(descriptors).file
        self.spans = {
            (file.name, tuple(location.path)): (location.span[0] + 1, location.span[1] + 1)
            for file in files
            for location in file.source_code_info.location
        }

    def of_method(self, method: MethodDescriptor) -> str:
        service = method.containing_service
        path = (_FILE_SERVICES, service.index, _SERVICE_METHODS, method.index)
        return self._place(service.file.name, path)

    def of_message(self, message: Descriptor) -> str:
        return self._place(message.file.name, _message_path(message))

    def of_field(self, field: FieldDescriptor) -> str:
        message = field.containing_type
        return self._place(message.file.name, (*_message_path(message), _MESSAGE_FIELDS, field.index))

    def _place(self, file: str, path: tuple[int, ...]) -> str:
        span = self.spans.get((file, path))
        return f"{file}:{span[0]}:{span[1]}" if span else file


def _message_path(message: Descriptor) -> tuple[int, ...]:
    parent = message.containing_type
    if parent is None:
        place = list(message.file.message_types_by_name).index(message.name)
        return (_FILE_MESSAGES, place)
    return (*_message_path(parent), _MESSAGE_NESTED, list(parent.nested_types_by_name).index(message.name))
