"""The good graph of these tests, and how to spoil it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from rtmesh.graph.load import LoadedGraph, check_graph
from rtmesh.graph.problems import GraphError
from rtmesh.graph.protos import compile_protos
from rtmesh.v1 import graph_pb2

DATA = Path(__file__).parent / "data"
GOOD = (DATA / "graph.yaml").read_text()
PROTO = (DATA / "rig/v1/rig.proto").read_text()

Edits = list[tuple[str, str]]


@functools.cache
def compiled(files: tuple[str, ...], folders: tuple[Path, ...]) -> bytes:
    return compile_protos(files, folders)


def edited(text: str, edits: Edits) -> str:
    for old, new in edits:
        assert text.count(old) >= 1, f"{old!r} is not in the good text"
        text = text.replace(old, new, 1)
    return text


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of the good graph."""
    return DATA


@pytest.fixture(scope="session")
def check() -> Callable[..., LoadedGraph]:
    """Check a text as if it stood in the good graph's folder."""

    def check_text(text: str, overrides: Mapping[str, str] | None = None) -> LoadedGraph:
        compile_once = lambda files, folders: compiled(tuple(files), tuple(folders))  # noqa: E731
        return check_graph(text, DATA / "graph.yaml", overrides or {}, compile_once)

    return check_text


@pytest.fixture(scope="session")
def good() -> str:
    """The text of the good graph."""
    return GOOD


@pytest.fixture
def graph(check: Callable[..., LoadedGraph]) -> graph_pb2.Graph:
    """The good graph, checked."""
    return check(GOOD).graph


@pytest.fixture(scope="session")
def problems_of(check: Callable[..., LoadedGraph]) -> Callable[..., list[str]]:
    """Every problem of the good graph after some edits, as text; [] if it is still good."""

    def problems(*edits: tuple[str, str], overrides: Mapping[str, str] | None = None) -> list[str]:
        try:
            check(edited(GOOD, list(edits)), overrides)
        except GraphError as error:
            return [str(problem) for problem in error.problems]
        return []

    return problems


@pytest.fixture
def proto_problems(tmp_path: Path) -> Callable[..., list[str]]:
    """Every problem of the good graph after some edits of its proto."""

    def problems(*edits: tuple[str, str]) -> list[str]:
        (tmp_path / "rig/v1").mkdir(parents=True)
        (tmp_path / "lib").mkdir()
        (tmp_path / "rig/v1/rig.proto").write_text(edited(PROTO, list(edits)))
        try:
            check_graph(GOOD, tmp_path / "graph.yaml")
        except GraphError as error:
            return [str(problem) for problem in error.problems]
        return []

    return problems
