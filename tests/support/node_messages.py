"""Message types for the tests of rtmesh.node, made without a compiler."""

from google.protobuf import descriptor_pb2, descriptor_pool
from google.protobuf.descriptor import Descriptor
from google.protobuf.message_factory import GetMessageClass

from rtmesh.v1 import stream_pb2

F = descriptor_pb2.FieldDescriptorProto
TENSOR = ".rtmesh.v1.Tensor"


def field(name: str, number: int, type_: int | str, label: int = F.LABEL_OPTIONAL, **more: object) -> F:
    """One field; `type_` is a number of FieldDescriptorProto.Type or the name of a message."""
    if isinstance(type_, str):
        more["type_name"], type_ = type_, F.TYPE_MESSAGE
    return F(name=name, number=number, type=type_, label=label, **more)


def header() -> F:
    return field("header", 1, ".rtmesh.v1.Header")


def repeated(name: str, number: int, type_: int | str) -> F:
    return field(name, number, type_, F.LABEL_REPEATED)


def build_pool() -> descriptor_pool.DescriptorPool:
    file = descriptor_pb2.FileDescriptorProto(
        name="sample/v1/sample.proto",
        package="sample.v1",
        syntax="proto3",
        dependency=["rtmesh/v1/stream.proto"],
    )
    file.message_type.add(name="Point", field=[field("x", 1, F.TYPE_INT32), field("at", 2, TENSOR)])
    file.message_type.add(
        name="Plain",
        field=[
            header(),
            field("flag", 2, F.TYPE_BOOL),
            field("vx", 3, F.TYPE_DOUBLE),
            repeated("numbers", 4, F.TYPE_SINT64),
            field("text", 16, F.TYPE_STRING),
            field("fields", 5, F.TYPE_UINT32),
        ],
    )
    mixed = file.message_type.add(
        name="Mixed",
        field=[
            header(),
            field("first", 2, TENSOR),
            field("count", 3, F.TYPE_UINT64),
            repeated("several", 5, TENSOR),
            field("name", 7, F.TYPE_STRING),
            repeated("numbers", 9, F.TYPE_INT32),
            repeated("points", 10, ".sample.v1.Point"),
            field("ratio", 11, F.TYPE_FLOAT),
            field("image", 20, TENSOR, oneof_index=0),
            field("caption", 21, F.TYPE_STRING, oneof_index=0),
            field("late", 3000, TENSOR),
        ],
    )
    mixed.oneof_decl.add(name="content")
    file.message_type.add(name="NoHeader", field=[field("first", 2, TENSOR)])

    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(stream_pb2.DESCRIPTOR.serialized_pb)
    pool.Add(file)
    return pool


POOL = build_pool()
PLAIN: Descriptor = POOL.FindMessageTypeByName("sample.v1.Plain")
MIXED: Descriptor = POOL.FindMessageTypeByName("sample.v1.Mixed")
NO_HEADER: Descriptor = POOL.FindMessageTypeByName("sample.v1.NoHeader")
Plain = GetMessageClass(PLAIN)
Mixed = GetMessageClass(MIXED)
Tensor = GetMessageClass(POOL.FindMessageTypeByName("rtmesh.v1.Tensor"))
Header = GetMessageClass(POOL.FindMessageTypeByName("rtmesh.v1.Header"))


def to_sample_tensor(array: object) -> object:
    """An array as a Tensor of this pool, made by plain protobuf."""
    from rtmesh.common.tensors import to_tensor

    return Tensor.FromString(to_tensor(array).SerializeToString())
