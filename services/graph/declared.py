"""What graph.yaml declares, read key by key; names are not resolved yet.

Keys and defaults of the file format stand here and in declared_edges.py, nowhere else.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass

from rtmesh.graph.declared_edges import DeclaredEdge, PortName, read_input, read_port_name
from rtmesh.graph.fields import Field
from rtmesh.graph.names import GRAPH_NAME, LONGEST_NAME, MACHINE_NAME, NODE_NAME, is_name
from rtmesh.v1 import graph_pb2

FORMAT_VERSION = 1

GRAPH_KEYS = ("rtmesh", "name", "protos", "python_path", "nodes", "latency", "drain_timeout")
NODE_KEYS = (
    "service",
    "run",
    "command",
    "machine",
    "parameters",
    "inputs",
    "outputs",
    "restart",
    "when_failed",
    "setup_timeout",
    "step_timeout",
    "spin",
)

DRAIN_TIMEOUT_MS = 5_000
SETUP_TIMEOUT_MS = 60_000
STEP_TIMEOUT_MS = 5_000
# Under a real-time policy a longer one would keep everybody else from the CPU.
MOST_SPIN_US = 10_000
MAX_BYTES = 64 << 10
RESTART_MOST = 5
RESTART_BACKOFF_MS = 200

RESTART_WHEN = {"never": graph_pb2.RESTART_WHEN_NEVER, "on-failure": graph_pb2.RESTART_WHEN_ON_FAILURE}
WHEN_FAILED = {"stop_graph": graph_pb2.WHEN_FAILED_STOP_GRAPH, "continue": graph_pb2.WHEN_FAILED_CONTINUE}

_MS = 1_000_000
_US = 1_000
_RUN = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*", re.ASCII)
_PROTO = re.compile(r"[A-Za-z0-9_][\w.-]*(/[A-Za-z0-9_][\w.-]*)*\.proto", re.ASCII)
_TWO_WRITERS = "the input {} has two writers"
_ONE_WRITER = "an input takes one output: remove one, or merge the two in a node"
_LARGEST_BYTES = 1 << 30
_SMALLEST_BYTES = 64  # the header alone takes 57


@dataclass
class DeclaredNode:
    """One node as declared: `node` has what needs no contract, the rest waits for it."""

    field: Field
    node: graph_pb2.Node
    service: Field | None = None
    run: Field | None = None
    parameters: Field | None = None
    edges: list[DeclaredEdge] = dataclasses.field(default_factory=list)
    # Not even readable: what is missing downstream is then no problem of its own.
    unreadable_edges: int = 0
    outputs: list[DeclaredOutput] = dataclasses.field(default_factory=list)


@dataclass(frozen=True)
class DeclaredOutput:
    """An entry under `outputs`."""

    field: Field
    port: str
    max_bytes: int


@dataclass(frozen=True)
class DeclaredBudget:
    """An entry under `latency`."""

    field: Field
    start: PortName
    end: PortName
    p99_us: int


@dataclass
class DeclaredGraph:
    """The whole file."""

    name: str = ""
    protos: list[tuple[Field, str]] = dataclasses.field(default_factory=list)
    python_path: list[tuple[Field, str]] = dataclasses.field(default_factory=list)
    nodes: dict[str, DeclaredNode] = dataclasses.field(default_factory=dict)
    budgets: list[DeclaredBudget] = dataclasses.field(default_factory=list)
    drain_timeout_ms: int = DRAIN_TIMEOUT_MS


def read_graph(root: Field) -> DeclaredGraph:
    """Read the file's root; what is wrong is added to the root's problems."""
    fields = root.entries(GRAPH_KEYS, required=("rtmesh", "name", "protos", "nodes"))
    graph = DeclaredGraph()
    if "rtmesh" in fields:
        _check_version(fields["rtmesh"])
    if "name" in fields:
        graph.name = (
            fields["name"].name(GRAPH_NAME, "lower-case letters, digits, _ and -, a letter first") or ""
        )
    if "protos" in fields:
        graph.protos = _read_protos(fields["protos"])
    if "python_path" in fields:
        graph.python_path = fields["python_path"].texts("../lib")
    if "nodes" in fields:
        graph.nodes = _read_nodes(fields["nodes"])
    if "latency" in fields:
        budgets = [_read_budget(item) for item in fields["latency"].items()]
        graph.budgets = [budget for budget in budgets if budget is not None]
    graph.drain_timeout_ms = _milliseconds(fields, "drain_timeout", DRAIN_TIMEOUT_MS, lowest=0)
    return graph


def _check_version(version: Field) -> None:
    number = version.integer(0, 1 << 31)
    if number not in (None, FORMAT_VERSION):
        version.refuse(f"version {number} is unknown", f"this rtmesh reads version {FORMAT_VERSION}")


def _read_protos(protos: Field) -> list[tuple[Field, str]]:
    found = []
    for item, text in protos.texts("cursor/v1/cursor.proto"):
        if _PROTO.fullmatch(text):
            found.append((item, text))
        else:
            remedy = "name it relative to the graph's folder, or to an entry of python_path"
            item.refuse(f"{text!r:.80} is not the path of a .proto file", remedy)
    return found


def _read_nodes(nodes: Field) -> dict[str, DeclaredNode]:
    fields = nodes.named_entries()
    if nodes.is_mapping and not fields:
        nodes.refuse("there are no nodes", "add one")
    return {name: _read_node(name, field) for name, field in fields.items()}


def _read_node(name: str, field: Field) -> DeclaredNode:
    is_valid = is_name(name, NODE_NAME)
    if not is_valid:
        rule = f"lower-case letters, digits and _, a letter first, at most {LONGEST_NAME}"
        field.refuse_key(f"{name!r:.60} is not a name: {rule}", "rename the node")
    fields = field.entries(NODE_KEYS, required=("service",))
    declared = DeclaredNode(field, graph_pb2.Node(name=name if is_valid else ""))
    declared.service = fields.get("service")
    declared.parameters = fields.get("parameters")
    _read_program(declared, fields)
    _read_supervision(declared.node, fields)
    if "machine" in fields:
        rule = "letters, digits, _ and -, no _ or - first"
        declared.node.machine = fields["machine"].name(MACHINE_NAME, rule) or ""
    if "inputs" in fields:
        inputs = fields["inputs"].named_entries(_TWO_WRITERS, _ONE_WRITER)
        edges = [read_input(port, field) for port, field in inputs.items()]
        declared.edges = [edge for edge in edges if edge is not None]
        declared.unreadable_edges = edges.count(None) if fields["inputs"].is_mapping else 1
    elif field.has_other_keys_than(NODE_KEYS):
        declared.unreadable_edges = 1  # perhaps that was meant to be `inputs`
    if "outputs" in fields:
        declared.outputs = [_read_output(*item) for item in fields["outputs"].named_entries().items()]
    return declared


def _read_program(declared: DeclaredNode, fields: Mapping[str, Field]) -> None:
    if "run" in fields and "command" in fields:
        fields["command"].refuse_key("both run and command are given", "keep one of them")
    if "run" in fields:
        run = fields["run"].text("module:Class, such as nodes.decoder:Decoder")
        if run is not None and not _RUN.fullmatch(run):
            fields["run"].refuse(f"{run!r:.80} is not module:Class", "write it as nodes.decoder:Decoder")
        elif run is not None:
            declared.node.run, declared.run = run, fields["run"]
    elif "command" in fields:
        declared.node.command.extend(text for _, text in fields["command"].texts("./decoder"))
    elif declared.field.is_mapping:
        declared.field.refuse_key("neither run nor command is given", "add `run: module:Class`")


def _read_supervision(node: graph_pb2.Node, fields: Mapping[str, Field]) -> None:
    node.restart.CopyFrom(_read_restart(fields.get("restart")))
    node.when_failed = graph_pb2.WHEN_FAILED_STOP_GRAPH
    if "when_failed" in fields:
        node.when_failed = fields["when_failed"].choice(WHEN_FAILED) or node.when_failed
    node.setup_timeout_ms = _milliseconds(fields, "setup_timeout", SETUP_TIMEOUT_MS)
    node.step_timeout_ms = _milliseconds(fields, "step_timeout", STEP_TIMEOUT_MS)
    if "spin" in fields:
        node.spin_us = fields["spin"].duration(_US, highest=MOST_SPIN_US) or 0


def _read_restart(restart: Field | None) -> graph_pb2.Restart:
    read = graph_pb2.Restart(
        when=graph_pb2.RESTART_WHEN_NEVER, most=RESTART_MOST, backoff_ms=RESTART_BACKOFF_MS
    )
    if restart is None:
        return read
    fields = restart.entries(("when", "most", "backoff"), required=("when",))
    when = fields["when"].choice(RESTART_WHEN) if "when" in fields else None
    read.when = when or read.when
    if "most" in fields:
        read.most = fields["most"].integer(1, 1_000_000) or read.most
    read.backoff_ms = _milliseconds(fields, "backoff", RESTART_BACKOFF_MS)
    for key in ("most", "backoff"):
        if key in fields and when == graph_pb2.RESTART_WHEN_NEVER:
            fields[key].refuse_key(f"{key} has no effect when restart is never", "remove it")
    return read


def _read_output(port: str, field: Field) -> DeclaredOutput:
    fields = field.entries(("max_bytes",))
    size = fields["max_bytes"].size_bytes(_SMALLEST_BYTES, _LARGEST_BYTES) if "max_bytes" in fields else None
    return DeclaredOutput(field, port, size or MAX_BYTES)


def _read_budget(field: Field) -> DeclaredBudget | None:
    fields = field.entries(("from", "to", "p99"), required=("from", "to", "p99"))
    start = read_port_name(fields["from"]) if "from" in fields else None
    end = read_port_name(fields["to"]) if "to" in fields else None
    p99_us = fields["p99"].duration(_US) if "p99" in fields else None
    if start is None or end is None or p99_us is None:
        return None
    return DeclaredBudget(field, start, end, p99_us)


def _milliseconds(fields: Mapping[str, Field], key: str, default: int, lowest: int = 1) -> int:
    value = fields[key].duration(_MS, lowest) if key in fields else None
    return default if value is None else value
