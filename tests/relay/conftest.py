"""Two relays, made and ended for a test."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from relay_edge import Edge
from relay_pair import Pair


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder whose path is short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="relay-") as path:
        yield Path(path)


@pytest.fixture
def ordinary(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """Which relays have lanes by the library grpc: none, but where a test asks (`on_both_wires`)."""
    return getattr(request, "param", ())


@pytest.fixture
def pair(folder: Path, ordinary: tuple[str, ...]) -> Iterator[Callable[..., Pair]]:
    """Make two relays that carry edges."""
    with ExitStack() as stack:

        def make(
            *edges: Edge, data: str | None = None, right_data: str | None = None, carry: bool = True
        ) -> Pair:
            for edge in edges:
                stack.callback(edge.close)
            made = Pair(folder, *edges, data=data, right_data=right_data, ordinary=ordinary)
            stack.callback(made.close)
            if carry:
                made.carry()
            return made

        yield make
