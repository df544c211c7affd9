"""The nodes of one run: their states as the machines tell them, and what those states add up to."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from rtmesh.v1 import graph_pb2, plan_pb2, status_pb2

NodeStatus = status_pb2.NodeStatus
NodeState = status_pb2.NodeState

FINAL = frozenset({status_pb2.NODE_STATE_ENDED, status_pb2.NODE_STATE_STOPPED, status_pb2.NODE_STATE_FAILED})
SETTLED = FINAL | {status_pb2.NODE_STATE_LOST}
AT_THE_BARRIER = SETTLED | {
    status_pb2.NODE_STATE_READY,
    status_pb2.NODE_STATE_RUNNING,
    status_pb2.NODE_STATE_STUCK,
    status_pb2.NODE_STATE_DRAINING,
}
DRAINED = SETTLED | {status_pb2.NODE_STATE_DRAINING}


@dataclass(frozen=True)
class Change:
    """A node went from one state to another."""

    node: str
    text: str


def state_name(state: NodeState) -> str:
    """The state as people read it: "setting up"."""
    name: str = NodeState.Name(state)
    return name.removeprefix("NODE_STATE_").lower().replace("_", " ")


class Nodes:
    """Every node of a run, by name."""

    def __init__(self, graph: graph_pb2.Graph) -> None:
        self._statuses = {node.name: NodeStatus(name=node.name, machine=node.machine) for node in graph.nodes}
        self._may_fail = {
            node.name for node in graph.nodes if node.when_failed == graph_pb2.WHEN_FAILED_CONTINUE
        }

    def statuses(self) -> list[NodeStatus]:
        """All of them, in the order of the graph."""
        return list(self._statuses.values())

    def place(self, plan: plan_pb2.RunPlan) -> None:
        """Note which machine each node was placed on."""
        for machine in plan.machines:
            for node in machine.nodes:
                self._statuses[node.node.name].machine = machine.machine

    def recall(self, statuses: Iterable[NodeStatus]) -> None:
        """Take over what was stored of them."""
        for status in statuses:
            if status.name in self._statuses:
                self._statuses[status.name].CopyFrom(status)

    def take(self, machine: str, told: NodeStatus) -> Change | None:
        """Take in what a machine tells of a node of its own; the change, if its state is another now."""
        known = self._statuses.get(told.name)
        if known is None or known.machine != machine:
            return None
        before, restarts = known.state, known.restarts
        self._statuses[told.name] = _merge(known, told)
        if told.state in (before, status_pb2.NODE_STATE_UNSPECIFIED):
            return None
        return Change(told.name, _describe(told, has_restarted=told.restarts > restarts))

    def settle(
        self, machine: str, state: NodeState, reason: str = "", settled: frozenset[NodeState] = SETTLED
    ) -> list[str]:
        """Put every node of a machine whose state is not among `settled` into `state`; their names."""
        nodes = [
            node for node in self._statuses.values() if node.machine == machine and node.state not in settled
        ]
        for node in nodes:
            node.state = state
            node.reason = reason or node.reason
        return [node.name for node in nodes]

    def find_again(self, machine: str) -> None:
        """The machine is back: its lost nodes are in states that it is about to tell."""
        for node in self.in_state(status_pb2.NODE_STATE_LOST):
            if node.machine == machine:
                node.state = status_pb2.NODE_STATE_UNSPECIFIED
                node.reason = ""

    def of(self, machine: str) -> list[NodeStatus]:
        """The nodes of a machine."""
        return [node for node in self._statuses.values() if node.machine == machine]

    def steps(self, machines: Collection[str]) -> dict[tuple[str, str], int]:
        """How many steps each node of these machines has done."""
        return {(n.machine, n.name): n.steps for n in self._statuses.values() if n.machine in machines}

    def are_all_in(self, states: frozenset[NodeState]) -> bool:
        """Whether every node is in one of these states."""
        return all(node.state in states for node in self._statuses.values())

    def in_state(self, state: NodeState) -> list[NodeStatus]:
        """Nodes in a state, in the order of the graph."""
        return [node for node in self._statuses.values() if node.state == state]

    def fatal(self) -> NodeStatus | None:
        """The first node that failed, or was lost, and takes the graph with it."""
        bad = (status_pb2.NODE_STATE_FAILED, status_pb2.NODE_STATE_LOST)
        return next(
            (n for n in self._statuses.values() if n.state in bad and n.name not in self._may_fail), None
        )


def _merge(known: NodeStatus, told: NodeStatus) -> NodeStatus:
    """What was told, keeping what a short report leaves out: the result, and why the state is what it is."""
    merged = NodeStatus()
    merged.CopyFrom(told)
    merged.machine = known.machine
    merged.result_json = told.result_json or known.result_json
    if told.state in (known.state, status_pb2.NODE_STATE_UNSPECIFIED):
        merged.state = known.state
        merged.reason = told.reason or known.reason
        merged.detail = told.detail or known.detail
    return merged


def _describe(node: NodeStatus, has_restarted: bool) -> str:
    text = state_name(node.state)
    if has_restarted:
        text += f" (restart {node.restarts})"
    return f"{text}: {node.reason}" if node.reason else text
