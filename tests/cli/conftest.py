"""A mesh for the verbs: one scheduler a test file, empty before each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import Mesh
from scheduler_process import FakeMachine, SchedulerProcess, short_folder


@pytest.fixture(scope="module")
def scheduler() -> Iterator[SchedulerProcess]:
    with short_folder() as folder, SchedulerProcess(folder) as process:
        yield process


@pytest.fixture
def mesh(scheduler: SchedulerProcess, tmp_path: Path) -> Iterator[Mesh]:
    mesh = Mesh(scheduler.address, tmp_path / "contexts.toml")
    with mesh.client:
        yield mesh
        mesh.clear()


@pytest.fixture
def bench(mesh: Mesh) -> Iterator[FakeMachine]:
    """A machine that is joined and on which all goes well."""
    with FakeMachine(mesh.address, "bench") as machine:
        machine.wait_for("welcome")
        yield machine
        mesh.clear()
