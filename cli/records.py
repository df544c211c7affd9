"""What `get` and `describe` give as JSON and YAML: the keys of the summary, and which graph it is of."""

from __future__ import annotations

from typing import Any

from rtmesh.cli.clocks import clock_record
from rtmesh.cli.summary import (
    budget_summary,
    edge_summary,
    machine_summary,
    node_summary,
    problem_summary,
)
from rtmesh.cli.tables import keep_awake_name, phase_name
from rtmesh.cli.times import iso_text
from rtmesh.v1 import graph_pb2, status_pb2

Record = dict[str, Any]


def graph_record(status: status_pb2.GraphStatus) -> Record:
    """A graph in a few lines."""
    return {
        "graph": status.name,
        "run": status.run,
        "phase": phase_name(status.phase),
        "reason": status.reason,
        "nodes": [node.name for node in status.nodes],
        "machines": [machine.name for machine in status.machines],
        **_time("applied", status.applied_time_ns),
        **_time("running", status.running_time_ns),
        **_time("ended", status.ended_time_ns),
        "problems": [problem_summary(problem) for problem in status.problems],
    }


def node_record(graph: str, node: status_pb2.NodeStatus) -> Record:
    return {"graph": graph, "node": node.name, **node_summary(node)}


def edge_record(status: status_pb2.GraphStatus, edge: status_pb2.EdgeStatus) -> Record:
    return {
        "graph": status.name,
        **edge_summary(edge),
        "queue": edge.edge.queue,
        "reader": reader_name(edge) if edge.reader_state else None,
        "connected": edge.connected,
        "holding": edge.is_holding,
        "waits": waits_text(edge) or None,
        **_time("accounts", status.accounts_time_ns),
    }


def machine_record(machine: status_pb2.MachineStatus) -> Record:
    return {
        "machine": machine.name,
        "connected": machine.connected,
        "silent_s": machine.silent_ms / 1000 if machine.silent_ms else None,
        "hostname": machine.hostname,
        "data_address": machine.data_address,
        "cpu_count": machine.cpu_count,
        "memory_bytes": machine.memory_bytes,
        "keep_awake": keep_awake_name(machine.keep_awake),
        "kernel": machine.kernel,
        "version": machine.version,
        "clock": clock_record(machine),
        "processes": machine_summary(machine),
    }


def event_record(event: status_pb2.Event) -> Record:
    return {**_time("event", event.time_ns), "subject": event.subject, "text": event.text}


def full_graph_record(status: status_pb2.GraphStatus, graph: graph_pb2.Graph) -> Record:
    """All of a graph: what was asked for, what is, and what happened."""
    return {
        **graph_record(status),
        "folder": graph.folder,
        "drain_timeout_ms": graph.drain_timeout_ms,
        "nodes": {node.name: node_summary(node) for node in status.nodes},
        "edges": [edge_record(status, edge) for edge in status.edges],
        "budgets": [budget_summary(item) for item in status.budgets],
        "machines": {machine.name: machine_record(machine) for machine in status.machines},
        "events": [event_record(event) for event in status.events],
        "source": graph.source,
    }


def full_node_record(status: status_pb2.GraphStatus, node: status_pb2.NodeStatus, spec: Record) -> Record:
    """All of a node."""
    return {
        **node_record(status.name, node),
        "spec": spec,
        "edges": [edge_record(status, edge) for edge in edges_of(status, node.name)],
        "events": [event_record(event) for event in events_of(status, node.name)],
    }


def edges_of(status: status_pb2.GraphStatus, node: str) -> list[status_pb2.EdgeStatus]:
    """The edges that begin or end at a node."""
    return [edge for edge in status.edges if node in (edge.edge.from_node, edge.edge.to_node)]


def events_of(status: status_pb2.GraphStatus, node: str) -> list[status_pb2.Event]:
    """What happened to a node."""
    return [event for event in status.events if event.subject == f"node {node}"]


def waits_text(edge: status_pb2.EdgeStatus) -> str:
    """Who blocks whom: "pointer waits for decoder"; empty if the writer does not wait."""
    return f"{edge.edge.from_node} waits for {edge.edge.to_node}" if edge.is_holding else ""


def reader_name(edge: status_pb2.EdgeStatus) -> str:
    """attached, absent or gone; "-" while nothing is known."""
    if edge.reader_state == status_pb2.READER_STATE_UNSPECIFIED:
        return "-"
    return status_pb2.ReaderState.Name(edge.reader_state).removeprefix("READER_STATE_").lower()


def _time(name: str, time_ns: int) -> Record:
    """Nanoseconds for programs that compute, ISO 8601 for those that show; null if it has not come."""
    return {f"{name}_time_ns": time_ns or None, f"{name}_time": iso_text(time_ns)}
