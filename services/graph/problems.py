"""What is wrong with a graph: problems, and the errors that carry them.

GraphError          the graph, as written, cannot be used: every problem at once
├── PlanError       the graph is right, the machines at hand cannot carry it
└── ParameterError  values do not fit a parameters message
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rtmesh.common.errors import InvalidArgumentError
from rtmesh.v1 import status_pb2


@dataclass(frozen=True)
class Problem:
    """One thing wrong with a graph: where, what, and what to do.

    `where` is FILE:LINE:COLUMN (both from 1), `--set NODE.PARAMETER`, a machine's name, or empty;
    `path` names the key (nodes.decoder.inputs.bins), or is empty.
    """

    where: str
    path: str
    text: str
    remedy: str = ""

    def __str__(self) -> str:
        subject = ": ".join(part for part in (self.where, self.path, self.text) if part)
        return f"{subject}; {self.remedy}" if self.remedy else subject

    def to_proto(self) -> status_pb2.Problem:
        return status_pb2.Problem(where=self.where, path=self.path, text=self.text, remedy=self.remedy)


class GraphError(InvalidArgumentError):
    """The graph cannot be used; `problems` has everything that is wrong with it, in file order."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(map(str, self.problems)))


class PlanError(GraphError):
    """The machines at hand cannot carry the graph."""


@dataclass(frozen=True)
class ParameterProblem:
    """One value that does not fit; `path` leads to it: ("gains", "2", "low")."""

    path: tuple[str, ...]
    text: str
    remedy: str = ""

    def at(self, where: str, prefix: str) -> Problem:
        """The problem as one of a graph, `prefix` before its path."""
        return Problem(where, join_path(prefix, *self.path), self.text, self.remedy)


class ParameterError(GraphError):
    """Values do not fit a parameters message; `parameters` keeps each path in parts."""

    def __init__(self, parameters: Iterable[ParameterProblem]) -> None:
        self.parameters = list(parameters)
        super().__init__([problem.at("", "") for problem in self.parameters])


def join_path(*parts: str) -> str:
    """Join keys with dots, and list places without: ("latency", "[0]", "from") -> latency[0].from."""
    joined = ""
    for part in parts:
        joined += part if part.startswith("[") or not joined else f".{part}"
    return joined
