"""Completion of names that the mesh knows now: asked of the scheduler, for at most a second."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

import click

from rtmesh.cli.connection import Session

if TYPE_CHECKING:
    from rtmesh.v1 import graph_pb2, status_pb2

_LIMIT_S = 1.0
Complete = Callable[[click.Context, click.Parameter, str], list[str]]
Members = Callable[["graph_pb2.Node"], Iterable[str]]


class _Question:
    """Asks one scheduler until the time is up."""

    def __init__(self, context: click.Context) -> None:
        given = context.params
        self._scheduler = given.get("scheduler") or ""
        self._context = given.get("context_name") or ""
        self._deadline_s = time.monotonic() + _LIMIT_S

    def graphs(self) -> list[status_pb2.GraphStatus]:
        with self._session() as session:
            return session.client.list()

    def definition(self, graph: str) -> graph_pb2.Graph:
        with self._session() as session:
            return session.client.definition(graph)

    def machines(self) -> list[status_pb2.MachineStatus]:
        with self._session() as session:
            return session.client.machines()

    def _session(self) -> Session:
        left_s = self._deadline_s - time.monotonic()
        if left_s <= 0:
            raise TimeoutError
        return Session(self._scheduler, self._context, timeout_s=left_s)


def _never_failing(names: Callable[[_Question, str], Iterable[str]]) -> Complete:
    def complete(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
        # A completion has nowhere to tell an error: no names are the answer to every one of them.
        try:
            found = list(names(_Question(context), incomplete))
        except Exception:
            return []
        return [name for name in found if name.startswith(incomplete)]

    return complete


def _graph_names(question: _Question, incomplete: str) -> Iterator[str]:
    yield from (status.name for status in question.graphs())


def _node_names(question: _Question, incomplete: str) -> Iterator[str]:
    """NODE where that is plain, else GRAPH/NODE; GRAPH/NODE too once its graph is being typed."""
    graphs = question.graphs()
    counts = Counter(node.name for status in graphs for node in status.nodes)
    for status in graphs:
        is_typed = bool(incomplete) and f"{status.name}/".startswith(incomplete[: len(status.name) + 1])
        for node in status.nodes:
            if counts[node.name] == 1:
                yield node.name
            if counts[node.name] > 1 or is_typed:
                yield f"{status.name}/{node.name}"


def _member_names(members: Members) -> Callable[[_Question, str], Iterator[str]]:
    def names(question: _Question, incomplete: str) -> Iterator[str]:
        nodes = list(_node_names(question, incomplete.partition(".")[0]))
        graphs = question.graphs()
        known: dict[str, graph_pb2.Graph] = {}
        for full in nodes:
            if not f"{full}.".startswith(incomplete[: len(full) + 1]):
                continue
            graph, _, name = full.rpartition("/")
            graph = graph or next(s.name for s in graphs if any(node.name == name for node in s.nodes))
            definition = known.get(graph) or known.setdefault(graph, question.definition(graph))
            node = next(node for node in definition.nodes if node.name == name)
            yield from (f"{full}.{member}" for member in members(node))

    return names


def _outputs(node: graph_pb2.Node) -> Iterator[str]:
    yield from (port.name for port in node.outputs)


def _inputs(node: graph_pb2.Node) -> Iterator[str]:
    yield from (port.name for port in node.inputs)


def _methods(node: graph_pb2.Node) -> Iterator[str]:
    yield from (method.name for method in node.methods)


def _machine_names(question: _Question, incomplete: str) -> Iterator[str]:
    yield from (machine.name for machine in question.machines())


complete_graphs = _never_failing(_graph_names)
complete_nodes = _never_failing(_node_names)
complete_methods = _never_failing(_member_names(_methods))
complete_machines = _never_failing(_machine_names)


def complete_ports(direction: str) -> Complete:
    """Completion of NODE.PORT for "output" or "input"."""
    return _never_failing(_member_names(_outputs if direction == "output" else _inputs))
