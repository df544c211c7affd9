from rtmesh.v1 import graph_pb2 as _graph_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class GraphPhase(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    GRAPH_PHASE_UNSPECIFIED: _ClassVar[GraphPhase]
    GRAPH_PHASE_PENDING: _ClassVar[GraphPhase]
    GRAPH_PHASE_STARTING: _ClassVar[GraphPhase]
    GRAPH_PHASE_RUNNING: _ClassVar[GraphPhase]
    GRAPH_PHASE_DRAINING: _ClassVar[GraphPhase]
    GRAPH_PHASE_STOPPING: _ClassVar[GraphPhase]
    GRAPH_PHASE_STOPPED: _ClassVar[GraphPhase]
    GRAPH_PHASE_COMPLETED: _ClassVar[GraphPhase]
    GRAPH_PHASE_FAILED: _ClassVar[GraphPhase]

class NodeState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    NODE_STATE_UNSPECIFIED: _ClassVar[NodeState]
    NODE_STATE_STARTING: _ClassVar[NodeState]
    NODE_STATE_SETTING_UP: _ClassVar[NodeState]
    NODE_STATE_READY: _ClassVar[NodeState]
    NODE_STATE_RUNNING: _ClassVar[NodeState]
    NODE_STATE_STUCK: _ClassVar[NodeState]
    NODE_STATE_DRAINING: _ClassVar[NodeState]
    NODE_STATE_ENDED: _ClassVar[NodeState]
    NODE_STATE_STOPPED: _ClassVar[NodeState]
    NODE_STATE_RESTARTING: _ClassVar[NodeState]
    NODE_STATE_FAILED: _ClassVar[NodeState]
    NODE_STATE_LOST: _ClassVar[NodeState]

class BudgetVerdict(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    BUDGET_VERDICT_UNSPECIFIED: _ClassVar[BudgetVerdict]
    BUDGET_VERDICT_NOT_MEASURED: _ClassVar[BudgetVerdict]
    BUDGET_VERDICT_HELD: _ClassVar[BudgetVerdict]
    BUDGET_VERDICT_MISSED: _ClassVar[BudgetVerdict]
    BUDGET_VERDICT_UNKNOWN: _ClassVar[BudgetVerdict]

class KeepAwake(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    KEEP_AWAKE_UNSPECIFIED: _ClassVar[KeepAwake]
    KEEP_AWAKE_OFF: _ClassVar[KeepAwake]
    KEEP_AWAKE_IDLE: _ClassVar[KeepAwake]
    KEEP_AWAKE_NOW: _ClassVar[KeepAwake]

class ReaderState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    READER_STATE_UNSPECIFIED: _ClassVar[ReaderState]
    READER_STATE_ATTACHED: _ClassVar[ReaderState]
    READER_STATE_ABSENT: _ClassVar[ReaderState]
    READER_STATE_GONE: _ClassVar[ReaderState]
GRAPH_PHASE_UNSPECIFIED: GraphPhase
GRAPH_PHASE_PENDING: GraphPhase
GRAPH_PHASE_STARTING: GraphPhase
GRAPH_PHASE_RUNNING: GraphPhase
GRAPH_PHASE_DRAINING: GraphPhase
GRAPH_PHASE_STOPPING: GraphPhase
GRAPH_PHASE_STOPPED: GraphPhase
GRAPH_PHASE_COMPLETED: GraphPhase
GRAPH_PHASE_FAILED: GraphPhase
NODE_STATE_UNSPECIFIED: NodeState
NODE_STATE_STARTING: NodeState
NODE_STATE_SETTING_UP: NodeState
NODE_STATE_READY: NodeState
NODE_STATE_RUNNING: NodeState
NODE_STATE_STUCK: NodeState
NODE_STATE_DRAINING: NodeState
NODE_STATE_ENDED: NodeState
NODE_STATE_STOPPED: NodeState
NODE_STATE_RESTARTING: NodeState
NODE_STATE_FAILED: NodeState
NODE_STATE_LOST: NodeState
BUDGET_VERDICT_UNSPECIFIED: BudgetVerdict
BUDGET_VERDICT_NOT_MEASURED: BudgetVerdict
BUDGET_VERDICT_HELD: BudgetVerdict
BUDGET_VERDICT_MISSED: BudgetVerdict
BUDGET_VERDICT_UNKNOWN: BudgetVerdict
KEEP_AWAKE_UNSPECIFIED: KeepAwake
KEEP_AWAKE_OFF: KeepAwake
KEEP_AWAKE_IDLE: KeepAwake
KEEP_AWAKE_NOW: KeepAwake
READER_STATE_UNSPECIFIED: ReaderState
READER_STATE_ATTACHED: ReaderState
READER_STATE_ABSENT: ReaderState
READER_STATE_GONE: ReaderState

class GraphStatus(_message.Message):
    __slots__ = ("name", "run", "phase", "reason", "nodes", "edges", "budgets", "events", "machines", "applied_time_ns", "running_time_ns", "ended_time_ns", "accounts_time_ns", "problems")
    NAME_FIELD_NUMBER: _ClassVar[int]
    RUN_FIELD_NUMBER: _ClassVar[int]
    PHASE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    NODES_FIELD_NUMBER: _ClassVar[int]
    EDGES_FIELD_NUMBER: _ClassVar[int]
    BUDGETS_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    MACHINES_FIELD_NUMBER: _ClassVar[int]
    APPLIED_TIME_NS_FIELD_NUMBER: _ClassVar[int]
    RUNNING_TIME_NS_FIELD_NUMBER: _ClassVar[int]
    ENDED_TIME_NS_FIELD_NUMBER: _ClassVar[int]
    ACCOUNTS_TIME_NS_FIELD_NUMBER: _ClassVar[int]
    PROBLEMS_FIELD_NUMBER: _ClassVar[int]
    name: str
    run: str
    phase: GraphPhase
    reason: str
    nodes: _containers.RepeatedCompositeFieldContainer[NodeStatus]
    edges: _containers.RepeatedCompositeFieldContainer[EdgeStatus]
    budgets: _containers.RepeatedCompositeFieldContainer[BudgetStatus]
    events: _containers.RepeatedCompositeFieldContainer[Event]
    machines: _containers.RepeatedCompositeFieldContainer[MachineStatus]
    applied_time_ns: int
    running_time_ns: int
    ended_time_ns: int
    accounts_time_ns: int
    problems: _containers.RepeatedCompositeFieldContainer[Problem]
    def __init__(self, name: _Optional[str] = ..., run: _Optional[str] = ..., phase: _Optional[_Union[GraphPhase, str]] = ..., reason: _Optional[str] = ..., nodes: _Optional[_Iterable[_Union[NodeStatus, _Mapping]]] = ..., edges: _Optional[_Iterable[_Union[EdgeStatus, _Mapping]]] = ..., budgets: _Optional[_Iterable[_Union[BudgetStatus, _Mapping]]] = ..., events: _Optional[_Iterable[_Union[Event, _Mapping]]] = ..., machines: _Optional[_Iterable[_Union[MachineStatus, _Mapping]]] = ..., applied_time_ns: _Optional[int] = ..., running_time_ns: _Optional[int] = ..., ended_time_ns: _Optional[int] = ..., accounts_time_ns: _Optional[int] = ..., problems: _Optional[_Iterable[_Union[Problem, _Mapping]]] = ...) -> None: ...

class NodeStatus(_message.Message):
    __slots__ = ("name", "state", "machine", "restarts", "epoch", "reason", "detail", "result_json", "loop", "service", "overruns", "unjoined", "address", "steps")
    NAME_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    MACHINE_FIELD_NUMBER: _ClassVar[int]
    RESTARTS_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    RESULT_JSON_FIELD_NUMBER: _ClassVar[int]
    LOOP_FIELD_NUMBER: _ClassVar[int]
    SERVICE_FIELD_NUMBER: _ClassVar[int]
    OVERRUNS_FIELD_NUMBER: _ClassVar[int]
    UNJOINED_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    name: str
    state: NodeState
    machine: str
    restarts: int
    epoch: int
    reason: str
    detail: str
    result_json: str
    loop: ProcessStatus
    service: ProcessStatus
    overruns: int
    unjoined: int
    address: str
    steps: int
    def __init__(self, name: _Optional[str] = ..., state: _Optional[_Union[NodeState, str]] = ..., machine: _Optional[str] = ..., restarts: _Optional[int] = ..., epoch: _Optional[int] = ..., reason: _Optional[str] = ..., detail: _Optional[str] = ..., result_json: _Optional[str] = ..., loop: _Optional[_Union[ProcessStatus, _Mapping]] = ..., service: _Optional[_Union[ProcessStatus, _Mapping]] = ..., overruns: _Optional[int] = ..., unjoined: _Optional[int] = ..., address: _Optional[str] = ..., steps: _Optional[int] = ...) -> None: ...

class ProcessStatus(_message.Message):
    __slots__ = ("name", "process_id", "cpu_time_ms", "cpu_percent", "memory_bytes", "restarts", "cpus")
    NAME_FIELD_NUMBER: _ClassVar[int]
    PROCESS_ID_FIELD_NUMBER: _ClassVar[int]
    CPU_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    CPU_PERCENT_FIELD_NUMBER: _ClassVar[int]
    MEMORY_BYTES_FIELD_NUMBER: _ClassVar[int]
    RESTARTS_FIELD_NUMBER: _ClassVar[int]
    CPUS_FIELD_NUMBER: _ClassVar[int]
    name: str
    process_id: int
    cpu_time_ms: int
    cpu_percent: float
    memory_bytes: int
    restarts: int
    cpus: str
    def __init__(self, name: _Optional[str] = ..., process_id: _Optional[int] = ..., cpu_time_ms: _Optional[int] = ..., cpu_percent: _Optional[float] = ..., memory_bytes: _Optional[int] = ..., restarts: _Optional[int] = ..., cpus: _Optional[str] = ...) -> None: ...

class EdgeStatus(_message.Message):
    __slots__ = ("edge", "transport", "sent", "delivered", "dropped", "in_flight", "rate_hz", "latency", "reader_state", "connected", "is_holding")
    class DroppedEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    EDGE_FIELD_NUMBER: _ClassVar[int]
    TRANSPORT_FIELD_NUMBER: _ClassVar[int]
    SENT_FIELD_NUMBER: _ClassVar[int]
    DELIVERED_FIELD_NUMBER: _ClassVar[int]
    DROPPED_FIELD_NUMBER: _ClassVar[int]
    IN_FLIGHT_FIELD_NUMBER: _ClassVar[int]
    RATE_HZ_FIELD_NUMBER: _ClassVar[int]
    LATENCY_FIELD_NUMBER: _ClassVar[int]
    READER_STATE_FIELD_NUMBER: _ClassVar[int]
    CONNECTED_FIELD_NUMBER: _ClassVar[int]
    IS_HOLDING_FIELD_NUMBER: _ClassVar[int]
    edge: _graph_pb2.Edge
    transport: _graph_pb2.Transport
    sent: int
    delivered: int
    dropped: _containers.ScalarMap[str, int]
    in_flight: int
    rate_hz: float
    latency: LatencySummary
    reader_state: ReaderState
    connected: bool
    is_holding: bool
    def __init__(self, edge: _Optional[_Union[_graph_pb2.Edge, _Mapping]] = ..., transport: _Optional[_Union[_graph_pb2.Transport, str]] = ..., sent: _Optional[int] = ..., delivered: _Optional[int] = ..., dropped: _Optional[_Mapping[str, int]] = ..., in_flight: _Optional[int] = ..., rate_hz: _Optional[float] = ..., latency: _Optional[_Union[LatencySummary, _Mapping]] = ..., reader_state: _Optional[_Union[ReaderState, str]] = ..., connected: _Optional[bool] = ..., is_holding: _Optional[bool] = ...) -> None: ...

class LatencySummary(_message.Message):
    __slots__ = ("count", "p50_us", "p99_us", "max_us", "error_us")
    COUNT_FIELD_NUMBER: _ClassVar[int]
    P50_US_FIELD_NUMBER: _ClassVar[int]
    P99_US_FIELD_NUMBER: _ClassVar[int]
    MAX_US_FIELD_NUMBER: _ClassVar[int]
    ERROR_US_FIELD_NUMBER: _ClassVar[int]
    count: int
    p50_us: float
    p99_us: float
    max_us: float
    error_us: float
    def __init__(self, count: _Optional[int] = ..., p50_us: _Optional[float] = ..., p99_us: _Optional[float] = ..., max_us: _Optional[float] = ..., error_us: _Optional[float] = ...) -> None: ...

class BudgetStatus(_message.Message):
    __slots__ = ("budget", "measured", "held", "verdict")
    BUDGET_FIELD_NUMBER: _ClassVar[int]
    MEASURED_FIELD_NUMBER: _ClassVar[int]
    HELD_FIELD_NUMBER: _ClassVar[int]
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    budget: _graph_pb2.LatencyBudget
    measured: LatencySummary
    held: bool
    verdict: BudgetVerdict
    def __init__(self, budget: _Optional[_Union[_graph_pb2.LatencyBudget, _Mapping]] = ..., measured: _Optional[_Union[LatencySummary, _Mapping]] = ..., held: _Optional[bool] = ..., verdict: _Optional[_Union[BudgetVerdict, str]] = ...) -> None: ...

class RingAccount(_message.Message):
    __slots__ = ("name", "head", "epoch", "ended", "first_time_ns", "last_time_ns", "readers", "origin_ages", "source_position")
    NAME_FIELD_NUMBER: _ClassVar[int]
    HEAD_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    ENDED_FIELD_NUMBER: _ClassVar[int]
    FIRST_TIME_NS_FIELD_NUMBER: _ClassVar[int]
    LAST_TIME_NS_FIELD_NUMBER: _ClassVar[int]
    READERS_FIELD_NUMBER: _ClassVar[int]
    ORIGIN_AGES_FIELD_NUMBER: _ClassVar[int]
    SOURCE_POSITION_FIELD_NUMBER: _ClassVar[int]
    name: str
    head: int
    epoch: int
    ended: bool
    first_time_ns: int
    last_time_ns: int
    readers: _containers.RepeatedCompositeFieldContainer[ReaderAccount]
    origin_ages: _containers.RepeatedCompositeFieldContainer[LatencySummary]
    source_position: int
    def __init__(self, name: _Optional[str] = ..., head: _Optional[int] = ..., epoch: _Optional[int] = ..., ended: _Optional[bool] = ..., first_time_ns: _Optional[int] = ..., last_time_ns: _Optional[int] = ..., readers: _Optional[_Iterable[_Union[ReaderAccount, _Mapping]]] = ..., origin_ages: _Optional[_Iterable[_Union[LatencySummary, _Mapping]]] = ..., source_position: _Optional[int] = ...) -> None: ...

class ReaderAccount(_message.Message):
    __slots__ = ("name", "taken", "released", "start", "delivered", "dropped", "state", "latency", "is_holding")
    class DroppedEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    TAKEN_FIELD_NUMBER: _ClassVar[int]
    RELEASED_FIELD_NUMBER: _ClassVar[int]
    START_FIELD_NUMBER: _ClassVar[int]
    DELIVERED_FIELD_NUMBER: _ClassVar[int]
    DROPPED_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    LATENCY_FIELD_NUMBER: _ClassVar[int]
    IS_HOLDING_FIELD_NUMBER: _ClassVar[int]
    name: str
    taken: int
    released: int
    start: int
    delivered: int
    dropped: _containers.ScalarMap[str, int]
    state: ReaderState
    latency: LatencySummary
    is_holding: bool
    def __init__(self, name: _Optional[str] = ..., taken: _Optional[int] = ..., released: _Optional[int] = ..., start: _Optional[int] = ..., delivered: _Optional[int] = ..., dropped: _Optional[_Mapping[str, int]] = ..., state: _Optional[_Union[ReaderState, str]] = ..., latency: _Optional[_Union[LatencySummary, _Mapping]] = ..., is_holding: _Optional[bool] = ...) -> None: ...

class MachineStatus(_message.Message):
    __slots__ = ("name", "hostname", "connected", "data_address", "processes", "kernel", "cpu_count", "memory_bytes", "version", "clock", "silent_ms", "keep_awake")
    NAME_FIELD_NUMBER: _ClassVar[int]
    HOSTNAME_FIELD_NUMBER: _ClassVar[int]
    CONNECTED_FIELD_NUMBER: _ClassVar[int]
    DATA_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    PROCESSES_FIELD_NUMBER: _ClassVar[int]
    KERNEL_FIELD_NUMBER: _ClassVar[int]
    CPU_COUNT_FIELD_NUMBER: _ClassVar[int]
    MEMORY_BYTES_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    CLOCK_FIELD_NUMBER: _ClassVar[int]
    SILENT_MS_FIELD_NUMBER: _ClassVar[int]
    KEEP_AWAKE_FIELD_NUMBER: _ClassVar[int]
    name: str
    hostname: str
    connected: bool
    data_address: str
    processes: _containers.RepeatedCompositeFieldContainer[ProcessStatus]
    kernel: str
    cpu_count: int
    memory_bytes: int
    version: str
    clock: ClockStatus
    silent_ms: int
    keep_awake: KeepAwake
    def __init__(self, name: _Optional[str] = ..., hostname: _Optional[str] = ..., connected: _Optional[bool] = ..., data_address: _Optional[str] = ..., processes: _Optional[_Iterable[_Union[ProcessStatus, _Mapping]]] = ..., kernel: _Optional[str] = ..., cpu_count: _Optional[int] = ..., memory_bytes: _Optional[int] = ..., version: _Optional[str] = ..., clock: _Optional[_Union[ClockStatus, _Mapping]] = ..., silent_ms: _Optional[int] = ..., keep_awake: _Optional[_Union[KeepAwake, str]] = ...) -> None: ...

class ClockStatus(_message.Message):
    __slots__ = ("offset_ns", "error_ns", "rate_ppm", "rate_error_ppm", "last_exchange_time_ns", "smallest_round_trip_ns", "exchanges", "restarts", "is_schedulers", "chrony")
    OFFSET_NS_FIELD_NUMBER: _ClassVar[int]
    ERROR_NS_FIELD_NUMBER: _ClassVar[int]
    RATE_PPM_FIELD_NUMBER: _ClassVar[int]
    RATE_ERROR_PPM_FIELD_NUMBER: _ClassVar[int]
    LAST_EXCHANGE_TIME_NS_FIELD_NUMBER: _ClassVar[int]
    SMALLEST_ROUND_TRIP_NS_FIELD_NUMBER: _ClassVar[int]
    EXCHANGES_FIELD_NUMBER: _ClassVar[int]
    RESTARTS_FIELD_NUMBER: _ClassVar[int]
    IS_SCHEDULERS_FIELD_NUMBER: _ClassVar[int]
    CHRONY_FIELD_NUMBER: _ClassVar[int]
    offset_ns: int
    error_ns: int
    rate_ppm: float
    rate_error_ppm: float
    last_exchange_time_ns: int
    smallest_round_trip_ns: int
    exchanges: int
    restarts: int
    is_schedulers: bool
    chrony: ChronyStatus
    def __init__(self, offset_ns: _Optional[int] = ..., error_ns: _Optional[int] = ..., rate_ppm: _Optional[float] = ..., rate_error_ppm: _Optional[float] = ..., last_exchange_time_ns: _Optional[int] = ..., smallest_round_trip_ns: _Optional[int] = ..., exchanges: _Optional[int] = ..., restarts: _Optional[int] = ..., is_schedulers: _Optional[bool] = ..., chrony: _Optional[_Union[ChronyStatus, _Mapping]] = ...) -> None: ...

class ChronyStatus(_message.Message):
    __slots__ = ("synchronised", "reference", "stratum", "offset_ns")
    SYNCHRONISED_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    STRATUM_FIELD_NUMBER: _ClassVar[int]
    OFFSET_NS_FIELD_NUMBER: _ClassVar[int]
    synchronised: bool
    reference: str
    stratum: int
    offset_ns: int
    def __init__(self, synchronised: _Optional[bool] = ..., reference: _Optional[str] = ..., stratum: _Optional[int] = ..., offset_ns: _Optional[int] = ...) -> None: ...

class Event(_message.Message):
    __slots__ = ("time_ns", "subject", "text")
    TIME_NS_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    time_ns: int
    subject: str
    text: str
    def __init__(self, time_ns: _Optional[int] = ..., subject: _Optional[str] = ..., text: _Optional[str] = ...) -> None: ...

class Problem(_message.Message):
    __slots__ = ("where", "path", "text", "remedy")
    WHERE_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    REMEDY_FIELD_NUMBER: _ClassVar[int]
    where: str
    path: str
    text: str
    remedy: str
    def __init__(self, where: _Optional[str] = ..., path: _Optional[str] = ..., text: _Optional[str] = ..., remedy: _Optional[str] = ...) -> None: ...
