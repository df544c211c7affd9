"""Load a graph for a verb; its problems become one error."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rtmesh.common.errors import RtmeshError
from rtmesh.graph.load import LoadedGraph, load_graph
from rtmesh.graph.problems import GraphError


def load(path: Path, settings: Sequence[tuple[str, str]]) -> LoadedGraph:
    """Load and check the graph at `path` with `--set` values over it.

    Raises:
        RtmeshError: with one line for each problem.
    """
    try:
        return load_graph(path, dict(settings))
    except GraphError as error:
        raise RtmeshError("\n".join(str(problem) for problem in error.problems)) from error
