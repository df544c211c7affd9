"""From a run to what users see of it."""

from __future__ import annotations

from rtmesh.common.errors import NotFoundError, UnavailableError
from rtmesh.graph.names import did_you_mean
from rtmesh.graph.plan import edge_name
from rtmesh.scheduler import words
from rtmesh.scheduler.machines import Machines
from rtmesh.scheduler.nodes import SETTLED
from rtmesh.scheduler.runs import Run
from rtmesh.v1 import graph_pb2, plan_pb2, status_pb2


def graph_status(run: Run, machines: Machines, now_ns: int) -> status_pb2.GraphStatus:
    """The whole status of a graph whose newest run is `run`."""
    return status_pb2.GraphStatus(
        name=run.name,
        run=run.id,
        phase=run.phase,
        reason=_reason(run, now_ns),
        nodes=[_node(run, node, now_ns) for node in run.nodes.statuses()],
        edges=_edges(run),
        budgets=[run.ledger.budget(budget) for budget in run.graph.budgets],
        events=run.history.events,
        machines=machines.statuses(now_ns, run.parts),
        applied_time_ns=run.times.applied_ns,
        running_time_ns=run.times.running_ns,
        ended_time_ns=run.times.ended_ns,
        accounts_time_ns=run.ledger.time_ns(run.present() or list(run.parts)),
        problems=run.problems,
    )


def _reason(run: Run, now_ns: int) -> str:
    silent = [
        f"machine {name} has not been heard for {words.whole_seconds(now_ns - absence.since_ns)}"
        for name, absence in run.unheard().items()
    ]
    if not silent:
        return run.reason
    whose = "its nodes go on there or not" if len(silent) == 1 else "their nodes go on there or not"
    text = f"{words.listed(silent)}; {whose}"
    return f"{run.reason}; {text}" if run.reason else f"degraded: {text}"


def _node(run: Run, node: status_pb2.NodeStatus, now_ns: int) -> status_pb2.NodeStatus:
    absence = run.unheard().get(node.machine)
    if absence is None or node.state in SETTLED:
        return node
    shown = status_pb2.NodeStatus()
    shown.CopyFrom(node)
    away = words.whole_seconds(now_ns - absence.since_ns)
    shown.state = status_pb2.NODE_STATE_LOST
    shown.reason = f"machine {node.machine} has not been heard for {away}; the node may go on"
    return shown


def _edges(run: Run) -> list[status_pb2.EdgeStatus]:
    if run.plan is None:
        return [status_pb2.EdgeStatus(edge=edge) for edge in run.graph.edges]
    return [_edge(run, plan) for plan in run.plan.edges]


def _edge(run: Run, plan: plan_pb2.EdgePlan) -> status_pb2.EdgeStatus:
    status = run.ledger.edge(plan, is_over=run.is_ended)
    if plan.transport == graph_pb2.TRANSPORT_GRPC:
        # Whether an edge is connected is known by the machine that receives.
        is_told = plan.to_machine not in run.unheard()
        status.connected = is_told and run.links[edge_name(plan.edge)].is_connected
    return status


def find_carrier(status: status_pb2.GraphStatus, node: str, machines: Machines) -> tuple[str, str]:
    """The joined machine that carries a node, or carried it last, and the node's run.

    Raises:
        NotFoundError: there is no such node, or it never ran.
        UnavailableError: its machine is not connected.
    """
    known = {each.name: each for each in status.nodes}
    if node not in known:
        raise NotFoundError(f"graph {status.name} has no node {node}", did_you_mean(node, sorted(known)))
    if known[node].state == status_pb2.NODE_STATE_UNSPECIFIED and not known[node].epoch:
        raise NotFoundError(f"node {node} of graph {status.name} has not run yet", status.reason)
    machine = known[node].machine
    if not machines.is_joined(machine):
        raise UnavailableError(
            f"machine {machine}, which carries {status.name}/{node}, is not connected",
            f"start `meshd --machine {machine}` there, or try again when it is back",
        )
    return machine, status.run
