from rtmesh.v1 import graph_pb2 as _graph_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class RunPlan(_message.Message):
    __slots__ = ("graph", "run", "machines", "edges")
    GRAPH_FIELD_NUMBER: _ClassVar[int]
    RUN_FIELD_NUMBER: _ClassVar[int]
    MACHINES_FIELD_NUMBER: _ClassVar[int]
    EDGES_FIELD_NUMBER: _ClassVar[int]
    graph: str
    run: str
    machines: _containers.RepeatedCompositeFieldContainer[MachinePlan]
    edges: _containers.RepeatedCompositeFieldContainer[EdgePlan]
    def __init__(self, graph: _Optional[str] = ..., run: _Optional[str] = ..., machines: _Optional[_Iterable[_Union[MachinePlan, _Mapping]]] = ..., edges: _Optional[_Iterable[_Union[EdgePlan, _Mapping]]] = ...) -> None: ...

class EdgePlan(_message.Message):
    __slots__ = ("edge", "transport", "from_machine", "to_machine")
    EDGE_FIELD_NUMBER: _ClassVar[int]
    TRANSPORT_FIELD_NUMBER: _ClassVar[int]
    FROM_MACHINE_FIELD_NUMBER: _ClassVar[int]
    TO_MACHINE_FIELD_NUMBER: _ClassVar[int]
    edge: _graph_pb2.Edge
    transport: _graph_pb2.Transport
    from_machine: str
    to_machine: str
    def __init__(self, edge: _Optional[_Union[_graph_pb2.Edge, _Mapping]] = ..., transport: _Optional[_Union[_graph_pb2.Transport, str]] = ..., from_machine: _Optional[str] = ..., to_machine: _Optional[str] = ...) -> None: ...

class MachinePlan(_message.Message):
    __slots__ = ("machine", "graph", "run", "folder", "python_path", "descriptors", "nodes", "rings", "egress", "ingress", "files")
    MACHINE_FIELD_NUMBER: _ClassVar[int]
    GRAPH_FIELD_NUMBER: _ClassVar[int]
    RUN_FIELD_NUMBER: _ClassVar[int]
    FOLDER_FIELD_NUMBER: _ClassVar[int]
    PYTHON_PATH_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTORS_FIELD_NUMBER: _ClassVar[int]
    NODES_FIELD_NUMBER: _ClassVar[int]
    RINGS_FIELD_NUMBER: _ClassVar[int]
    EGRESS_FIELD_NUMBER: _ClassVar[int]
    INGRESS_FIELD_NUMBER: _ClassVar[int]
    FILES_FIELD_NUMBER: _ClassVar[int]
    machine: str
    graph: str
    run: str
    folder: str
    python_path: _containers.RepeatedScalarFieldContainer[str]
    descriptors: bytes
    nodes: _containers.RepeatedCompositeFieldContainer[NodePlan]
    rings: _containers.RepeatedCompositeFieldContainer[RingPlan]
    egress: _containers.RepeatedCompositeFieldContainer[EgressPlan]
    ingress: _containers.RepeatedCompositeFieldContainer[IngressPlan]
    files: _containers.RepeatedCompositeFieldContainer[_graph_pb2.CodeFile]
    def __init__(self, machine: _Optional[str] = ..., graph: _Optional[str] = ..., run: _Optional[str] = ..., folder: _Optional[str] = ..., python_path: _Optional[_Iterable[str]] = ..., descriptors: _Optional[bytes] = ..., nodes: _Optional[_Iterable[_Union[NodePlan, _Mapping]]] = ..., rings: _Optional[_Iterable[_Union[RingPlan, _Mapping]]] = ..., egress: _Optional[_Iterable[_Union[EgressPlan, _Mapping]]] = ..., ingress: _Optional[_Iterable[_Union[IngressPlan, _Mapping]]] = ..., files: _Optional[_Iterable[_Union[_graph_pb2.CodeFile, _Mapping]]] = ...) -> None: ...

class NodePlan(_message.Message):
    __slots__ = ("node", "outputs", "inputs", "time_slice_us")
    NODE_FIELD_NUMBER: _ClassVar[int]
    OUTPUTS_FIELD_NUMBER: _ClassVar[int]
    INPUTS_FIELD_NUMBER: _ClassVar[int]
    TIME_SLICE_US_FIELD_NUMBER: _ClassVar[int]
    node: _graph_pb2.Node
    outputs: _containers.RepeatedCompositeFieldContainer[OutputBinding]
    inputs: _containers.RepeatedCompositeFieldContainer[InputBinding]
    time_slice_us: int
    def __init__(self, node: _Optional[_Union[_graph_pb2.Node, _Mapping]] = ..., outputs: _Optional[_Iterable[_Union[OutputBinding, _Mapping]]] = ..., inputs: _Optional[_Iterable[_Union[InputBinding, _Mapping]]] = ..., time_slice_us: _Optional[int] = ...) -> None: ...

class OutputBinding(_message.Message):
    __slots__ = ("port", "ring")
    PORT_FIELD_NUMBER: _ClassVar[int]
    RING_FIELD_NUMBER: _ClassVar[int]
    port: str
    ring: str
    def __init__(self, port: _Optional[str] = ..., ring: _Optional[str] = ...) -> None: ...

class InputBinding(_message.Message):
    __slots__ = ("port", "ring", "reader", "when_full", "is_free")
    PORT_FIELD_NUMBER: _ClassVar[int]
    RING_FIELD_NUMBER: _ClassVar[int]
    READER_FIELD_NUMBER: _ClassVar[int]
    WHEN_FULL_FIELD_NUMBER: _ClassVar[int]
    IS_FREE_FIELD_NUMBER: _ClassVar[int]
    port: str
    ring: str
    reader: int
    when_full: _graph_pb2.WhenFull
    is_free: bool
    def __init__(self, port: _Optional[str] = ..., ring: _Optional[str] = ..., reader: _Optional[int] = ..., when_full: _Optional[_Union[_graph_pb2.WhenFull, str]] = ..., is_free: _Optional[bool] = ...) -> None: ...

class RingPlan(_message.Message):
    __slots__ = ("name", "entries", "slot_bytes", "readers", "spare_readers", "budget_origins")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    SLOT_BYTES_FIELD_NUMBER: _ClassVar[int]
    READERS_FIELD_NUMBER: _ClassVar[int]
    SPARE_READERS_FIELD_NUMBER: _ClassVar[int]
    BUDGET_ORIGINS_FIELD_NUMBER: _ClassVar[int]
    name: str
    entries: int
    slot_bytes: int
    readers: _containers.RepeatedCompositeFieldContainer[ReaderPlan]
    spare_readers: int
    budget_origins: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, name: _Optional[str] = ..., entries: _Optional[int] = ..., slot_bytes: _Optional[int] = ..., readers: _Optional[_Iterable[_Union[ReaderPlan, _Mapping]]] = ..., spare_readers: _Optional[int] = ..., budget_origins: _Optional[_Iterable[int]] = ...) -> None: ...

class ReaderPlan(_message.Message):
    __slots__ = ("name", "when_full", "queue", "hold", "hold_absent_ms")
    NAME_FIELD_NUMBER: _ClassVar[int]
    WHEN_FULL_FIELD_NUMBER: _ClassVar[int]
    QUEUE_FIELD_NUMBER: _ClassVar[int]
    HOLD_FIELD_NUMBER: _ClassVar[int]
    HOLD_ABSENT_MS_FIELD_NUMBER: _ClassVar[int]
    name: str
    when_full: _graph_pb2.WhenFull
    queue: int
    hold: int
    hold_absent_ms: int
    def __init__(self, name: _Optional[str] = ..., when_full: _Optional[_Union[_graph_pb2.WhenFull, str]] = ..., queue: _Optional[int] = ..., hold: _Optional[int] = ..., hold_absent_ms: _Optional[int] = ...) -> None: ...

class EgressPlan(_message.Message):
    __slots__ = ("edge", "ring", "reader", "when_full", "to_machine", "own_lane")
    EDGE_FIELD_NUMBER: _ClassVar[int]
    RING_FIELD_NUMBER: _ClassVar[int]
    READER_FIELD_NUMBER: _ClassVar[int]
    WHEN_FULL_FIELD_NUMBER: _ClassVar[int]
    TO_MACHINE_FIELD_NUMBER: _ClassVar[int]
    OWN_LANE_FIELD_NUMBER: _ClassVar[int]
    edge: str
    ring: str
    reader: int
    when_full: _graph_pb2.WhenFull
    to_machine: str
    own_lane: bool
    def __init__(self, edge: _Optional[str] = ..., ring: _Optional[str] = ..., reader: _Optional[int] = ..., when_full: _Optional[_Union[_graph_pb2.WhenFull, str]] = ..., to_machine: _Optional[str] = ..., own_lane: _Optional[bool] = ...) -> None: ...

class IngressPlan(_message.Message):
    __slots__ = ("edge", "ring", "from_machine", "when_full", "queue", "own_lane")
    EDGE_FIELD_NUMBER: _ClassVar[int]
    RING_FIELD_NUMBER: _ClassVar[int]
    FROM_MACHINE_FIELD_NUMBER: _ClassVar[int]
    WHEN_FULL_FIELD_NUMBER: _ClassVar[int]
    QUEUE_FIELD_NUMBER: _ClassVar[int]
    OWN_LANE_FIELD_NUMBER: _ClassVar[int]
    edge: str
    ring: str
    from_machine: str
    when_full: _graph_pb2.WhenFull
    queue: int
    own_lane: bool
    def __init__(self, edge: _Optional[str] = ..., ring: _Optional[str] = ..., from_machine: _Optional[str] = ..., when_full: _Optional[_Union[_graph_pb2.WhenFull, str]] = ..., queue: _Optional[int] = ..., own_lane: _Optional[bool] = ...) -> None: ...
