"""Finding a node by name among the graphs of a mesh."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from rtmesh.common.errors import FailedPreconditionError, InvalidArgumentError, NotFoundError

if TYPE_CHECKING:
    from rtmesh.client import Client
    from rtmesh.v1 import graph_pb2, status_pb2


def find_node(client: Client, name: str) -> tuple[graph_pb2.Graph, status_pb2.NodeStatus]:
    """The graph, as it was applied, and the status of the node that GRAPH/NODE or NODE names.

    Raises:
        NotFoundError: there is no such graph or node.
        InvalidArgumentError: several graphs have such a node, and not just one of them runs.
    """
    graph, _, node = name.rpartition("/")
    statuses = [status for status in client.list() if graph in ("", status.name)]
    having = [(status, each) for status in statuses for each in status.nodes if each.name == node]
    living = [pair for pair in having if not _has_ended(pair[0])]
    if not having:
        raise NotFoundError(f"there is no node {name!r:.80}", _known_nodes(statuses))
    if len(having) > 1 and len(living) != 1:
        names = ", ".join(f"{status.name}/{node}" for status, _ in having)
        raise InvalidArgumentError(f"{len(having)} graphs have a node {node!r}", f"write one of {names}")
    status, node_status = (living or having)[0]
    return client.definition(status.name), node_status


def require_service(name: str, status: status_pb2.NodeStatus) -> None:
    """Refuse a node that nobody can reach. Raises FailedPreconditionError with the reason."""
    from rtmesh.v1 import status_pb2

    if status.state == status_pb2.NODE_STATE_LOST:
        machine = f"its machine {status.machine} is not connected"
        raise FailedPreconditionError(f"node {name} is lost: {machine}", f"start meshd on {status.machine}")
    if status.state == status_pb2.NODE_STATE_STOPPED:
        raise FailedPreconditionError(f"node {name} is stopped", "apply its graph again")
    if not status.address:
        raise FailedPreconditionError(f"node {name} has no service yet", "try again when it runs")


def over_word(status: status_pb2.NodeStatus) -> str:
    """ "has ended" or "has failed (REASON)" of a node that has; its service may be gone too."""
    from rtmesh.v1 import status_pb2

    if status.state == status_pb2.NODE_STATE_ENDED:
        return "has ended"
    if status.state == status_pb2.NODE_STATE_FAILED:
        return f"has failed ({status.reason})" if status.reason else "has failed"
    return ""


def _has_ended(status: status_pb2.GraphStatus) -> bool:
    from rtmesh.v1 import status_pb2

    return status.phase in (
        status_pb2.GRAPH_PHASE_STOPPED,
        status_pb2.GRAPH_PHASE_COMPLETED,
        status_pb2.GRAPH_PHASE_FAILED,
    )


def _known_nodes(statuses: Iterable[status_pb2.GraphStatus]) -> str:
    names = [f"{status.name}/{node.name}" for status in statuses for node in status.nodes]
    return f"known: {', '.join(names)}" if names else "no graph is there"
