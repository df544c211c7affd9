"""What only the machine can know about a plan: folders, code, modules, programs, memory, limits.

Nothing of the user's code is executed: a module is searched for as a file, its class and its imports in
the syntax tree. Every problem is told at once.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from rtmesh.graph.code_files import differing_files
from rtmesh.graph.memory import MachineMemory, machine_memory, ring_problems
from rtmesh.machine import limits
from rtmesh.machine.imports import missing_imports
from rtmesh.machine.modules import ModuleProblem, check_class
from rtmesh.machine.paths import RunPaths, is_too_long
from rtmesh.v1 import plan_pb2, status_pb2

SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - where POSIX shared memory lives
MOST_NAMED = 10
_SIZE_STEP_MIB = 16
_DIFFERENCES = {"differs": "differs", "missing": "is missing here"}


def absolute_folder(root: Path, folder: str) -> Path:
    """A graph's folder as this machine finds it: absolute, or relative to meshd --root."""
    return (root / folder).resolve()


def preflight(
    plan: plan_pb2.MachinePlan, root: Path, paths: RunPaths, replaced: plan_pb2.MachinePlan | None = None
) -> list[status_pb2.Problem]:
    """Every reason why this machine could not run the plan; empty if there is none.

    Args:
        replaced: what runs here until then, and will have given back what it takes.
    """
    back = replaced or plan_pb2.MachinePlan()
    checks = [
        *_folder_problems(plan, root),
        *_code_problems(plan, root),
        *_node_problems(plan, root),
        *_socket_problems(plan, paths),
        *_memory_problems(plan, back),
        *_file_problems(plan, limits.file_room().after(limits.FILES_PER_NODE * len(back.nodes))),
        *_task_problems(plan, limits.task_room().after(limits.TASKS_PER_NODE * len(back.nodes))),
    ]
    for problem in checks:
        problem.where = plan.machine
    return checks


def _problem(path: str, text: str, remedy: str) -> status_pb2.Problem:
    return status_pb2.Problem(path=path, text=text, remedy=remedy)


# what the graph needs


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


def _code_problems(plan: plan_pb2.MachinePlan, root: Path) -> Iterable[status_pb2.Problem]:
    folder = absolute_folder(root, plan.folder)
    differing = differing_files(plan.files, folder) if folder.is_dir() else []
    if not differing:
        return
    named = [f"{path} {_DIFFERENCES[difference]}" for path, difference in differing[:MOST_NAMED]]
    if len(differing) > MOST_NAMED:
        named.append(f"and {len(differing) - MOST_NAMED} more")
    text = f"the code in {folder} is not what was applied: {', '.join(named)}"
    yield _problem("", text, f"copy the graph's folder to {plan.machine}:{folder}, or apply it from there")


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
    where = f"nodes.{node}.run"
    try:
        path = check_class(module, class_name, search)
    except ModuleProblem as problem:
        yield _problem(where, problem.text, problem.remedy)
        return
    for package, line in missing_imports(path, search):
        text = f"{path}:{line} imports {package}, which is neither beside the graph nor installed"
        yield _problem(
            where, text, f"pip install {package} on that machine, or add its folder to python_path"
        )


def _command_problems(node: str, program: str, folder: Path) -> Iterable[status_pb2.Problem]:
    path = f"nodes.{node}.command"
    if "/" not in program:
        if shutil.which(program) is None:
            yield _problem(path, f"{program} is not found on PATH", "install it, or give its path")
    elif not (folder / program).is_file():
        yield _problem(path, f"{folder / program} does not exist", "build it, or correct the path")
    elif not os.access(folder / program, os.X_OK):
        yield _problem(path, f"{folder / program} is not executable", f"chmod +x {folder / program}")


# what the machine has


def _socket_problems(plan: plan_pb2.MachinePlan, paths: RunPaths) -> Iterable[status_pb2.Problem]:
    for node_plan in plan.nodes:
        socket = paths.socket(node_plan.node.name)
        if is_too_long(socket):
            text = f"socket path {socket} has {len(os.fsencode(socket))} bytes; the kernel takes 107"
            yield _problem(f"nodes.{node_plan.node.name}", text, "start meshd with a shorter --dir")


def _memory_problems(
    plan: plan_pb2.MachinePlan, replaced: plan_pb2.MachinePlan
) -> Iterable[status_pb2.Problem]:
    try:
        free = limits.free_bytes(SHARED_MEMORY) + limits.needed_bytes(replaced)
    except OSError as error:
        text = f"there is no shared memory: {SHARED_MEMORY}: {error.strerror}"
        yield _problem("", text, f"mount a tmpfs on {SHARED_MEMORY}")
        return
    if impossible := ring_problems(plan.rings):
        yield from (problem.to_proto() for problem in impossible)
        return
    memory = machine_memory(plan)
    if memory.total_bytes > free:
        text = _too_little(memory, free, f", once run {replaced.run} has ended" if replaced.run else "")
        yield _problem("", text, _how_to_enlarge(memory.total_bytes - free))


def _too_little(memory: MachineMemory, free: int, when: str) -> str:
    needed = memory.total_bytes
    return (
        f"the rings need {needed / limits.MIB:.1f} MiB of shared memory ({needed} bytes), "
        f"{free / limits.MIB:.1f} MiB are free in {SHARED_MEMORY} ({free} bytes){when}: {memory.largest()}"
    )


def _how_to_enlarge(missing: int) -> str:
    enough = limits.total_bytes(SHARED_MEMORY) + missing
    size = f"{-(-enough // (_SIZE_STEP_MIB * limits.MIB)) * _SIZE_STEP_MIB}m"
    return (
        f"lower max_bytes or queue, stop another graph, or enlarge {SHARED_MEMORY}: "
        f"`mount -o remount,size={size} {SHARED_MEMORY}`, in a container `--shm-size={size}`"
    )


def _file_problems(plan: plan_pb2.MachinePlan, room: limits.Room) -> Iterable[status_pb2.Problem]:
    needed = limits.FILES_TO_SPARE + limits.FILES_PER_NODE * len(plan.nodes)
    if needed > room.left:
        text = f"{len(plan.nodes)} nodes need {needed} open files, {room.left:g} are left of {room.limit}"
        yield _problem("", text, "start meshd with a higher `ulimit -n` (in a systemd unit: LimitNOFILE=)")


def _task_problems(plan: plan_pb2.MachinePlan, room: limits.Room) -> Iterable[status_pb2.Problem]:
    needed = limits.TASKS_PER_NODE * len(plan.nodes)
    if needed > room.left:
        nodes = f"{len(plan.nodes)} nodes need about {needed} processes and threads"
        remedy = "raise `ulimit -u` (in a systemd unit: TasksMax=), or end other processes"
        yield _problem("", f"{nodes}, {room.left:g} are left of {room.limit}", remedy)
