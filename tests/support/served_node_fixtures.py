"""A served node as fixtures, for the conftest of whoever tests with one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from served_node import ServedNode


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedNode]:
    """One process for all tests of a file."""
    served = ServedNode(tmp_path_factory.mktemp("node"))
    yield served
    served.close()


@pytest.fixture
def own_node(tmp_path: Path) -> Iterator[ServedNode]:
    """For a test that ends the process."""
    served = ServedNode(tmp_path)
    yield served
    served.close()
