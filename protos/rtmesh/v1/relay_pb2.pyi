from rtmesh.v1 import plan_pb2 as _plan_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Frame(_message.Message):
    __slots__ = ("hello", "opens", "answers", "grants", "edges", "chunk", "closed")
    HELLO_FIELD_NUMBER: _ClassVar[int]
    OPENS_FIELD_NUMBER: _ClassVar[int]
    ANSWERS_FIELD_NUMBER: _ClassVar[int]
    GRANTS_FIELD_NUMBER: _ClassVar[int]
    EDGES_FIELD_NUMBER: _ClassVar[int]
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    CLOSED_FIELD_NUMBER: _ClassVar[int]
    hello: LaneHello
    opens: _containers.RepeatedCompositeFieldContainer[OpenEdge]
    answers: _containers.RepeatedCompositeFieldContainer[Answer]
    grants: _containers.RepeatedCompositeFieldContainer[Grant]
    edges: _containers.RepeatedCompositeFieldContainer[EdgeRecords]
    chunk: Chunk
    closed: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, hello: _Optional[_Union[LaneHello, _Mapping]] = ..., opens: _Optional[_Iterable[_Union[OpenEdge, _Mapping]]] = ..., answers: _Optional[_Iterable[_Union[Answer, _Mapping]]] = ..., grants: _Optional[_Iterable[_Union[Grant, _Mapping]]] = ..., edges: _Optional[_Iterable[_Union[EdgeRecords, _Mapping]]] = ..., chunk: _Optional[_Union[Chunk, _Mapping]] = ..., closed: _Optional[_Iterable[int]] = ...) -> None: ...

class LaneHello(_message.Message):
    __slots__ = ("machine", "lane")
    MACHINE_FIELD_NUMBER: _ClassVar[int]
    LANE_FIELD_NUMBER: _ClassVar[int]
    machine: str
    lane: str
    def __init__(self, machine: _Optional[str] = ..., lane: _Optional[str] = ...) -> None: ...

class OpenEdge(_message.Message):
    __slots__ = ("number", "run", "edge", "resume_position", "held_messages", "grant")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    RUN_FIELD_NUMBER: _ClassVar[int]
    EDGE_FIELD_NUMBER: _ClassVar[int]
    RESUME_POSITION_FIELD_NUMBER: _ClassVar[int]
    HELD_MESSAGES_FIELD_NUMBER: _ClassVar[int]
    GRANT_FIELD_NUMBER: _ClassVar[int]
    number: int
    run: str
    edge: str
    resume_position: int
    held_messages: int
    grant: Grant
    def __init__(self, number: _Optional[int] = ..., run: _Optional[str] = ..., edge: _Optional[str] = ..., resume_position: _Optional[int] = ..., held_messages: _Optional[int] = ..., grant: _Optional[_Union[Grant, _Mapping]] = ...) -> None: ...

class Answer(_message.Message):
    __slots__ = ("number", "code", "reason")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    number: int
    code: int
    reason: str
    def __init__(self, number: _Optional[int] = ..., code: _Optional[int] = ..., reason: _Optional[str] = ...) -> None: ...

class Grant(_message.Message):
    __slots__ = ("number", "credit", "released_position")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    CREDIT_FIELD_NUMBER: _ClassVar[int]
    RELEASED_POSITION_FIELD_NUMBER: _ClassVar[int]
    number: int
    credit: int
    released_position: int
    def __init__(self, number: _Optional[int] = ..., credit: _Optional[int] = ..., released_position: _Optional[int] = ...) -> None: ...

class EdgeRecords(_message.Message):
    __slots__ = ("number", "skip_position", "records", "end_position")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    SKIP_POSITION_FIELD_NUMBER: _ClassVar[int]
    RECORDS_FIELD_NUMBER: _ClassVar[int]
    END_POSITION_FIELD_NUMBER: _ClassVar[int]
    number: int
    skip_position: int
    records: _containers.RepeatedCompositeFieldContainer[Record]
    end_position: int
    def __init__(self, number: _Optional[int] = ..., skip_position: _Optional[int] = ..., records: _Optional[_Iterable[_Union[Record, _Mapping]]] = ..., end_position: _Optional[int] = ...) -> None: ...

class Record(_message.Message):
    __slots__ = ("position", "publish_time_ns", "message")
    POSITION_FIELD_NUMBER: _ClassVar[int]
    PUBLISH_TIME_NS_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    position: int
    publish_time_ns: int
    message: bytes
    def __init__(self, position: _Optional[int] = ..., publish_time_ns: _Optional[int] = ..., message: _Optional[bytes] = ...) -> None: ...

class Chunk(_message.Message):
    __slots__ = ("number", "position", "publish_time_ns", "total_bytes", "offset", "part")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    PUBLISH_TIME_NS_FIELD_NUMBER: _ClassVar[int]
    TOTAL_BYTES_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    PART_FIELD_NUMBER: _ClassVar[int]
    number: int
    position: int
    publish_time_ns: int
    total_bytes: int
    offset: int
    part: bytes
    def __init__(self, number: _Optional[int] = ..., position: _Optional[int] = ..., publish_time_ns: _Optional[int] = ..., total_bytes: _Optional[int] = ..., offset: _Optional[int] = ..., part: _Optional[bytes] = ...) -> None: ...

class CarryRequest(_message.Message):
    __slots__ = ("run", "egress", "ingress", "segments", "data_addresses")
    class SegmentsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    class DataAddressesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    RUN_FIELD_NUMBER: _ClassVar[int]
    EGRESS_FIELD_NUMBER: _ClassVar[int]
    INGRESS_FIELD_NUMBER: _ClassVar[int]
    SEGMENTS_FIELD_NUMBER: _ClassVar[int]
    DATA_ADDRESSES_FIELD_NUMBER: _ClassVar[int]
    run: str
    egress: _containers.RepeatedCompositeFieldContainer[_plan_pb2.EgressPlan]
    ingress: _containers.RepeatedCompositeFieldContainer[_plan_pb2.IngressPlan]
    segments: _containers.ScalarMap[str, str]
    data_addresses: _containers.ScalarMap[str, str]
    def __init__(self, run: _Optional[str] = ..., egress: _Optional[_Iterable[_Union[_plan_pb2.EgressPlan, _Mapping]]] = ..., ingress: _Optional[_Iterable[_Union[_plan_pb2.IngressPlan, _Mapping]]] = ..., segments: _Optional[_Mapping[str, str]] = ..., data_addresses: _Optional[_Mapping[str, str]] = ...) -> None: ...

class CarryResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ReleaseRequest(_message.Message):
    __slots__ = ("run",)
    RUN_FIELD_NUMBER: _ClassVar[int]
    run: str
    def __init__(self, run: _Optional[str] = ...) -> None: ...

class ReleaseResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class WatchRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class WatchResponse(_message.Message):
    __slots__ = ("run", "edge", "connected", "reason")
    RUN_FIELD_NUMBER: _ClassVar[int]
    EDGE_FIELD_NUMBER: _ClassVar[int]
    CONNECTED_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    run: str
    edge: str
    connected: bool
    reason: str
    def __init__(self, run: _Optional[str] = ..., edge: _Optional[str] = ..., connected: _Optional[bool] = ..., reason: _Optional[str] = ...) -> None: ...
