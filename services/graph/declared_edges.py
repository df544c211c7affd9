"""The two forms of an input: `pointer.velocity`, or {from, queue, when_full, hold_absent}."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rtmesh.graph.document import Items, Scalar
from rtmesh.graph.fields import Field
from rtmesh.v1 import graph_pb2

QUEUE = 64
LONGEST_QUEUE = 65536
HOLD_ABSENT_MS = 15_000

WHEN_FULL = {
    "block": graph_pb2.WHEN_FULL_BLOCK,
    "drop_oldest": graph_pb2.WHEN_FULL_DROP_OLDEST,
    "latest": graph_pb2.WHEN_FULL_LATEST,
}

_MS = 1_000_000


@dataclass(frozen=True)
class PortName:
    """NODE.PORT as written, and where."""

    field: Field
    node: str
    port: str


@dataclass(frozen=True)
class DeclaredEdge:
    """An input, the output that it names, and the policy; `edge` has no names yet."""

    field: Field
    port: str
    source: PortName
    edge: graph_pb2.Edge


def read_port_name(field: Field) -> PortName | None:
    """Read NODE.PORT."""
    if isinstance(field.value, Items):
        field.refuse(
            "is a list: two writers to one input", "an input takes one output: merge the two in a node"
        )
        return None
    text = field.text("NODE.PORT, such as pointer.velocity")
    if text is None:
        return None
    node, dot, port = text.partition(".")
    if not (node and dot and port) or "." in port or text != text.strip():
        field.refuse(f"{text!r:.80} is not NODE.PORT", "write it as pointer.velocity")
        return None
    return PortName(field, node, port)


def read_input(port: str, field: Field) -> DeclaredEdge | None:
    """Read one entry under `inputs`."""
    edge = graph_pb2.Edge(when_full=graph_pb2.WHEN_FULL_BLOCK, queue=QUEUE, hold_absent_ms=HOLD_ABSENT_MS)
    source = field
    if isinstance(field.value, Scalar | Items):
        fields: Mapping[str, Field] = {}
    else:
        fields = field.entries(("from", "queue", "when_full", "hold_absent"), required=("from",))
        if "from" not in fields:
            return None
        source = fields["from"]
    _read_policy(edge, fields)
    name = read_port_name(source)
    return DeclaredEdge(field, port, name, edge) if name is not None else None


def _read_policy(edge: graph_pb2.Edge, fields: Mapping[str, Field]) -> None:
    if "when_full" in fields:
        edge.when_full = fields["when_full"].choice(WHEN_FULL) or edge.when_full
    if "queue" in fields:
        edge.queue = fields["queue"].integer(1, LONGEST_QUEUE) or edge.queue
    if "hold_absent" in fields:
        milliseconds = fields["hold_absent"].duration(_MS, lowest=0)
        edge.hold_absent_ms = HOLD_ABSENT_MS if milliseconds is None else milliseconds
    if edge.when_full == graph_pb2.WHEN_FULL_LATEST:
        edge.queue = 1
        if "queue" in fields:
            fields["queue"].refuse_key("latest has no queue: it is always the newest message", "remove queue")
    if edge.when_full != graph_pb2.WHEN_FULL_BLOCK and "hold_absent" in fields:
        text = "hold_absent has no effect: only a block edge holds its writer"
        fields["hold_absent"].refuse_key(text, "remove it")
