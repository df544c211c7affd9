"""Where meshd keeps its files: one folder a machine, one folder a run within it, mode 0700.

RUNTIME_DIR/MACHINE/  lock state.json doorbell.sock relay.sock relay-control.sock relay.log
              RUN/    descriptors.binpb NODE.json NODE.stack NODE.sock, and the logs:
                      NODE.log NODE.older.log NODE.1.log (see log_files) NODE.service.log

The folders of ended runs stay, for their logs: the newest five.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Container
from pathlib import Path

KEPT_RUNS = 5
# In the environment of every child: tells whose it is.
FOLDER_VARIABLE = "RTMESH_MESHD_FOLDER"
SOCKET_PATH_BYTES = 107  # sun_path holds 108 with the closing zero


class RunPaths:
    """Files of one run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.descriptors = folder / "descriptors.binpb"

    def make(self) -> None:
        self.folder.mkdir(mode=0o700, exist_ok=True)

    def config(self, node: str) -> Path:
        return self.folder / f"{node}.json"

    def stack(self, node: str) -> Path:
        return self.folder / f"{node}.stack"

    def socket(self, node: str) -> Path:
        return self.folder / f"{node}.sock"

    def remove_sockets(self) -> None:
        """Remove what is of no use without processes; logs and configurations stay to be read."""
        for path in self.folder.glob("*.sock"):
            path.unlink(missing_ok=True)


class Paths:
    """Files of one machine."""

    def __init__(self, runtime_folder: Path, machine: str) -> None:
        self.folder = runtime_folder.absolute() / machine
        self.lock = self.folder / "lock"
        self.state = self.folder / "state.json"
        self.doorbell = self.folder / "doorbell.sock"
        self.relay_data = self.folder / "relay.sock"
        self.relay_control = self.folder / "relay-control.sock"
        self.relay_log = self.folder / "relay.log"

    def make(self) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def run(self, run: str) -> RunPaths:
        return RunPaths(self.folder / run)

    def remove_old_runs(self, live: Container[str]) -> None:
        """Remove the folders of ended runs, but for the newest: by when something was last made in them."""
        ended = [path for path in self.folder.iterdir() if path.is_dir() and path.name not in live]
        for folder in sorted(ended, key=lambda folder: folder.stat().st_mtime_ns)[:-KEPT_RUNS]:
            shutil.rmtree(folder, ignore_errors=True)

    def sockets(self) -> list[Path]:
        return [self.doorbell, self.relay_data, self.relay_control]

    def remove_sockets(self) -> None:
        for path in self.sockets():
            path.unlink(missing_ok=True)


def write_whole(path: Path, content: bytes) -> None:
    """Replace a file at once: a reader sees the old content or the new, never a part."""
    new = path.with_name(f"{path.name}.new")
    new.write_bytes(content)
    new.replace(path)


def is_too_long(socket_path: Path) -> bool:
    """Whether no Unix socket can have this path."""
    return len(os.fsencode(socket_path)) > SOCKET_PATH_BYTES
