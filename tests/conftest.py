"""Rules for every test: it leaves no segment, no process and no socket folder behind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from leftovers import Leftovers, begin_session

REPOSITORY = Path(__file__).parent.parent

begin_session()


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the checkout."""
    return REPOSITORY


@pytest.fixture(scope="session")
def leftovers() -> Leftovers:
    """Tells what this session made from what another mesh of this user made."""
    return Leftovers()


@pytest.fixture(autouse=True)
def leaves_nothing_behind(leftovers: Leftovers) -> Iterator[None]:
    """Fail a test that leaves a segment, a child process or a socket folder."""
    before = leftovers.now()
    yield
    left = leftovers.since(before)
    assert not left, f"left behind by this test: {', '.join(left)}"
