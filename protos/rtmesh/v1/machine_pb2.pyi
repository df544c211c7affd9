from rtmesh.v1 import plan_pb2 as _plan_pb2
from rtmesh.v1 import status_pb2 as _status_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class JoinRequest(_message.Message):
    __slots__ = ("hello", "preflighted", "prepared", "node", "link", "accounts", "ended", "log", "clock", "keep_awake")
    HELLO_FIELD_NUMBER: _ClassVar[int]
    PREFLIGHTED_FIELD_NUMBER: _ClassVar[int]
    PREPARED_FIELD_NUMBER: _ClassVar[int]
    NODE_FIELD_NUMBER: _ClassVar[int]
    LINK_FIELD_NUMBER: _ClassVar[int]
    ACCOUNTS_FIELD_NUMBER: _ClassVar[int]
    ENDED_FIELD_NUMBER: _ClassVar[int]
    LOG_FIELD_NUMBER: _ClassVar[int]
    CLOCK_FIELD_NUMBER: _ClassVar[int]
    KEEP_AWAKE_FIELD_NUMBER: _ClassVar[int]
    hello: Hello
    preflighted: Preflighted
    prepared: Prepared
    node: NodeReport
    link: LinkReport
    accounts: AccountsReport
    ended: Ended
    log: LogChunk
    clock: _status_pb2.ClockStatus
    keep_awake: _status_pb2.KeepAwake
    def __init__(self, hello: _Optional[_Union[Hello, _Mapping]] = ..., preflighted: _Optional[_Union[Preflighted, _Mapping]] = ..., prepared: _Optional[_Union[Prepared, _Mapping]] = ..., node: _Optional[_Union[NodeReport, _Mapping]] = ..., link: _Optional[_Union[LinkReport, _Mapping]] = ..., accounts: _Optional[_Union[AccountsReport, _Mapping]] = ..., ended: _Optional[_Union[Ended, _Mapping]] = ..., log: _Optional[_Union[LogChunk, _Mapping]] = ..., clock: _Optional[_Union[_status_pb2.ClockStatus, _Mapping]] = ..., keep_awake: _Optional[_Union[_status_pb2.KeepAwake, str]] = ...) -> None: ...

class JoinResponse(_message.Message):
    __slots__ = ("welcome", "preflight", "prepare", "start", "drain", "stop", "read_log", "cancel_log")
    WELCOME_FIELD_NUMBER: _ClassVar[int]
    PREFLIGHT_FIELD_NUMBER: _ClassVar[int]
    PREPARE_FIELD_NUMBER: _ClassVar[int]
    START_FIELD_NUMBER: _ClassVar[int]
    DRAIN_FIELD_NUMBER: _ClassVar[int]
    STOP_FIELD_NUMBER: _ClassVar[int]
    READ_LOG_FIELD_NUMBER: _ClassVar[int]
    CANCEL_LOG_FIELD_NUMBER: _ClassVar[int]
    welcome: Welcome
    preflight: Preflight
    prepare: Prepare
    start: Start
    drain: Drain
    stop: Stop
    read_log: ReadLog
    cancel_log: CancelLog
    def __init__(self, welcome: _Optional[_Union[Welcome, _Mapping]] = ..., preflight: _Optional[_Union[Preflight, _Mapping]] = ..., prepare: _Optional[_Union[Prepare, _Mapping]] = ..., start: _Optional[_Union[Start, _Mapping]] = ..., drain: _Optional[_Union[Drain, _Mapping]] = ..., stop: _Optional[_Union[Stop, _Mapping]] = ..., read_log: _Optional[_Union[ReadLog, _Mapping]] = ..., cancel_log: _Optional[_Union[CancelLog, _Mapping]] = ...) -> None: ...

class ClockRequest(_message.Message):
    __slots__ = ("sent_ns",)
    SENT_NS_FIELD_NUMBER: _ClassVar[int]
    sent_ns: int
    def __init__(self, sent_ns: _Optional[int] = ...) -> None: ...

class ClockResponse(_message.Message):
    __slots__ = ("request_sent_ns", "received_time_ns", "sent_time_ns")
    REQUEST_SENT_NS_FIELD_NUMBER: _ClassVar[int]
    RECEIVED_TIME_NS_FIELD_NUMBER: _ClassVar[int]
    SENT_TIME_NS_FIELD_NUMBER: _ClassVar[int]
    request_sent_ns: int
    received_time_ns: int
    sent_time_ns: int
    def __init__(self, request_sent_ns: _Optional[int] = ..., received_time_ns: _Optional[int] = ..., sent_time_ns: _Optional[int] = ...) -> None: ...

class Hello(_message.Message):
    __slots__ = ("machine", "hostname", "process_id", "data_address", "kernel", "cpu_count", "memory_bytes", "version", "runs")
    MACHINE_FIELD_NUMBER: _ClassVar[int]
    HOSTNAME_FIELD_NUMBER: _ClassVar[int]
    PROCESS_ID_FIELD_NUMBER: _ClassVar[int]
    DATA_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    KERNEL_FIELD_NUMBER: _ClassVar[int]
    CPU_COUNT_FIELD_NUMBER: _ClassVar[int]
    MEMORY_BYTES_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    RUNS_FIELD_NUMBER: _ClassVar[int]
    machine: str
    hostname: str
    process_id: int
    data_address: str
    kernel: str
    cpu_count: int
    memory_bytes: int
    version: str
    runs: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, machine: _Optional[str] = ..., hostname: _Optional[str] = ..., process_id: _Optional[int] = ..., data_address: _Optional[str] = ..., kernel: _Optional[str] = ..., cpu_count: _Optional[int] = ..., memory_bytes: _Optional[int] = ..., version: _Optional[str] = ..., runs: _Optional[_Iterable[str]] = ...) -> None: ...

class Welcome(_message.Message):
    __slots__ = ("mesh_offset_ns", "scheduler_monotonic_ns", "clock_id")
    MESH_OFFSET_NS_FIELD_NUMBER: _ClassVar[int]
    SCHEDULER_MONOTONIC_NS_FIELD_NUMBER: _ClassVar[int]
    CLOCK_ID_FIELD_NUMBER: _ClassVar[int]
    mesh_offset_ns: int
    scheduler_monotonic_ns: int
    clock_id: str
    def __init__(self, mesh_offset_ns: _Optional[int] = ..., scheduler_monotonic_ns: _Optional[int] = ..., clock_id: _Optional[str] = ...) -> None: ...

class Preflight(_message.Message):
    __slots__ = ("plan", "replaces")
    PLAN_FIELD_NUMBER: _ClassVar[int]
    REPLACES_FIELD_NUMBER: _ClassVar[int]
    plan: _plan_pb2.MachinePlan
    replaces: str
    def __init__(self, plan: _Optional[_Union[_plan_pb2.MachinePlan, _Mapping]] = ..., replaces: _Optional[str] = ...) -> None: ...

class Preflighted(_message.Message):
    __slots__ = ("run", "problems")
    RUN_FIELD_NUMBER: _ClassVar[int]
    PROBLEMS_FIELD_NUMBER: _ClassVar[int]
    run: str
    problems: _containers.RepeatedCompositeFieldContainer[_status_pb2.Problem]
    def __init__(self, run: _Optional[str] = ..., problems: _Optional[_Iterable[_Union[_status_pb2.Problem, _Mapping]]] = ...) -> None: ...

class Prepare(_message.Message):
    __slots__ = ("plan", "data_addresses")
    class DataAddressesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    PLAN_FIELD_NUMBER: _ClassVar[int]
    DATA_ADDRESSES_FIELD_NUMBER: _ClassVar[int]
    plan: _plan_pb2.MachinePlan
    data_addresses: _containers.ScalarMap[str, str]
    def __init__(self, plan: _Optional[_Union[_plan_pb2.MachinePlan, _Mapping]] = ..., data_addresses: _Optional[_Mapping[str, str]] = ...) -> None: ...

class Prepared(_message.Message):
    __slots__ = ("run", "problems")
    RUN_FIELD_NUMBER: _ClassVar[int]
    PROBLEMS_FIELD_NUMBER: _ClassVar[int]
    run: str
    problems: _containers.RepeatedCompositeFieldContainer[_status_pb2.Problem]
    def __init__(self, run: _Optional[str] = ..., problems: _Optional[_Iterable[_Union[_status_pb2.Problem, _Mapping]]] = ...) -> None: ...

class Start(_message.Message):
    __slots__ = ("run",)
    RUN_FIELD_NUMBER: _ClassVar[int]
    run: str
    def __init__(self, run: _Optional[str] = ...) -> None: ...

class Drain(_message.Message):
    __slots__ = ("run",)
    RUN_FIELD_NUMBER: _ClassVar[int]
    run: str
    def __init__(self, run: _Optional[str] = ...) -> None: ...

class Stop(_message.Message):
    __slots__ = ("run",)
    RUN_FIELD_NUMBER: _ClassVar[int]
    run: str
    def __init__(self, run: _Optional[str] = ...) -> None: ...

class NodeReport(_message.Message):
    __slots__ = ("run", "status")
    RUN_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    run: str
    status: _status_pb2.NodeStatus
    def __init__(self, run: _Optional[str] = ..., status: _Optional[_Union[_status_pb2.NodeStatus, _Mapping]] = ...) -> None: ...

class LinkReport(_message.Message):
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

class AccountsReport(_message.Message):
    __slots__ = ("run", "rings", "nodes", "processes", "time_ns", "clock_error_ns")
    RUN_FIELD_NUMBER: _ClassVar[int]
    RINGS_FIELD_NUMBER: _ClassVar[int]
    NODES_FIELD_NUMBER: _ClassVar[int]
    PROCESSES_FIELD_NUMBER: _ClassVar[int]
    TIME_NS_FIELD_NUMBER: _ClassVar[int]
    CLOCK_ERROR_NS_FIELD_NUMBER: _ClassVar[int]
    run: str
    rings: _containers.RepeatedCompositeFieldContainer[_status_pb2.RingAccount]
    nodes: _containers.RepeatedCompositeFieldContainer[_status_pb2.NodeStatus]
    processes: _containers.RepeatedCompositeFieldContainer[_status_pb2.ProcessStatus]
    time_ns: int
    clock_error_ns: int
    def __init__(self, run: _Optional[str] = ..., rings: _Optional[_Iterable[_Union[_status_pb2.RingAccount, _Mapping]]] = ..., nodes: _Optional[_Iterable[_Union[_status_pb2.NodeStatus, _Mapping]]] = ..., processes: _Optional[_Iterable[_Union[_status_pb2.ProcessStatus, _Mapping]]] = ..., time_ns: _Optional[int] = ..., clock_error_ns: _Optional[int] = ...) -> None: ...

class Ended(_message.Message):
    __slots__ = ("run", "accounts")
    RUN_FIELD_NUMBER: _ClassVar[int]
    ACCOUNTS_FIELD_NUMBER: _ClassVar[int]
    run: str
    accounts: AccountsReport
    def __init__(self, run: _Optional[str] = ..., accounts: _Optional[_Union[AccountsReport, _Mapping]] = ...) -> None: ...

class ReadLog(_message.Message):
    __slots__ = ("id", "run", "node", "previous", "follow", "last_lines")
    ID_FIELD_NUMBER: _ClassVar[int]
    RUN_FIELD_NUMBER: _ClassVar[int]
    NODE_FIELD_NUMBER: _ClassVar[int]
    PREVIOUS_FIELD_NUMBER: _ClassVar[int]
    FOLLOW_FIELD_NUMBER: _ClassVar[int]
    LAST_LINES_FIELD_NUMBER: _ClassVar[int]
    id: int
    run: str
    node: str
    previous: bool
    follow: bool
    last_lines: int
    def __init__(self, id: _Optional[int] = ..., run: _Optional[str] = ..., node: _Optional[str] = ..., previous: _Optional[bool] = ..., follow: _Optional[bool] = ..., last_lines: _Optional[int] = ...) -> None: ...

class CancelLog(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: int
    def __init__(self, id: _Optional[int] = ...) -> None: ...

class LogChunk(_message.Message):
    __slots__ = ("id", "text", "end", "error")
    ID_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    id: int
    text: bytes
    end: bool
    error: str
    def __init__(self, id: _Optional[int] = ..., text: _Optional[bytes] = ..., end: _Optional[bool] = ..., error: _Optional[str] = ...) -> None: ...
