"""Whose laboratory it is. Names say who made it, so the next one can remove what a killed one left."""

from __future__ import annotations

import os
import re
import select
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from rtmesh.common.processes import is_alive, process_start_time
from rtmesh.shm import sweep

NAMESPACES = Path("/run/netns")
FOLDERS = Path("/tmp")  # noqa: S108 - short, for paths of sockets hold 107 bytes
_NAME = re.compile(r"rtlab\.(\d+)\.(\d+)(?:\.(.+))?")


class LabError(Exception):
    """The laboratory cannot be built or changed; the message says what to do."""


class Box(NamedTuple):
    """One laboratory: the process that made it, and when that started."""

    process_id: int
    start_time: int

    @classmethod
    def own(cls) -> Box:
        """That of this process."""
        return cls(os.getpid(), process_start_time(os.getpid()) or 0)

    @property
    def name(self) -> str:
        return f"rtlab.{self.process_id}.{self.start_time}"

    @property
    def folder(self) -> Path:
        """Where its daemons keep their files."""
        return FOLDERS / self.name

    def namespace(self, host: str) -> str:
        return f"{self.name}.{host}"

    def is_alive(self) -> bool:
        return is_alive(self.process_id, self.start_time)

    def hosts(self) -> list[str]:
        """Of what exists, the hosts' names."""
        return [host for box, host in _namespaces() if box == self]

    def processes(self) -> list[int]:
        """Everything that runs on its hosts."""
        return [process_id for host in self.hosts() for process_id in self.processes_of(host)]

    def processes_of(self, host: str) -> list[int]:
        """Everything that runs on one host."""
        return [int(process_id) for process_id in run("ip", "netns", "pids", self.namespace(host)).split()]

    def kill(self, host: str) -> None:
        """End everything on a host at once, as a computer without power does."""
        for process_id in self.processes_of(host):
            end(process_id)

    def remove(self) -> None:
        """End what runs on its hosts, by process id, and remove them with their cables and files."""
        for host in self.hosts():
            self.kill(host)
        for host in self.hosts():
            run("ip", "netns", "del", self.namespace(host))
        shutil.rmtree(self.folder, ignore_errors=True)


def boxes() -> list[Box]:
    """All laboratories that exist on this computer, also what is left of killed ones."""
    folders = [box_of(path.name) for path in FOLDERS.glob("rtlab.*")]
    return sorted({box for box in [*(box for box, _ in _namespaces()), *folders] if box is not None})


def remove_leftovers() -> list[Box]:
    """Remove laboratories whose makers are dead; returns them."""
    dead = [box for box in boxes() if not box.is_alive()]
    for box in dead:
        box.remove()
    if dead:
        sweep()  # what has no living user; their processes have just been ended
    return dead


def box_of(name: str) -> Box | None:
    """The laboratory that a name belongs to; None: to none."""
    match = _NAME.fullmatch(name)
    return Box(int(match[1]), int(match[2])) if match else None


def run(*command: str) -> str:
    """Run a command of iproute2; its output. Raises LabError with what it said."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    except FileNotFoundError as error:
        raise LabError(f"there is no {command[0]}; install iproute2 and util-linux") from error
    if done.returncode != 0:
        hint = "" if os.geteuid() == 0 else " (a laboratory needs root: network and time namespaces)"
        raise LabError(f"{' '.join(command)}: {done.stderr.strip()}{hint}")
    return done.stdout


def _namespaces() -> Iterator[tuple[Box, str]]:
    for path in NAMESPACES.glob("rtlab.*"):
        match = _NAME.fullmatch(path.name)
        if match and match[3]:
            yield Box(int(match[1]), int(match[2])), match[3]


def end(process_id: int, number: int = signal.SIGKILL, timeout_s: float = 5.0) -> bool:
    """Send a signal to exactly the process that has this id now; whether it ends in time."""
    try:
        descriptor = os.pidfd_open(process_id)
    except ProcessLookupError:
        return True
    try:
        signal.pidfd_send_signal(descriptor, number)
        return _has_ended(descriptor, timeout_s)
    except ProcessLookupError:
        return True  # it ended by itself
    finally:
        os.close(descriptor)


def _has_ended(descriptor: int, timeout_s: float) -> bool:
    poller = select.poll()
    poller.register(descriptor, select.POLLIN)
    return bool(poller.poll(timeout_s * 1000))
