"""The summary of a run: what `meshctl up` prints at its end and writes as JSON."""

from __future__ import annotations

import json
from typing import Any

from rtmesh.cli import tables
from rtmesh.v1 import status_pb2


def summary_of(status: status_pb2.GraphStatus) -> dict[str, Any]:
    """A JSON object: graph, phase, duration, nodes, edges, budgets, machines, problems."""
    return {
        "graph": status.name,
        "run": status.run,
        "phase": tables.phase_name(status.phase),
        "reason": status.reason,
        "duration_s": duration_s(status),
        "nodes": {node.name: node_summary(node) for node in status.nodes},
        "edges": [edge_summary(edge) for edge in status.edges],
        "budgets": [budget_summary(item) for item in status.budgets],
        "machines": {machine.name: machine_summary(machine) for machine in status.machines},
        "problems": [problem_summary(problem) for problem in status.problems],
    }


def duration_s(status: status_pb2.GraphStatus) -> float:
    """How long the graph was running, in seconds."""
    if not status.running_time_ns or not status.ended_time_ns:
        return 0.0
    return (status.ended_time_ns - status.running_time_ns) / 1e9


def is_exact(edge: status_pb2.EdgeStatus) -> bool:
    """Whether the account adds up; its terms are counted apart from each other."""
    return edge.sent == edge.delivered + sum(edge.dropped.values()) + edge.in_flight


def node_summary(node: status_pb2.NodeStatus) -> dict[str, Any]:
    """A node: its state, what it did, its processes and result."""
    return {
        "state": tables.state_name(node.state),
        "machine": node.machine,
        "restarts": node.restarts,
        "reason": node.reason,
        "detail": node.detail,
        "steps": node.steps,
        "overruns": node.overruns,
        "unjoined": node.unjoined,
        "address": node.address,
        "process_ids": {"loop": node.loop.process_id, "service": node.service.process_id},
        "cpu_percent": {"loop": node.loop.cpu_percent, "service": node.service.cpu_percent},
        "cpus": {"loop": node.loop.cpus, "service": node.service.cpus},
        "memory_bytes": {"loop": node.loop.memory_bytes, "service": node.service.memory_bytes},
        "result": json.loads(node.result_json) if node.result_json else None,
    }


def edge_summary(edge: status_pb2.EdgeStatus) -> dict[str, Any]:
    """The account of an edge."""
    source, target = tables.edge_ends(edge.edge)
    return {
        "from": source,
        "to": target,
        "when_full": tables.policy_name(edge.edge.when_full),
        "transport": tables.transport_name(edge.transport) if edge.transport else None,
        "sent": edge.sent,
        "delivered": edge.delivered,
        "dropped": dict(edge.dropped),
        "in_flight": edge.in_flight,
        "exact": is_exact(edge),
        "rate_hz": edge.rate_hz,
        "latency_us": _latency(edge.latency),
    }


def budget_summary(item: status_pb2.BudgetStatus) -> dict[str, Any]:
    """A latency budget and what was measured."""
    budget = item.budget
    return {
        "from": f"{budget.from_node}.{budget.from_port}",
        "to": f"{budget.to_node}.{budget.to_port}",
        "p99_us": budget.p99_us,
        "measured": _latency(item.measured) | {"count": item.measured.count},
        "held": item.held,
        "verdict": tables.verdict_name(item),
    }


def _latency(summary: status_pb2.LatencySummary) -> dict[str, float | None]:
    if summary.count == 0:
        return {"p50": None, "p99": None, "max": None}
    told: dict[str, float | None] = {"p50": summary.p50_us, "p99": summary.p99_us, "max": summary.max_us}
    # Of a latency across machines, how far off the clocks may have been.
    return told | ({"error": summary.error_us} if summary.HasField("error_us") else {})


def machine_summary(machine: status_pb2.MachineStatus) -> dict[str, Any]:
    """The processes that serve a machine, by name."""
    return {
        process.name: {
            "process_id": process.process_id,
            "cpu_percent": process.cpu_percent,
            "memory_bytes": process.memory_bytes,
            "restarts": process.restarts,
        }
        for process in machine.processes
    }


def problem_summary(problem: status_pb2.Problem) -> dict[str, str]:
    """Where, what, and the remedy."""
    return {
        "where": problem.where,
        "path": problem.path,
        "text": problem.text,
        "remedy": problem.remedy,
    }
