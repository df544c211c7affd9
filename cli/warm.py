"""An interpreter that imports what all processes of a mesh share, while `meshctl up` reads its graph.

The scheduler and every meshd are forked from it and import only the rest; what they share is in memory once.
"""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from rtmesh.common.errors import UnavailableError
from rtmesh.common.nursery import Files, Job, Nursery, spawn_nursery
from rtmesh.common.processes import child_environment, process_start_time, spawn
from rtmesh.common.siblings import ForkedChild, python_command

MeshProcess = subprocess.Popen[bytes] | ForkedChild

# In the environment of every process of a mesh: tells whose it is when its parent is gone.
MARK = "RTMESH_UP"
_NURSERY = "rtmesh.node.nursery"
_READY_WITHIN_S = 10.0


class Warm:
    """Starts processes of ours; as a context, nothing of itself is left. Where it cannot fork, it spawns."""

    def __init__(self) -> None:
        self.mark = f"{os.getpid()}-{process_start_time(os.getpid())}"
        self._process: subprocess.Popen[bytes] | None = None
        self._nursery: Nursery | None = None
        self._is_ready = False

    def __enter__(self) -> Self:
        with contextlib.suppress(OSError):
            self._process, self._nursery = spawn_nursery(_NURSERY, self._environment())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def start(self, module: str, arguments: Sequence[str], log_path: Path, descriptor: int) -> MeshProcess:
        """Start a module's main function; the number of its `descriptor` is its last argument.

        Raises OSError.
        """
        with contextlib.suppress(UnavailableError):
            return self._fork(Job(f"{module}.__main__", list(arguments)), log_path, descriptor)
        command = python_command(module, [*arguments, str(descriptor)])
        return spawn(command, log_path=log_path, env=self._environment(), descriptors=[descriptor])

    def close(self) -> None:
        """Start no more."""
        if self._nursery is not None:
            self._nursery.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _environment(self) -> dict[str, str]:
        return child_environment() | {MARK: self.mark}

    def _fork(self, job: Job, log_path: Path, descriptor: int) -> ForkedChild:
        nursery = self._until_ready()
        with log_path.open("ab") as log:
            folder = os.open(".", os.O_PATH | os.O_DIRECTORY)
            try:
                return ForkedChild(nursery.fork(job, Files(log.fileno(), folder, descriptor)))
            finally:
                os.close(folder)

    def _until_ready(self) -> Nursery:
        if self._nursery is None:
            raise UnavailableError("there is no nursery")
        if not self._is_ready:
            self._is_ready = True
            if select.select([self._nursery.fileno()], [], [], _READY_WITHIN_S)[0]:
                self._nursery.hear_ready()
            else:
                self._nursery.close()
        return self._nursery
