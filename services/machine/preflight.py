"""What only the machine can know about a plan: folders, modules, programs, memory, limits.

Nothing of the user's code is executed: a module is searched for as a file and its class in the
syntax tree. Every problem is told at once.
"""

from __future__ import annotations

import os
import resource
import shutil
from collections.abc import Iterable
from pathlib import Path

from rtmesh.common import control
from rtmesh.machine.modules import ModuleProblem, check_class
from rtmesh.machine.paths import RunPaths, is_too_long
from rtmesh.machine.rings import ring_layout
from rtmesh.v1 import plan_pb2, status_pb2

SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - where POSIX shared memory lives
MIB = 1024 * 1024
# Descriptors of meshd: two pidfds, a log and a spawn's for each node, and what it holds anyway.
FILES_PER_NODE = 4
FILES_OF_MESHD = 64


def absolute_folder(root: Path, folder: str) -> Path:
    """A graph's folder as this machine finds it: absolute, or relative to meshd --root."""
    return (root / folder).resolve()


def preflight(plan: plan_pb2.MachinePlan, root: Path, paths: RunPaths) -> list[status_pb2.Problem]:
    """Every reason why this machine could not run the plan; empty if there is none."""
    checks = [
        *_folder_problems(plan, root),
        *_node_problems(plan, root),
        *_socket_problems(plan, paths),
        *_memory_problems(plan, free_bytes(SHARED_MEMORY)),
        *_file_problems(plan, resource.getrlimit(resource.RLIMIT_NOFILE)[0]),
    ]
    for problem in checks:
        problem.where = plan.machine
    return checks


def _problem(path: str, text: str, remedy: str) -> status_pb2.Problem:
    return status_pb2.Problem(path=path, text=text, remedy=remedy)


def _folder_problems(plan: plan_pb2.MachinePlan, root: Path) -> Iterable[status_pb2.Problem]:
    folder = absolute_folder(root, plan.folder)
    if not folder.is_dir():
        remedy = "put the graph's folder there, or start meshd with the right --root"
        yield _problem("", f"the graph's folder {folder} does not exist", remedy)
        return
    for entry in plan.python_path:
        if not (folder / entry).is_dir():
            text = f"{entry}: folder {(folder / entry).resolve()} does not exist"
            yield _problem("python_path", text, "create it, or remove the entry")


def _node_problems(plan: plan_pb2.MachinePlan, root: Path) -> Iterable[status_pb2.Problem]:
    folder = absolute_folder(root, plan.folder)
    if not folder.is_dir():
        return  # said already; each node would say it again
    search = [folder, *((folder / entry).resolve() for entry in plan.python_path)]
    for node_plan in plan.nodes:
        node = node_plan.node
        if node.run:
            yield from _run_problems(node.name, node.run, search)
        else:
            yield from _command_problems(node.name, node.command[0], folder)


def _run_problems(node: str, run: str, search: list[Path]) -> Iterable[status_pb2.Problem]:
    module, _, class_name = run.partition(":")
    try:
        check_class(module, class_name, search)
    except ModuleProblem as problem:
        yield _problem(f"nodes.{node}.run", problem.text, problem.remedy)


def _command_problems(node: str, program: str, folder: Path) -> Iterable[status_pb2.Problem]:
    path = f"nodes.{node}.command"
    if "/" not in program:
        if shutil.which(program) is None:
            yield _problem(path, f"{program} is not found on PATH", "install it, or give its path")
    elif not (folder / program).is_file():
        yield _problem(path, f"{folder / program} does not exist", "build it, or correct the path")
    elif not os.access(folder / program, os.X_OK):
        yield _problem(path, f"{folder / program} is not executable", f"chmod +x {folder / program}")


def _socket_problems(plan: plan_pb2.MachinePlan, paths: RunPaths) -> Iterable[status_pb2.Problem]:
    for node_plan in plan.nodes:
        socket = paths.socket(node_plan.node.name)
        if is_too_long(socket):
            text = f"socket path {socket} has {len(os.fsencode(socket))} bytes; the kernel takes 107"
            yield _problem(f"nodes.{node_plan.node.name}", text, "start meshd with a shorter --dir")


def needed_bytes(plan: plan_pb2.MachinePlan) -> int:
    """Shared memory that the plan's rings and the nodes' control rings take."""
    control_bytes = sum(
        layout.size_bytes
        for layout in (control.orders_layout(), control.requests_layout(), control.events_layout())
    )
    return sum(ring_layout(ring).size_bytes for ring in plan.rings) + control_bytes * len(plan.nodes)


def free_bytes(folder: Path) -> int:
    """Space left in the file system of a folder."""
    figures = os.statvfs(folder)
    return figures.f_bavail * figures.f_frsize


def _memory_problems(plan: plan_pb2.MachinePlan, free: int) -> Iterable[status_pb2.Problem]:
    needed = needed_bytes(plan)
    if needed > free:
        figures = f"{needed / MIB:.1f} MiB of shared memory, {free / MIB:.1f} MiB are free"
        text = f"the rings need {figures} in {SHARED_MEMORY}"
        remedy = "lower max_bytes or queue, remove other segments, or enlarge /dev/shm"
        yield _problem("", text, remedy)


def _file_problems(plan: plan_pb2.MachinePlan, limit: int) -> Iterable[status_pb2.Problem]:
    needed = FILES_OF_MESHD + FILES_PER_NODE * len(plan.nodes)
    if limit != resource.RLIM_INFINITY and needed > limit:
        text = f"{len(plan.nodes)} nodes need {needed} open files, the limit is {limit}"
        yield _problem("", text, "raise it with `ulimit -n`")
