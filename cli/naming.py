"""Names on the mesh: GRAPH/NODE and GRAPH/NODE.PORT, where GRAPH/ may be left out if it is plain.

GRAPH/ is plain when only one graph has such a node, or only one that has it lives.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from rtmesh.common.errors import FailedPreconditionError, InvalidArgumentError, NotFoundError
from rtmesh.graph.names import did_you_mean

if TYPE_CHECKING:
    from rtmesh.client import Client
    from rtmesh.v1 import graph_pb2, status_pb2

NamedT = TypeVar("NamedT", "graph_pb2.Port", "graph_pb2.Method")


@dataclass(frozen=True)
class FoundNode:
    """A node of a graph on the mesh: what is said of it, and how it is.

    Args:
        graph: the graph as it was applied, its protos included.
        node: the node in it.
        status: how the node is now.
    """

    graph: graph_pb2.Graph
    node: graph_pb2.Node
    status: status_pb2.NodeStatus

    @property
    def full_name(self) -> str:
        """GRAPH/NODE."""
        return f"{self.graph.name}/{self.node.name}"


@dataclass(frozen=True)
class FoundPort:
    """A port of a node on the mesh."""

    owner: FoundNode
    port: graph_pb2.Port

    @property
    def full_name(self) -> str:
        """GRAPH/NODE.PORT."""
        return f"{self.owner.full_name}.{self.port.name}"


@dataclass(frozen=True)
class FoundMethod:
    """A method of a node on the mesh."""

    owner: FoundNode
    method: graph_pb2.Method

    @property
    def full_name(self) -> str:
        """GRAPH/NODE.METHOD."""
        return f"{self.owner.full_name}.{self.method.name}"


def find_graph(client: Client, name: str) -> status_pb2.GraphStatus:
    """The status of a graph. Raises NotFoundError with the name that was probably meant."""
    try:
        return client.get(name)
    except NotFoundError:
        raise _no_graph(name, client.list()) from None


def find_node(client: Client, text: str) -> FoundNode:
    """The node that "GRAPH/NODE" or "NODE" names.

    Raises:
        InvalidArgumentError: several graphs have such a node.
        NotFoundError: there is no such graph or node.
    """
    graph, _, node = text.rpartition("/")
    status = _graph_of(node, graph, client.list())
    definition = client.definition(status.name)
    found = next((item for item in definition.nodes if item.name == node), None)
    state = next((item for item in status.nodes if item.name == node), None)
    if found is None or state is None:
        # Applied anew between the two questions, without this node.
        raise NotFoundError(f"graph {status.name} has no node {node} any more")
    return FoundNode(definition, found, state)


def find_output(client: Client, text: str) -> FoundPort:
    """The output that "GRAPH/NODE.PORT" or "NODE.PORT" names. Raises like find_node."""
    owner, name = _find_owner(client, text, "PORT")
    return FoundPort(owner, _pick(owner, "output", name, owner.node.outputs, owner.node.inputs))


def find_input(client: Client, text: str) -> FoundPort:
    """The input that "GRAPH/NODE.PORT" or "NODE.PORT" names. Raises like find_node."""
    owner, name = _find_owner(client, text, "PORT")
    return FoundPort(owner, _pick(owner, "input", name, owner.node.inputs, owner.node.outputs))


def find_method(client: Client, text: str) -> FoundMethod:
    """The method that "GRAPH/NODE.METHOD" or "NODE.METHOD" names. Raises like find_node."""
    owner, name = _find_owner(client, text, "METHOD")
    return FoundMethod(owner, _pick(owner, "method", name, owner.node.methods))


def split_member(text: str, kind: str) -> tuple[str, str]:
    """ "GRAPH/NODE.NAME" as "GRAPH/NODE" and "NAME". Raises InvalidArgumentError.

    Args:
        kind: what NAME is called in the error: PORT, METHOD, PARAMETER.
    """
    owner, dot, name = text.partition(".")
    if not dot or not name or not owner.rpartition("/")[2]:
        raise InvalidArgumentError(
            f"{text!r:.80} names no {kind.lower()}", f"write NODE.{kind} or GRAPH/NODE.{kind}"
        )
    return owner, name


def require_address(found: FoundNode) -> str:
    """Where the node's service listens. Raises FailedPreconditionError if it has none now."""
    if found.status.address:
        return found.status.address
    raise FailedPreconditionError(
        f"{found.full_name} has no service now",
        f"see: meshctl describe node {found.full_name}",
    )


def _find_owner(client: Client, text: str, kind: str) -> tuple[FoundNode, str]:
    owner, name = split_member(text, kind)
    return find_node(client, owner), name


def _graph_of(node: str, graph: str, statuses: Sequence[status_pb2.GraphStatus]) -> status_pb2.GraphStatus:
    if graph:
        statuses = [status for status in statuses if status.name == graph] or _refuse_graph(graph, statuses)
    having = [status for status in statuses if any(item.name == node for item in status.nodes)]
    living = [status for status in having if lives(status)]
    if len(having) == 1 or len(living) == 1:
        return (living or having)[0]
    if having:
        names = ", ".join(f"{status.name}/{node}" for status in having)
        raise InvalidArgumentError(f"{len(having)} graphs have a node {node!r}", f"write one of {names}")
    raise _no_node(node, graph, statuses)


def _refuse_graph(name: str, statuses: Sequence[status_pb2.GraphStatus]) -> Sequence[status_pb2.GraphStatus]:
    raise _no_graph(name, statuses)


def _no_graph(name: str, statuses: Iterable[status_pb2.GraphStatus]) -> NotFoundError:
    remedy = did_you_mean(name, [status.name for status in statuses])
    return NotFoundError(
        f"there is no graph {name!r:.80}", remedy or "there is none at all: meshctl apply -f GRAPH"
    )


def _no_node(node: str, graph: str, statuses: Sequence[status_pb2.GraphStatus]) -> NotFoundError:
    if not statuses:
        return NotFoundError(f"there is no node {node!r:.80}", "no graph is there: meshctl apply -f GRAPH")
    where = f"graph {graph}" if graph else "any graph"
    # In the form that was typed: with GRAPH/ the nearest name is one of that graph.
    known = sorted({item.name for status in statuses for item in status.nodes})
    return NotFoundError(f"there is no node {node!r:.80} in {where}", did_you_mean(node, known))


def _pick(
    owner: FoundNode, kind: str, name: str, items: Iterable[NamedT], others: Iterable[NamedT] = ()
) -> NamedT:
    for item in items:
        if item.name == name:
            return item
    if name in {other.name for other in others}:
        other_kind = "input" if kind == "output" else "output"
        raise NotFoundError(f"{owner.full_name}.{name} is an {other_kind}", f"name an {kind}")
    known = [item.name for item in items]
    remedy = did_you_mean(name, known) or f"it has no {kind}s"
    raise NotFoundError(f"{owner.full_name} has no {kind} {name!r:.80}", remedy)


def lives(status: status_pb2.GraphStatus) -> bool:
    """Whether something more can happen to a graph by itself."""
    from rtmesh.v1 import status_pb2

    return status.phase not in (
        status_pb2.GRAPH_PHASE_STOPPED,
        status_pb2.GRAPH_PHASE_COMPLETED,
        status_pb2.GRAPH_PHASE_FAILED,
    )
