"""A served node for the tests of the service process: one process for all tests of a file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from served_node import Client, FakeLoop, ServedNode


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedNode]:
    served = ServedNode(tmp_path_factory.mktemp("node"))
    yield served
    served.close()


@pytest.fixture
def own_node(tmp_path: Path) -> Iterator[ServedNode]:
    """For a test that ends the process."""
    served = ServedNode(tmp_path)
    yield served
    served.close()


@pytest.fixture
def client(node: ServedNode) -> Iterator[Client]:
    client = Client(node)
    yield client
    client.close()


@pytest.fixture
def loop(node: ServedNode) -> Iterator[FakeLoop]:
    """A life of the loop, from the test's begin to its end."""
    loop = FakeLoop(node)
    yield loop
    loop.close()
