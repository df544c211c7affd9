"""Processes that meshd started: spawned, heard of through a pidfd when they end, reaped.

Always spawned from the main thread: a child that asks to end with its parent ends with the
*thread* that spawned it.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from rtmesh.common import processes
from rtmesh.common.cpus import cpus_text
from rtmesh.common.siblings import ForkedChild
from rtmesh.machine.cpu_masks import cpus_of
from rtmesh.machine.paths import FOLDER_VARIABLE
from rtmesh.machine.state import Process, State
from rtmesh.v1 import status_pb2

ENDED_AT_ONCE_S = 2.0
TAIL_BYTES = 16384
# What faulthandler begins with, and how much it writes: a hundred frames a thread, and the modules.
CRASH_HEAD = "Fatal Python error:"
MOST_CRASH_LINES = 150


ChildProcess = subprocess.Popen[bytes] | ForkedChild


class Usage:
    """CPU time, CPUs and memory of a process, the last known after its end."""

    def __init__(self, name: str, process_id: int) -> None:
        self.name = name
        self.process_id = process_id
        self._started = time.monotonic()
        self._cpu_time_ms = 0
        self._memory_bytes = 0
        self._cpus = ""

    def sample(self) -> None:
        try:
            used = processes.usage(self.process_id)
        except OSError:  # no file descriptor is left: the last figures stand
            return
        if used is None:
            return
        self._cpu_time_ms = used.cpu_time_ms
        self._memory_bytes = used.memory_bytes or self._memory_bytes  # a zombie has none
        self._cpus = cpus_text(cpus_of(self.process_id)) or self._cpus

    def status(self, restarts: int = 0) -> status_pb2.ProcessStatus:
        elapsed_ms = max((time.monotonic() - self._started) * 1000, 1.0)
        return status_pb2.ProcessStatus(
            name=self.name,
            process_id=self.process_id,
            cpu_time_ms=self._cpu_time_ms,
            cpu_percent=100 * self._cpu_time_ms / elapsed_ms,
            memory_bytes=self._memory_bytes,
            restarts=restarts,
            cpus=self._cpus,
        )


class Child:
    """One process. `ended` is set, and `on_exit(return_code)` called, once it is reaped."""

    def __init__(self, process: ChildProcess, usage: Usage) -> None:
        self.process_id = process.pid
        self.usage = usage
        self.ended = asyncio.Event()
        self.return_code: int | None = None
        self._process = process

    def signal(self, number: int) -> None:
        """Send a signal; nothing happens if the process has ended."""
        if self.return_code is None:
            self._process.send_signal(number)

    def catches(self, number: int) -> bool:
        """Whether the process has a handler for a signal whose default would kill it."""
        try:
            status = Path(f"/proc/{self.process_id}/status").read_text()
        except OSError:
            return False
        caught = next(line for line in status.splitlines() if line.startswith("SigCgt:"))
        return bool(int(caught.split()[1], 16) >> (number - 1) & 1)

    async def end(self, grace_s: float) -> None:
        """SIGTERM, and after the grace SIGKILL. Returns when it has ended, 2 s later at most."""
        if self.ended.is_set():
            return
        self.signal(signal.SIGTERM)
        if not await self._ends_within(grace_s):
            self.signal(signal.SIGKILL)
            await self._ends_within(ENDED_AT_ONCE_S)

    async def _ends_within(self, duration_s: float) -> bool:
        try:
            await asyncio.wait_for(self.ended.wait(), duration_s)
        except TimeoutError:
            return False
        return True

    def reap(self) -> int:
        """Take the exit code of a process that has ended."""
        self.usage.sample()
        self.return_code = self._process.wait()
        self.ended.set()
        return self.return_code


class Children:
    """Starts processes and keeps the state file's list of them."""

    def __init__(self, state: State) -> None:
        self._state = state

    def spawn(
        self,
        name: str,
        arguments: Sequence[str],
        *,
        log_path: Path,
        on_exit: Callable[[int], None],
        cwd: Path | None = None,
    ) -> Child:
        """Start a process. Raises OSError if it cannot be started, or not watched: then it is killed."""
        environment = processes.child_environment() | {FOLDER_VARIABLE: str(self._state.folder)}
        popen = processes.spawn(arguments, log_path=log_path, cwd=cwd, env=environment)
        return self.adopt(name, popen, on_exit)

    def adopt(self, name: str, process: ChildProcess, on_exit: Callable[[int], None]) -> Child:
        """Watch a child that was started otherwise. Raises OSError if that cannot be: then it is killed."""
        try:
            # Not reaped yet, so it has a start time, unless it is a zombie already.
            start_time = processes.process_start_time(process.pid) or 0
            self._state.add_process(Process(name, process.pid, start_time))
            child = Child(process, Usage(name, process.pid))
            self._watch(child, on_exit)
        except OSError:
            process.kill()
            process.wait()
            self._state.remove_process(process.pid)
            raise
        return child

    def _watch(self, child: Child, on_exit: Callable[[int], None]) -> None:
        loop = asyncio.get_running_loop()
        descriptor = os.pidfd_open(child.process_id)

        def ended() -> None:
            loop.remove_reader(descriptor)
            os.close(descriptor)
            return_code = child.reap()
            self._state.remove_process(child.process_id)
            on_exit(return_code)

        loop.add_reader(descriptor, ended)


def log_tail(path: Path, lines: int = 20) -> str:
    """The last lines of a log file; empty if there are none."""
    return "\n".join(_last_lines(path)[-lines:])


def crash_tail(path: Path) -> str:
    """The same, but all that was written last of a crash: its reason and its place stand at the head."""
    told = _last_lines(path)
    heads = [at for at, line in enumerate(told) if line.startswith(CRASH_HEAD)]
    is_last = bool(heads) and len(told) - heads[-1] <= MOST_CRASH_LINES
    return "\n".join(told[heads[-1] :]) if is_last else log_tail(path)


def _last_lines(path: Path) -> list[str]:
    try:
        with path.open("rb") as log:
            log.seek(max(0, path.stat().st_size - TAIL_BYTES))
            return log.read().decode(errors="replace").splitlines()
    except OSError:
        return []
