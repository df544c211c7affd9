"""Rules for every test: it leaves no segment, no process and no socket folder behind."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from rtmesh.shm import list_segments

REPOSITORY = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the checkout."""
    return REPOSITORY


@pytest.fixture(autouse=True)
def leaves_nothing_behind() -> Iterator[None]:
    """Fail a test that leaves a segment, a child process or a socket folder."""
    before = (_segments(), _children(), _folders())
    yield
    left = [now - earlier for now, earlier in zip((_segments(), _children(), _folders()), before)]
    names = ("segments", "processes", "folders")
    told = [f"{name}: {sorted(map(str, extra))}" for name, extra in zip(names, left) if extra]
    assert not told, f"left behind by this test: {'; '.join(told)}"


def _segments() -> set[str]:
    return set(list_segments())


def _children() -> set[int]:
    return {process.pid for process in psutil.Process().children()}


def _folders() -> set[Path]:
    base = Path(os.environ.get("XDG_RUNTIME_DIR", tempfile.gettempdir()))
    return set(base.glob(f"rtmesh-{os.getuid()}-*"))
