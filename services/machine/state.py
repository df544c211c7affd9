"""What must survive meshd: which processes and segments are its, and that it is alone.

The next meshd of the same machine and folder ends what an earlier one left behind. A process is
known by its id and its start time, for ids are used again.
"""

from __future__ import annotations

import fcntl
import json
import os
import select
import signal
import time
from collections.abc import Iterable
from pathlib import Path
from typing import IO, NamedTuple

from rtmesh.common import processes
from rtmesh.common.errors import AlreadyExistsError
from rtmesh.common.logs import get_logger
from rtmesh.machine.paths import FOLDER_VARIABLE, write_whole

TERMINATE_GRACE_S = 3.0
KILL_GRACE_S = 3.0


log = get_logger()


class Process(NamedTuple):
    """One process for good."""

    name: str
    process_id: int
    start_time: int


class State:
    """The state file, rewritten at each change. To add raises OSError if it cannot be written."""

    def __init__(self, path: Path) -> None:
        self.folder = path.parent
        self._path = path
        self._processes: dict[int, Process] = {}
        self._segments: set[str] = set()
        self._own_start_time = processes.process_start_time(os.getpid())

    def add_process(self, process: Process) -> None:
        self._processes[process.process_id] = process
        self.write()

    def remove_process(self, process_id: int) -> None:
        self._processes.pop(process_id, None)
        self._try_to_write()

    def add_segments(self, names: Iterable[str]) -> None:
        self._segments.update(names)
        self.write()

    def remove_segments(self, names: Iterable[str]) -> None:
        self._segments.difference_update(names)
        self._try_to_write()

    def _try_to_write(self) -> None:
        """What is gone may stay written: the next meshd looks whether it is there."""
        try:
            self.write()
        except OSError as error:
            log.warning("the state file cannot be written", path=str(self._path), error=str(error))

    def write(self) -> None:
        content = {
            "process_id": os.getpid(),
            "start_time": self._own_start_time,
            "processes": [process._asdict() for process in self._processes.values()],
            "segments": sorted(self._segments),
        }
        write_whole(self._path, json.dumps(content, indent=1).encode())


def take_lock(path: Path) -> IO[str]:
    """Be the only meshd of this folder for as long as the returned file is open.

    Raises:
        AlreadyExistsError: another meshd holds the folder; the message names its process.
    """
    lock = path.open("a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        lock.seek(0)
        holder = lock.read().strip() or "unknown"
        lock.close()
        raise AlreadyExistsError(
            f"meshd of machine {path.parent.name} runs already in {path.parent} (process {holder})",
            "end it, or start this one with another --machine or --dir",
        ) from error
    lock.truncate(0)
    lock.write(f"{os.getpid()}\n")
    lock.flush()
    return lock


def end_leftovers(state_path: Path, own_process_id: int = 0) -> list[Process]:
    """End the processes that an earlier meshd of this folder left running; returns them.

    Call with the lock held. Blocks for at most 6 s.

    Args:
        own_process_id: of a child that this meshd has started already.
    """
    found = {process.process_id: process for process in _recorded(state_path)}
    found.update({process.process_id: process for process in _unrecorded(state_path.parent)})
    found.pop(own_process_id, None)
    opened = [
        (process, descriptor) for process in found.values() if (descriptor := _open(process)) is not None
    ]
    try:
        _signal_and_wait(opened, signal.SIGTERM, TERMINATE_GRACE_S)
        _signal_and_wait(opened, signal.SIGKILL, KILL_GRACE_S)
    finally:
        for _, descriptor in opened:
            os.close(descriptor)
    return [process for process, _ in opened]


def _recorded(state_path: Path) -> list[Process]:
    try:
        content = json.loads(state_path.read_bytes())
        return [Process(**entry) for entry in content["processes"]]
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return []  # no earlier meshd, or no state file of ours: replaced at our first change


def _unrecorded(folder: Path) -> list[Process]:
    """Children of an earlier meshd that it could not record any more, and what those started."""
    mark = os.fsencode(f"{FOLDER_VARIABLE}={folder}")
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid() and _is_marked(entry, mark):
            start_time = processes.process_start_time(int(entry.name))
            if start_time is not None:
                found.append(Process("leftover", int(entry.name), start_time))
    return found


def _is_marked(entry: Path, mark: bytes) -> bool:
    try:
        return entry.stat().st_uid == os.getuid() and mark in (entry / "environ").read_bytes().split(b"\0")
    except OSError:
        return False  # it has ended, or it is not for us to look at


def _open(process: Process) -> int | None:
    """A pidfd of exactly this process; None if it has ended."""
    try:
        descriptor = os.pidfd_open(process.process_id)
    except ProcessLookupError:
        return None
    if processes.is_alive(process.process_id, process.start_time):
        return descriptor
    os.close(descriptor)
    return None


def _signal_and_wait(opened: list[tuple[Process, int]], number: int, grace_s: float) -> None:
    poller = select.poll()
    waiting = set()
    for _, descriptor in opened:
        try:
            signal.pidfd_send_signal(descriptor, number)
        except ProcessLookupError:
            continue
        poller.register(descriptor, select.POLLIN)
        waiting.add(descriptor)
    until = time.monotonic() + grace_s
    while waiting and (left_s := until - time.monotonic()) > 0:
        for descriptor, _ in poller.poll(left_s * 1000):
            poller.unregister(descriptor)
            waiting.discard(descriptor)
