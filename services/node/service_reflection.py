"""Server reflection, under both of its names, from the descriptors of the node's graph.

Version 1 has the messages of v1alpha under another package name, so one servicer answers both.
"""

from __future__ import annotations

from collections.abc import Iterable

import grpc
from google.protobuf import descriptor_pb2
from google.protobuf.descriptor import FileDescriptor
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection, reflection_pb2

V1 = "grpc.reflection.v1.ServerReflection"
V1ALPHA = reflection.SERVICE_NAME


def reflection_handlers(services: Iterable[str], pool: DescriptorPool) -> list[grpc.GenericRpcHandler]:
    """Handlers that describe `services`, reflection itself among them. Adds to `pool` what it lacks."""
    _add(pool, _proto_of(health_pb2.DESCRIPTOR))
    _add(pool, _proto_of(reflection_pb2.DESCRIPTOR))
    _add(pool, _version_1())
    servicer = reflection.aio.ReflectionServicer([*services, V1, V1ALPHA], pool=pool)
    handler = grpc.stream_stream_rpc_method_handler(
        servicer.ServerReflectionInfo,
        request_deserializer=reflection_pb2.ServerReflectionRequest.FromString,
        response_serializer=reflection_pb2.ServerReflectionResponse.SerializeToString,
    )
    return [
        grpc.method_handlers_generic_handler(name, {"ServerReflectionInfo": handler})
        for name in (V1, V1ALPHA)
    ]


def _proto_of(file: FileDescriptor) -> descriptor_pb2.FileDescriptorProto:
    proto = descriptor_pb2.FileDescriptorProto()
    file.CopyToProto(proto)
    return proto


def _version_1() -> descriptor_pb2.FileDescriptorProto:
    """grpc/reflection/v1/reflection.proto, made from v1alpha's."""
    proto = _proto_of(reflection_pb2.DESCRIPTOR)
    proto.name, proto.package = "grpc/reflection/v1/reflection.proto", "grpc.reflection.v1"
    proto.ClearField("options")
    for message in proto.message_type:
        for field in message.field:
            if field.type_name:
                field.type_name = _renamed(field.type_name)
    for method in proto.service[0].method:
        method.input_type, method.output_type = _renamed(method.input_type), _renamed(method.output_type)
    return proto


def _renamed(type_name: str) -> str:
    return type_name.replace(".grpc.reflection.v1alpha.", ".grpc.reflection.v1.")


def _add(pool: DescriptorPool, file: descriptor_pb2.FileDescriptorProto) -> None:
    try:
        pool.FindFileByName(file.name)  # a graph may have brought it
    except KeyError:
        pool.AddSerializedFile(file.SerializeToString())
