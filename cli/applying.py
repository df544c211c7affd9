"""Bring a graph to the mesh: as its machines find it, with what its code must be."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from rtmesh.cli.following import wait_for_phase
from rtmesh.cli.loading import load
from rtmesh.cli.tables import phase_name
from rtmesh.client import Client
from rtmesh.common.errors import RtmeshError, describe_problem
from rtmesh.graph.code_files import code_files
from rtmesh.v1 import graph_pb2, scheduler_pb2, status_pb2


def load_for_mesh(file: Path, root: Path, settings: Sequence[tuple[str, str]]) -> graph_pb2.Graph:
    """Load and check a graph; its folder is relative to `root` if it lies below, and its code is listed.

    Raises:
        RtmeshError: with every problem of the graph, one a line.
    """
    loaded = load(file, settings)
    graph = loaded.graph
    graph.folder = folder_below(loaded.folder, root)
    graph.files.extend(_code(graph, loaded.folder))
    return graph


def _code(graph: graph_pb2.Graph, folder: Path) -> list[graph_pb2.CodeFile]:
    programs = [node.command[0] for node in graph.nodes if node.command]
    try:
        return code_files(folder, graph.python_path, programs)
    except OSError as error:
        raise RtmeshError(
            f"{error.filename} cannot be read: {error.strerror}", "it is code of the graph: make it readable"
        ) from error


def folder_below(folder: Path, root: Path) -> str:
    """The folder relative to `root`, where machines may have it elsewhere; absolute if it lies outside."""
    folder, root = folder.resolve(), root.resolve()
    return folder.relative_to(root).as_posix() if folder.is_relative_to(root) else str(folder)


def apply_graph(client: Client, graph: graph_pb2.Graph) -> str:
    """Apply a graph and say what became of it; the run."""
    response = client.apply(graph)
    outcome = scheduler_pb2.ApplyOutcome.Name(response.outcome).removeprefix("APPLY_OUTCOME_").lower()
    click.echo(f"graph {graph.name} {outcome} (run {response.run})")
    return response.run


def await_running(client: Client, name: str, run: str, timeout_s: float) -> list[str]:
    """Wait until a run is running; if it cannot, every reason why."""
    outcome = wait_for_phase(client, name, "running", timeout_s, run)
    if not outcome.has_come_true:
        return why_not_running(outcome.status)
    click.echo(f"graph {name} {phase_name(outcome.status.phase)}")
    return []


def why_not_running(status: status_pb2.GraphStatus) -> list[str]:
    """What kept a graph from running: each problem, else each failed node, else the graph's own reason."""
    if status.problems:
        return [describe_problem(problem) for problem in status.problems]
    failed = [node for node in status.nodes if node.state == status_pb2.NODE_STATE_FAILED]
    told = [
        f"node {node.name} on {node.machine} failed: {node.reason}\n{_indented(node.detail)}".rstrip()
        for node in failed
    ]
    return told or [f"graph {status.name} is {phase_name(status.phase)}: {status.reason}"]


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())
