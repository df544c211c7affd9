"""What a plan takes of the machine, and what the machine has left: memory, open files, processes."""

from __future__ import annotations

import math
import os
import resource
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from rtmesh.common import processes
from rtmesh.graph.memory import machine_memory
from rtmesh.v1 import plan_pb2

MIB = 1024 * 1024
# Descriptors of meshd: for each node two pidfds, a reserved port, a log and a spawn's pipe.
FILES_PER_NODE = 5
FILES_TO_SPARE = 16
# Processes and threads: a loop; a service, most of whose threads are gRPC's.
TASKS_PER_NODE = 16
_CGROUPS = Path("/sys/fs/cgroup")


class Room(NamedTuple):
    """How much of something is left; `limit` says of how much, and who sets it."""

    left: float
    limit: str

    def after(self, given_back: int) -> Room:
        """The room there will be when so much was given back."""
        return Room(self.left + given_back, self.limit)


def needed_bytes(plan: plan_pb2.MachinePlan) -> int:
    """Shared memory that the plan's rings and the nodes' control rings take."""
    return machine_memory(plan).total_bytes


def free_bytes(folder: Path) -> int:
    """Space left in the file system of a folder. Raises OSError: there is no such folder."""
    figures = os.statvfs(folder)
    return figures.f_bavail * figures.f_frsize


def total_bytes(folder: Path) -> int:
    """Size of the file system of a folder."""
    figures = os.statvfs(folder)
    return figures.f_blocks * figures.f_frsize


def file_room() -> Room:
    """File descriptors that this process may still open."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if limit == resource.RLIM_INFINITY:
        return Room(math.inf, "")
    held = sum(1 for _ in Path("/proc/self/fd").iterdir())
    return Room(max(limit - held, 0), f"{limit} (ulimit -n)")


def task_room() -> Room:
    """Processes and threads that this user may still start, by the tighter of two limits."""
    return min((_user_room(), *_group_rooms()), key=lambda room: room.left)


def _user_room() -> Room:
    limit = resource.getrlimit(resource.RLIMIT_NPROC)[0]
    if limit == resource.RLIM_INFINITY or os.getuid() == 0:  # the kernel does not count root's
        return Room(math.inf, "")
    return Room(max(limit - processes.count_tasks(os.getuid()), 0), f"{limit} (ulimit -u)")


def _group_rooms() -> Iterator[Room]:
    """Of the control group of this process, such as its systemd unit, and of those around it."""
    for folder in _group_folders():
        try:
            limit, held = (folder / "pids.max").read_text(), (folder / "pids.current").read_text()
        except OSError:
            continue  # the group limits something else
        if limit.strip() != "max":
            yield Room(max(int(limit) - int(held), 0), f"{limit.strip()} ({folder}/pids.max, TasksMax)")


def _group_folders() -> Iterator[Path]:
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return
    for line in lines:
        kind, _, path = line.partition("::")
        if kind == "0":
            group = _CGROUPS / path.strip("/")
            yield from (folder for folder in (group, *group.parents) if folder.is_relative_to(_CGROUPS))
