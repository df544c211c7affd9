"""Preflight tells every problem of a plan at once, with its path and remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from rtmesh.graph.code_files import code_files
from rtmesh.machine import limits
from rtmesh.machine import preflight as subject
from rtmesh.machine.paths import RunPaths
from rtmesh.v1 import graph_pb2, plan_pb2, status_pb2

DECODER = """\
from __future__ import annotations
import json, os.path
import numpy as np
from helpers import helper
import filters.low_pass
import no_such_package.part
from no_such_package import other
from .beside import more
try:
    import not_needed
except ImportError:
    not_needed = None
class Decoder:
    def step(self):
        import later
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "decoder.py").write_text("class Decoder: ...\n")
    return tmp_path


def make_plan(folder: Path, *nodes: graph_pb2.Node, **fields: object) -> plan_pb2.MachinePlan:
    plans = [plan_pb2.NodePlan(node=node) for node in nodes]
    return plan_pb2.MachinePlan(machine="solo", run="run-1", folder=str(folder), nodes=plans, **fields)


def problems(plan: plan_pb2.MachinePlan, root: Path = Path("/")) -> list[status_pb2.Problem]:
    return subject.preflight(plan, root, RunPaths(Path("/run/mesh/solo/run-1")))


def texts(plan: plan_pb2.MachinePlan) -> list[tuple[str, str]]:
    return [(problem.path, problem.text) for problem in problems(plan)]


def test_a_plan_that_can_run_has_no_problem(folder):
    plan = make_plan(folder, graph_pb2.Node(name="decoder", run="decoder:Decoder"))

    assert problems(plan) == []


def test_a_relative_folder_is_found_under_root(folder):
    plan = make_plan(Path(folder.name), graph_pb2.Node(name="decoder", run="decoder:Decoder"))

    assert problems(plan, root=folder.parent) == []


def test_a_missing_folder_is_told_once_and_by_the_machine_that_lacks_it(folder):
    plan = make_plan(folder / "gone", graph_pb2.Node(name="decoder", run="decoder:Decoder"))

    found = problems(plan)

    assert [(problem.where, problem.text) for problem in found] == [
        ("solo", f"the graph's folder {folder}/gone does not exist")
    ]
    assert "--root" in found[0].remedy


def test_all_problems_come_at_once(folder):
    (folder / "simulate").write_text("#!/bin/sh\n")
    plan = make_plan(
        folder,
        graph_pb2.Node(name="a", run="missing:Decoder"),
        graph_pb2.Node(name="b", run="decoder:Encoder"),
        graph_pb2.Node(name="c", command=["./simulate", "--fast"]),
        graph_pb2.Node(name="d", command=["./missing"]),
        graph_pb2.Node(name="e", command=["no-such-program-anywhere"]),
        python_path=["lib"],
    )

    assert texts(plan) == [
        ("python_path", f"lib: folder {folder}/lib does not exist"),
        ("nodes.a.run", f"module missing is not found in {folder}, {folder}/lib"),
        ("nodes.b.run", f"{folder}/decoder.py has no class Encoder"),
        ("nodes.c.command", f"{folder}/simulate is not executable"),
        ("nodes.d.command", f"{folder}/missing does not exist"),
        ("nodes.e.command", "no-such-program-anywhere is not found on PATH"),
    ]


def test_a_module_on_python_path_is_found(folder, tmp_path_factory):
    library = tmp_path_factory.mktemp("library")
    (library / "ridge.py").write_text("class Ridge: ...\n")
    plan = make_plan(folder, graph_pb2.Node(name="r", run="ridge:Ridge"), python_path=[str(library)])

    assert problems(plan) == []


def test_rings_larger_than_shared_memory_are_told_with_both_numbers(folder, monkeypatch):
    reader = plan_pb2.ReaderPlan(name="b.in", when_full=graph_pb2.WHEN_FULL_BLOCK, queue=64, hold=4)
    ring = plan_pb2.RingPlan(name="a.out", entries=64, slot_bytes=1024 * 1024, readers=[reader])
    plan = make_plan(folder, rings=[ring])
    monkeypatch.setattr(limits, "free_bytes", lambda folder: 10 * 1024 * 1024)

    ((_, text),) = texts(plan)

    assert limits.needed_bytes(plan) > 64 * 1024 * 1024
    assert "10.0 MiB are free in /dev/shm" in text
    assert f"{limits.needed_bytes(plan) / 2**20:.1f} MiB of shared memory" in text


def test_too_few_open_files_are_told(folder, monkeypatch):
    monkeypatch.setattr(limits, "file_room", lambda: limits.Room(20, "64 (ulimit -n)"))
    plan = make_plan(folder, graph_pb2.Node(name="decoder", run="decoder:Decoder"))

    assert texts(plan) == [("", "1 nodes need 21 open files, 20 are left of 64 (ulimit -n)")]


def test_too_few_processes_are_told(folder, monkeypatch):
    monkeypatch.setattr(limits, "task_room", lambda: limits.Room(3, "100 (ulimit -u)"))
    plan = make_plan(folder, graph_pb2.Node(name="decoder", run="decoder:Decoder"))

    ((_, text),) = texts(plan)

    assert text == "1 nodes need about 16 processes and threads, 3 are left of 100 (ulimit -u)"


def test_the_limits_of_this_machine_can_be_read():
    assert limits.file_room().left > 0
    assert limits.task_room().left > 0


def test_no_shared_memory_is_told(folder, monkeypatch):
    monkeypatch.setattr(subject, "SHARED_MEMORY", folder / "no-shm")

    ((_, text),) = texts(make_plan(folder))

    assert text.startswith("there is no shared memory: ")


def test_a_package_that_is_not_there_is_told_with_line_and_remedy(folder):
    (folder / "helpers.py").write_text("")
    (folder / "filters").mkdir()
    (folder / "decoder.py").write_text(DECODER)
    plan = make_plan(folder, graph_pb2.Node(name="decoder", run="decoder:Decoder"))

    (problem,) = problems(plan)

    assert problem.path == "nodes.decoder.run"
    assert problem.text == (
        f"{folder}/decoder.py:6 imports no_such_package, which is neither beside the graph nor installed"
    )
    assert problem.remedy.startswith("pip install no_such_package on that machine")


def test_what_was_not_applied_is_told_in_one_problem(folder):
    (folder / "lib.py").write_text("SCALE = 1\n")
    files = code_files(folder, [])
    (folder / "decoder.py").write_text("class Decoder: pass\n")
    (folder / "lib.py").unlink()
    plan = make_plan(folder, files=files)

    (problem,) = problems(plan)

    assert problem.where == "solo"
    assert problem.text == (
        f"the code in {folder} is not what was applied: decoder.py differs, lib.py is missing here"
    )
    assert f"solo:{folder}" in problem.remedy


def test_of_many_that_differ_ten_are_named(folder):
    files = [graph_pb2.CodeFile(path=f"n{number:02}.py", sha256=b"x") for number in range(12)]

    ((_, text),) = texts(make_plan(folder, files=files))

    assert text.endswith("n09.py is missing here, and 2 more")


def test_a_socket_path_the_kernel_would_refuse_is_told(folder):
    plan = make_plan(folder, graph_pb2.Node(name="d" * 90, run="decoder:Decoder"))

    ((path, text),) = texts(plan)

    assert path == f"nodes.{'d' * 90}"
    assert "has 116 bytes; the kernel takes 107" in text
