"""Machines whose clocks are far apart: what users are told of latencies, budgets and clocks."""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from mesh import Mesh, connected
from running import GRAPHS, until

from rtmesh.common.clock import ClockPage
from rtmesh.shm import segment_name

FOLDER = GRAPHS / "count"
ENDLESS = ["--set", "counter.count=0", "--set", "counter.rate_hz=500", "--wait"]
FAST = "p99: 1us"
OFFSETS_S = {"left": 0, "right": 3600}


class Apart(Mesh):
    """Machines in time namespaces of their own: their monotonic clocks are what the test says. Needs root."""

    def _spawn(self, name: str, command: Sequence[str]) -> None:
        offset_s = OFFSETS_S.get(name, 0)
        enter = ["unshare", "--time", "--monotonic", str(offset_s)] if offset_s else []
        super()._spawn(name, [*enter, *command])


@pytest.fixture(scope="module")
def apart(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    """A scheduler, left beside it, and right an hour ahead."""
    folder = tmp_path_factory.mktemp("apart")
    shutil.copytree(FOLDER, folder / "root" / "count", ignore=shutil.ignore_patterns("__pycache__"))
    impatient = folder / "root" / "count" / "impatient.yaml"
    text = (FOLDER / "two_machines.yaml").read_text()
    impatient.write_text(text.replace("p99: 5s", FAST).replace("name: count2", "name: impatient"))
    made = Apart(folder, folder / "root")
    try:
        made.start_scheduler()
        for machine in OFFSETS_S:
            made.start_machine(machine)
        until(lambda: len(connected(made)) == len(OFFSETS_S), 30, "the machines to join")
        until(lambda: clock_of(made, "right").get("exchanges", 0) > 8, 20, "exchanges of stamps")
        yield made
    finally:
        made.close()


@pytest.fixture
def mesh(apart: Mesh) -> Iterator[Mesh]:
    yield apart
    for graph in apart.get("graphs"):
        apart.meshctl("delete", graph["graph"])


def test_machines_tell_how_far_their_clocks_are_from_the_scheduler_s(mesh: Mesh) -> None:
    left, right = clock_of(mesh, "left"), clock_of(mesh, "right")

    assert (left["is_schedulers"], left["offset_ns"], left["error_ns"]) == (True, 0, 0)
    # The namespace adds exactly an hour: the truth is known.
    assert abs(right["offset_ns"] + 3600 * 10**9) <= right["error_ns"] < 50_000_000
    assert right["smallest_round_trip_ns"] / 2 <= right["error_ns"]
    _, *rows = mesh.meshctl("get", "machines").splitlines()
    assert re.search(r"-3(600|599)\.\d{6} s  ± \d+\.\d\d (us|ms)  -", rows[1]) and " ± 0  -" in rows[0]


def test_what_loops_read_is_within_the_error(mesh: Mesh) -> None:
    """Read here, where the clock is the scheduler's: an hour less is added than there."""
    here, there = page_of(mesh, "left"), page_of(mesh, "right")
    try:
        zero_ns, hour_ns = here.course.offset_at(0), 3600 * 10**9
        course, now_ns = there.course, there_ns()
        assert abs(course.offset_at(now_ns) + hour_ns - zero_ns) <= course.error_at(now_ns)
    finally:
        here.close()
        there.close()


def test_a_latency_across_machines_is_told_with_its_error(mesh: Mesh) -> None:
    mesh.meshctl("apply", "-f", "count/two_machines.yaml", *ENDLESS)
    until(lambda: edge_of(mesh)["latency_us"].get("error"), 20, "latencies with their error")

    latency_us = edge_of(mesh)["latency_us"]
    table = mesh.meshctl("get", "edges", "count2")

    assert 0 < latency_us["error"] < 50_000 and latency_us["p50"] < 3600e6 / 2
    assert table.count(" ± ") == 3
    (budget,) = described(mesh, "count2")["budgets"]
    assert (budget["verdict"], budget["held"]) == ("held", True) and budget["measured"]["error"] > 0


def test_a_budget_smaller_than_the_error_is_neither_held_nor_missed(mesh: Mesh) -> None:
    mesh.meshctl("apply", "-f", "count/impatient.yaml", *ENDLESS)
    until(lambda: described(mesh, "impatient")["budgets"][0]["measured"]["count"], 20, "latencies")

    (budget,) = described(mesh, "impatient")["budgets"]

    assert (budget["verdict"], budget["held"]) == ("unknown", False)
    assert "unknown (± " in mesh.meshctl("describe", "graph", "impatient")


def clock_of(mesh: Mesh, name: str) -> dict[str, Any]:
    (clock,) = [machine["clock"] for machine in mesh.get("machines") if machine["machine"] == name]
    return clock or {}


def edge_of(mesh: Mesh) -> dict[str, Any]:
    (edge,) = mesh.get("edges", "count2")
    return edge


def described(mesh: Mesh, graph: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(mesh.meshctl("describe", "graph", graph, "-o", "json"))
    return told


def page_of(mesh: Mesh, machine: str) -> ClockPage:
    """The clock page of a machine of this mesh; another mesh may have one of that name."""
    return ClockPage.open(segment_name(machine, f"meshd-{mesh.processes[machine].pid}", "clock"))


def there_ns() -> int:
    """The monotonic clock of right."""
    return time.monotonic_ns() + OFFSETS_S["right"] * 10**9
