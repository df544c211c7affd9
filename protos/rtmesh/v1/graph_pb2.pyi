from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class RestartWhen(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RESTART_WHEN_UNSPECIFIED: _ClassVar[RestartWhen]
    RESTART_WHEN_NEVER: _ClassVar[RestartWhen]
    RESTART_WHEN_ON_FAILURE: _ClassVar[RestartWhen]

class WhenFailed(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    WHEN_FAILED_UNSPECIFIED: _ClassVar[WhenFailed]
    WHEN_FAILED_STOP_GRAPH: _ClassVar[WhenFailed]
    WHEN_FAILED_CONTINUE: _ClassVar[WhenFailed]

class WhenFull(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    WHEN_FULL_UNSPECIFIED: _ClassVar[WhenFull]
    WHEN_FULL_BLOCK: _ClassVar[WhenFull]
    WHEN_FULL_DROP_OLDEST: _ClassVar[WhenFull]
    WHEN_FULL_LATEST: _ClassVar[WhenFull]

class Transport(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TRANSPORT_UNSPECIFIED: _ClassVar[Transport]
    TRANSPORT_RING: _ClassVar[Transport]
    TRANSPORT_GRPC: _ClassVar[Transport]
RESTART_WHEN_UNSPECIFIED: RestartWhen
RESTART_WHEN_NEVER: RestartWhen
RESTART_WHEN_ON_FAILURE: RestartWhen
WHEN_FAILED_UNSPECIFIED: WhenFailed
WHEN_FAILED_STOP_GRAPH: WhenFailed
WHEN_FAILED_CONTINUE: WhenFailed
WHEN_FULL_UNSPECIFIED: WhenFull
WHEN_FULL_BLOCK: WhenFull
WHEN_FULL_DROP_OLDEST: WhenFull
WHEN_FULL_LATEST: WhenFull
TRANSPORT_UNSPECIFIED: Transport
TRANSPORT_RING: Transport
TRANSPORT_GRPC: Transport

class Graph(_message.Message):
    __slots__ = ("name", "source", "folder", "python_path", "descriptors", "nodes", "edges", "budgets", "drain_timeout_ms", "files")
    NAME_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    FOLDER_FIELD_NUMBER: _ClassVar[int]
    PYTHON_PATH_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTORS_FIELD_NUMBER: _ClassVar[int]
    NODES_FIELD_NUMBER: _ClassVar[int]
    EDGES_FIELD_NUMBER: _ClassVar[int]
    BUDGETS_FIELD_NUMBER: _ClassVar[int]
    DRAIN_TIMEOUT_MS_FIELD_NUMBER: _ClassVar[int]
    FILES_FIELD_NUMBER: _ClassVar[int]
    name: str
    source: str
    folder: str
    python_path: _containers.RepeatedScalarFieldContainer[str]
    descriptors: bytes
    nodes: _containers.RepeatedCompositeFieldContainer[Node]
    edges: _containers.RepeatedCompositeFieldContainer[Edge]
    budgets: _containers.RepeatedCompositeFieldContainer[LatencyBudget]
    drain_timeout_ms: int
    files: _containers.RepeatedCompositeFieldContainer[CodeFile]
    def __init__(self, name: _Optional[str] = ..., source: _Optional[str] = ..., folder: _Optional[str] = ..., python_path: _Optional[_Iterable[str]] = ..., descriptors: _Optional[bytes] = ..., nodes: _Optional[_Iterable[_Union[Node, _Mapping]]] = ..., edges: _Optional[_Iterable[_Union[Edge, _Mapping]]] = ..., budgets: _Optional[_Iterable[_Union[LatencyBudget, _Mapping]]] = ..., drain_timeout_ms: _Optional[int] = ..., files: _Optional[_Iterable[_Union[CodeFile, _Mapping]]] = ...) -> None: ...

class CodeFile(_message.Message):
    __slots__ = ("path", "sha256")
    PATH_FIELD_NUMBER: _ClassVar[int]
    SHA256_FIELD_NUMBER: _ClassVar[int]
    path: str
    sha256: bytes
    def __init__(self, path: _Optional[str] = ..., sha256: _Optional[bytes] = ...) -> None: ...

class Node(_message.Message):
    __slots__ = ("name", "service", "run", "command", "machine", "parameters", "inputs", "outputs", "methods", "restart", "when_failed", "setup_timeout_ms", "step_timeout_ms", "spin_us")
    NAME_FIELD_NUMBER: _ClassVar[int]
    SERVICE_FIELD_NUMBER: _ClassVar[int]
    RUN_FIELD_NUMBER: _ClassVar[int]
    COMMAND_FIELD_NUMBER: _ClassVar[int]
    MACHINE_FIELD_NUMBER: _ClassVar[int]
    PARAMETERS_FIELD_NUMBER: _ClassVar[int]
    INPUTS_FIELD_NUMBER: _ClassVar[int]
    OUTPUTS_FIELD_NUMBER: _ClassVar[int]
    METHODS_FIELD_NUMBER: _ClassVar[int]
    RESTART_FIELD_NUMBER: _ClassVar[int]
    WHEN_FAILED_FIELD_NUMBER: _ClassVar[int]
    SETUP_TIMEOUT_MS_FIELD_NUMBER: _ClassVar[int]
    STEP_TIMEOUT_MS_FIELD_NUMBER: _ClassVar[int]
    SPIN_US_FIELD_NUMBER: _ClassVar[int]
    name: str
    service: str
    run: str
    command: _containers.RepeatedScalarFieldContainer[str]
    machine: str
    parameters: bytes
    inputs: _containers.RepeatedCompositeFieldContainer[Port]
    outputs: _containers.RepeatedCompositeFieldContainer[Port]
    methods: _containers.RepeatedCompositeFieldContainer[Method]
    restart: Restart
    when_failed: WhenFailed
    setup_timeout_ms: int
    step_timeout_ms: int
    spin_us: int
    def __init__(self, name: _Optional[str] = ..., service: _Optional[str] = ..., run: _Optional[str] = ..., command: _Optional[_Iterable[str]] = ..., machine: _Optional[str] = ..., parameters: _Optional[bytes] = ..., inputs: _Optional[_Iterable[_Union[Port, _Mapping]]] = ..., outputs: _Optional[_Iterable[_Union[Port, _Mapping]]] = ..., methods: _Optional[_Iterable[_Union[Method, _Mapping]]] = ..., restart: _Optional[_Union[Restart, _Mapping]] = ..., when_failed: _Optional[_Union[WhenFailed, str]] = ..., setup_timeout_ms: _Optional[int] = ..., step_timeout_ms: _Optional[int] = ..., spin_us: _Optional[int] = ...) -> None: ...

class Port(_message.Message):
    __slots__ = ("name", "rpc", "type", "max_bytes")
    NAME_FIELD_NUMBER: _ClassVar[int]
    RPC_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    MAX_BYTES_FIELD_NUMBER: _ClassVar[int]
    name: str
    rpc: str
    type: str
    max_bytes: int
    def __init__(self, name: _Optional[str] = ..., rpc: _Optional[str] = ..., type: _Optional[str] = ..., max_bytes: _Optional[int] = ...) -> None: ...

class Method(_message.Message):
    __slots__ = ("name", "request_type", "response_type")
    NAME_FIELD_NUMBER: _ClassVar[int]
    REQUEST_TYPE_FIELD_NUMBER: _ClassVar[int]
    RESPONSE_TYPE_FIELD_NUMBER: _ClassVar[int]
    name: str
    request_type: str
    response_type: str
    def __init__(self, name: _Optional[str] = ..., request_type: _Optional[str] = ..., response_type: _Optional[str] = ...) -> None: ...

class Restart(_message.Message):
    __slots__ = ("when", "most", "backoff_ms")
    WHEN_FIELD_NUMBER: _ClassVar[int]
    MOST_FIELD_NUMBER: _ClassVar[int]
    BACKOFF_MS_FIELD_NUMBER: _ClassVar[int]
    when: RestartWhen
    most: int
    backoff_ms: int
    def __init__(self, when: _Optional[_Union[RestartWhen, str]] = ..., most: _Optional[int] = ..., backoff_ms: _Optional[int] = ...) -> None: ...

class Edge(_message.Message):
    __slots__ = ("from_node", "from_port", "to_node", "to_port", "when_full", "queue", "hold_absent_ms")
    FROM_NODE_FIELD_NUMBER: _ClassVar[int]
    FROM_PORT_FIELD_NUMBER: _ClassVar[int]
    TO_NODE_FIELD_NUMBER: _ClassVar[int]
    TO_PORT_FIELD_NUMBER: _ClassVar[int]
    WHEN_FULL_FIELD_NUMBER: _ClassVar[int]
    QUEUE_FIELD_NUMBER: _ClassVar[int]
    HOLD_ABSENT_MS_FIELD_NUMBER: _ClassVar[int]
    from_node: str
    from_port: str
    to_node: str
    to_port: str
    when_full: WhenFull
    queue: int
    hold_absent_ms: int
    def __init__(self, from_node: _Optional[str] = ..., from_port: _Optional[str] = ..., to_node: _Optional[str] = ..., to_port: _Optional[str] = ..., when_full: _Optional[_Union[WhenFull, str]] = ..., queue: _Optional[int] = ..., hold_absent_ms: _Optional[int] = ...) -> None: ...

class LatencyBudget(_message.Message):
    __slots__ = ("from_node", "from_port", "to_node", "to_port", "p99_us")
    FROM_NODE_FIELD_NUMBER: _ClassVar[int]
    FROM_PORT_FIELD_NUMBER: _ClassVar[int]
    TO_NODE_FIELD_NUMBER: _ClassVar[int]
    TO_PORT_FIELD_NUMBER: _ClassVar[int]
    P99_US_FIELD_NUMBER: _ClassVar[int]
    from_node: str
    from_port: str
    to_node: str
    to_port: str
    p99_us: int
    def __init__(self, from_node: _Optional[str] = ..., from_port: _Optional[str] = ..., to_node: _Optional[str] = ..., to_port: _Optional[str] = ..., p99_us: _Optional[int] = ...) -> None: ...
