"""A whole mesh below one command: a scheduler and a meshd a machine, which end with it.

    FOLDER/            mode 0700
      owner            process id and start time of the command
      s.sock           the scheduler
      scheduler.log    scheduler/    its state
      MACHINE.log      MACHINE/      what that meshd keeps

Every process asks the kernel to end it with its parent, so nothing outlives the command however
it ends; the folder and the segments of one that was killed are removed by the next.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from rtmesh.client import Client
from rtmesh.common.errors import RtmeshError, UnavailableError
from rtmesh.common.processes import is_alive, process_start_time, spawn
from rtmesh.shm import sweep

_READY_TIMEOUT_S = 30.0
_END_TIMEOUT_S = 15.0
_PREFIX = f"rtmesh-{os.getuid()}-"


class EmbeddedMesh:
    """The processes of a mesh on this computer; a context manager.

    Args:
        machines: names of the machines to run.
    """

    def __init__(self, machines: Sequence[str]) -> None:
        remove_stale_folders()
        self.folder = _make_folder()
        self.address = f"unix:{self.folder / 's.sock'}"
        self._machines = list(machines)
        self._children: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Client:
        try:
            return self._start()
        except BaseException:
            self.close()
            raise

    def __exit__(self, *_: object) -> None:
        self.close()

    def check(self) -> None:
        """Raise if a process of the mesh has ended, with the end of its log."""
        for name, child in self._children.items():
            if child.poll() is not None:
                raise RtmeshError(f"{name} ended with status {child.returncode}\n{self._log_tail(name)}")

    def process_ids(self) -> dict[str, int]:
        """Process id of the scheduler and of each meshd, by name."""
        return {name: child.pid for name, child in self._children.items()}

    def close(self) -> None:
        """End the machines, then the scheduler; remove the folder."""
        machines = [child for name, child in self._children.items() if name != "scheduler"]
        _end(machines)
        _end([child for child in self._children.values() if child not in machines])
        shutil.rmtree(self.folder, ignore_errors=True)
        # What a meshd that was killed could not remove.
        sweep()

    def _start(self) -> Client:
        self._spawn("scheduler", ["rtmesh.scheduler", "--listen", self.address], state=True)
        client = Client(self.address)
        self._wait_ready(client)
        for machine in self._machines:
            arguments = ["rtmesh.machine", "--machine", machine, "--scheduler", self.address]
            self._spawn(machine, [*arguments, "--root", "/", "--dir", str(self.folder)])
        return client

    def _spawn(self, name: str, arguments: list[str], *, state: bool = False) -> None:
        extra = ["--state", str(self.folder / "scheduler")] if state else []
        command = [sys.executable, "-m", *arguments, *extra, "--die-with-parent", str(os.getpid())]
        self._children[name] = spawn(command, log_path=self.folder / f"{name}.log")

    def _wait_ready(self, client: Client) -> None:
        try:
            client.wait_ready(_READY_TIMEOUT_S)
        except UnavailableError:
            self.check()
            raise

    def _log_tail(self, name: str) -> str:
        lines = (self.folder / f"{name}.log").read_text(errors="replace").splitlines()
        return "\n".join(f"  {line}" for line in lines[-15:])


def remove_stale_folders() -> None:
    """Remove folders of this user's commands that were killed before they could."""
    for folder in _base().glob(f"{_PREFIX}*"):
        if not _owner_lives(folder):
            shutil.rmtree(folder, ignore_errors=True)


def _base() -> Path:
    # Not TMPDIR: a Unix socket's path has at most 107 bytes.
    return Path(os.environ.get("XDG_RUNTIME_DIR", "/tmp"))


def _make_folder() -> Path:
    base = _base() if os.access(_base(), os.W_OK) else Path(tempfile.gettempdir())
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=base))
    temporary = folder / "owner.new"
    temporary.write_text(f"{os.getpid()} {process_start_time(os.getpid())}\n")
    temporary.rename(folder / "owner")
    return folder


def _owner_lives(folder: Path) -> bool:
    try:
        process_id, start_time = map(int, (folder / "owner").read_text().split())
    except (OSError, ValueError):
        # Made this moment, or not ours: leave it.
        return True
    return is_alive(process_id, start_time)


def _end(children: list[subprocess.Popen[bytes]]) -> None:
    for child in children:
        child.terminate()
    for child in children:
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(_END_TIMEOUT_S)
        child.kill()
        child.wait()
