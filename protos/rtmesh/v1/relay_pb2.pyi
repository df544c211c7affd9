from rtmesh.v1 import plan_pb2 as _plan_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class PullRequest(_message.Message):
    __slots__ = ("run", "edge", "resume_position", "credit", "released_position", "held_messages")
    RUN_FIELD_NUMBER: _ClassVar[int]
    EDGE_FIELD_NUMBER: _ClassVar[int]
    RESUME_POSITION_FIELD_NUMBER: _ClassVar[int]
    CREDIT_FIELD_NUMBER: _ClassVar[int]
    RELEASED_POSITION_FIELD_NUMBER: _ClassVar[int]
    HELD_MESSAGES_FIELD_NUMBER: _ClassVar[int]
    run: str
    edge: str
    resume_position: int
    credit: int
    released_position: int
    held_messages: int
    def __init__(self, run: _Optional[str] = ..., edge: _Optional[str] = ..., resume_position: _Optional[int] = ..., credit: _Optional[int] = ..., released_position: _Optional[int] = ..., held_messages: _Optional[int] = ...) -> None: ...

class PullResponse(_message.Message):
    __slots__ = ("position", "message", "publish_time_ns", "end", "skip")
    POSITION_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    PUBLISH_TIME_NS_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    SKIP_FIELD_NUMBER: _ClassVar[int]
    position: int
    message: bytes
    publish_time_ns: int
    end: bool
    skip: bool
    def __init__(self, position: _Optional[int] = ..., message: _Optional[bytes] = ..., publish_time_ns: _Optional[int] = ..., end: _Optional[bool] = ..., skip: _Optional[bool] = ...) -> None: ...

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
