from rtmesh.v1 import plan_pb2 as _plan_pb2
from rtmesh.v1 import status_pb2 as _status_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class LoopConfig(_message.Message):
    __slots__ = ("graph", "run", "machine", "node", "folder", "python_path", "descriptors_path", "segments", "orders_segment", "requests_segment", "events_segment", "clock_segment", "doorbell_path", "epoch", "stack_path", "die_with_parent", "parent_process_id", "service_address", "replies_segment")
    class SegmentsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    GRAPH_FIELD_NUMBER: _ClassVar[int]
    RUN_FIELD_NUMBER: _ClassVar[int]
    MACHINE_FIELD_NUMBER: _ClassVar[int]
    NODE_FIELD_NUMBER: _ClassVar[int]
    FOLDER_FIELD_NUMBER: _ClassVar[int]
    PYTHON_PATH_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTORS_PATH_FIELD_NUMBER: _ClassVar[int]
    SEGMENTS_FIELD_NUMBER: _ClassVar[int]
    ORDERS_SEGMENT_FIELD_NUMBER: _ClassVar[int]
    REQUESTS_SEGMENT_FIELD_NUMBER: _ClassVar[int]
    EVENTS_SEGMENT_FIELD_NUMBER: _ClassVar[int]
    CLOCK_SEGMENT_FIELD_NUMBER: _ClassVar[int]
    DOORBELL_PATH_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    STACK_PATH_FIELD_NUMBER: _ClassVar[int]
    DIE_WITH_PARENT_FIELD_NUMBER: _ClassVar[int]
    PARENT_PROCESS_ID_FIELD_NUMBER: _ClassVar[int]
    SERVICE_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    REPLIES_SEGMENT_FIELD_NUMBER: _ClassVar[int]
    graph: str
    run: str
    machine: str
    node: _plan_pb2.NodePlan
    folder: str
    python_path: _containers.RepeatedScalarFieldContainer[str]
    descriptors_path: str
    segments: _containers.ScalarMap[str, str]
    orders_segment: str
    requests_segment: str
    events_segment: str
    clock_segment: str
    doorbell_path: str
    epoch: int
    stack_path: str
    die_with_parent: bool
    parent_process_id: int
    service_address: str
    replies_segment: str
    def __init__(self, graph: _Optional[str] = ..., run: _Optional[str] = ..., machine: _Optional[str] = ..., node: _Optional[_Union[_plan_pb2.NodePlan, _Mapping]] = ..., folder: _Optional[str] = ..., python_path: _Optional[_Iterable[str]] = ..., descriptors_path: _Optional[str] = ..., segments: _Optional[_Mapping[str, str]] = ..., orders_segment: _Optional[str] = ..., requests_segment: _Optional[str] = ..., events_segment: _Optional[str] = ..., clock_segment: _Optional[str] = ..., doorbell_path: _Optional[str] = ..., epoch: _Optional[int] = ..., stack_path: _Optional[str] = ..., die_with_parent: _Optional[bool] = ..., parent_process_id: _Optional[int] = ..., service_address: _Optional[str] = ..., replies_segment: _Optional[str] = ...) -> None: ...

class NodeOrder(_message.Message):
    __slots__ = ("start", "drain", "stop")
    START_FIELD_NUMBER: _ClassVar[int]
    DRAIN_FIELD_NUMBER: _ClassVar[int]
    STOP_FIELD_NUMBER: _ClassVar[int]
    start: StartNode
    drain: DrainNode
    stop: StopNode
    def __init__(self, start: _Optional[_Union[StartNode, _Mapping]] = ..., drain: _Optional[_Union[DrainNode, _Mapping]] = ..., stop: _Optional[_Union[StopNode, _Mapping]] = ...) -> None: ...

class StartNode(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class DrainNode(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class StopNode(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class NodeRequest(_message.Message):
    __slots__ = ("id", "method", "request", "part")
    ID_FIELD_NUMBER: _ClassVar[int]
    METHOD_FIELD_NUMBER: _ClassVar[int]
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    PART_FIELD_NUMBER: _ClassVar[int]
    id: int
    method: str
    request: bytes
    part: NodePart
    def __init__(self, id: _Optional[int] = ..., method: _Optional[str] = ..., request: _Optional[bytes] = ..., part: _Optional[_Union[NodePart, _Mapping]] = ...) -> None: ...

class NodeEvent(_message.Message):
    __slots__ = ("state", "reply", "result", "part")
    STATE_FIELD_NUMBER: _ClassVar[int]
    REPLY_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    PART_FIELD_NUMBER: _ClassVar[int]
    state: NodeStateChange
    reply: NodeReply
    result: NodeResult
    part: NodePart
    def __init__(self, state: _Optional[_Union[NodeStateChange, _Mapping]] = ..., reply: _Optional[_Union[NodeReply, _Mapping]] = ..., result: _Optional[_Union[NodeResult, _Mapping]] = ..., part: _Optional[_Union[NodePart, _Mapping]] = ...) -> None: ...

class NodePart(_message.Message):
    __slots__ = ("message", "index", "count", "data")
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    message: int
    index: int
    count: int
    data: bytes
    def __init__(self, message: _Optional[int] = ..., index: _Optional[int] = ..., count: _Optional[int] = ..., data: _Optional[bytes] = ...) -> None: ...

class NodeStateChange(_message.Message):
    __slots__ = ("state", "reason", "detail")
    STATE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    state: _status_pb2.NodeState
    reason: str
    detail: str
    def __init__(self, state: _Optional[_Union[_status_pb2.NodeState, str]] = ..., reason: _Optional[str] = ..., detail: _Optional[str] = ...) -> None: ...

class NodeReply(_message.Message):
    __slots__ = ("id", "response", "code", "message")
    ID_FIELD_NUMBER: _ClassVar[int]
    RESPONSE_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    id: int
    response: bytes
    code: int
    message: str
    def __init__(self, id: _Optional[int] = ..., response: _Optional[bytes] = ..., code: _Optional[int] = ..., message: _Optional[str] = ...) -> None: ...

class NodeResult(_message.Message):
    __slots__ = ("json",)
    JSON_FIELD_NUMBER: _ClassVar[int]
    json: str
    def __init__(self, json: _Optional[str] = ...) -> None: ...
