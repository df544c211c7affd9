"""A served node for the tests of the service process: one process for all tests of a file."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from served_node import Client, FakeLoop, ServedNode
from served_node_fixtures import node as node
from served_node_fixtures import own_node as own_node


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
