"""A running graph, and stock gRPC tools to talk to its nodes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from running import GRAPHS, up
from stock_tools import Grpcurl, Nodes, PlainStubs, Reflection, Tool, grpcurl

TOOLS = ["plain stubs", "reflection v1", "reflection v1alpha", *(["grpcurl"] if grpcurl() else [])]


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    """For tests that leave the graph as it was."""
    with up(GRAPHS / "count" / "outside.yaml", folder=tmp_path_factory.mktemp("run")) as running:
        running.until_said("graph outside: running")
        yield Nodes(running)
        running.stop()
        assert running.wait() == 0, running.err


@pytest.fixture
def own_nodes(tmp_path: Path) -> Iterator[Nodes]:
    """For a test that stops the graph and looks at its accounts."""
    graph = GRAPHS / "count" / "outside.yaml"
    with up(graph, "--set", "counter.rate_hz=2000", folder=tmp_path) as running:
        running.until_said("graph outside: running")
        yield Nodes(running)


@pytest.fixture(scope="session")
def plain_stubs(tmp_path_factory: pytest.TempPathFactory) -> PlainStubs:
    return PlainStubs(tmp_path_factory.mktemp("generated"))


@pytest.fixture(params=TOOLS)
def tool(request: pytest.FixtureRequest, plain_stubs: PlainStubs) -> Tool:
    """Each stock tool that is there."""
    kind, _, version = request.param.partition(" ")
    if kind == "reflection":
        return Reflection(version)
    return Grpcurl(str(grpcurl())) if kind == "grpcurl" else plain_stubs
