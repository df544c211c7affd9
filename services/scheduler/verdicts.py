"""How a run ends, in the light of how its nodes did."""

from __future__ import annotations

from rtmesh.scheduler import words
from rtmesh.scheduler.nodes import NodeStatus
from rtmesh.scheduler.runs import PartState, Run, Verdict
from rtmesh.v1 import status_pb2

FAILED = status_pb2.GRAPH_PHASE_FAILED
STOPPED = status_pb2.GRAPH_PHASE_STOPPED
COMPLETED = status_pb2.GRAPH_PHASE_COMPLETED


def why_failed(node: NodeStatus) -> str:
    """Why a node that takes the graph with it did so."""
    if node.state == status_pb2.NODE_STATE_LOST:
        return f"{node.reason or 'its machine was lost'}, with node {node.name}"
    return f"node {node.name} failed: {node.reason or 'no reason was told'}"


def final_verdict(run: Run) -> Verdict:
    """The verdict, unless the nodes tell otherwise: a run with a node that failed has not gone well."""
    assert run.verdict is not None, "a run is stopped with a verdict"
    verdict = run.verdict
    failed = run.nodes.in_state(status_pb2.NODE_STATE_FAILED)
    lost = run.nodes.in_state(status_pb2.NODE_STATE_LOST)
    if verdict.phase == FAILED:
        return verdict
    if failed:
        return Verdict(FAILED, why_failed(failed[0]))
    if lost and verdict.phase == COMPLETED:
        return Verdict(FAILED, why_failed(lost[0]))
    gone = run.machines_in(PartState.LOST)
    if gone:
        note = f"; accounts of {words.machines(gone)} are as last reported"
        return Verdict(verdict.phase, verdict.reason + note)
    return verdict
