"""What this test session made and left: segments, processes, folders of commands, hosts of laboratories.

Other meshes of the same user may run beside the tests. Every segment, folder and host says who made it, a
process id with its start time. A maker that is alive and none of ours, or was seen to be none of ours
before, has nothing to do with the tests; all others are taken for ours.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import psutil
from lab.box import FOLDERS, NAMESPACES, box_of
from running import comes_true

from rtmesh.cli.runtime_folder import user_folders
from rtmesh.common.processes import is_alive
from rtmesh.shm import list_segments

SESSION = "RTMESH_TEST_SESSION"
MEMORY = Path("/dev/shm")
CREATOR_OFFSET = 24  # of a segment's header: start time << 24 | process id
PID_BITS = 24
GRACE_S = 1.0


class Maker(NamedTuple):
    """One process for good."""

    process_id: int
    start_time: int


def begin_session() -> None:
    """Mark this process's children as ours, whoever their parent will be."""
    os.environ[SESSION] = str(os.getpid())


class Leftovers:
    """Watches what is there; made before the first test."""

    def __init__(self) -> None:
        self._others: set[Maker] = set()

    def now(self) -> set[str]:
        """Segments, children, folders, hosts and devices that are ours, in words."""
        return {*self._segments(), *self._children(), *self._folders(), *self._hosts(), *_devices()}

    def since(self, before: set[str]) -> list[str]:
        """What is new and ours, and does not go within a moment."""
        left: set[str] = set()

        def is_gone() -> bool:
            nonlocal left
            left = self.now() - before
            return not left

        comes_true(is_gone, GRACE_S)
        return sorted(left)

    def _segments(self) -> Iterator[str]:
        for name in list_segments():
            if not self._is_of_others(creator(name)):
                yield f"segment {name}"

    def _folders(self) -> Iterator[str]:
        for folder in user_folders():
            if not self._is_of_others(_owner(folder)):
                yield f"folder {folder}"

    def _hosts(self) -> Iterator[str]:
        """Namespaces of laboratories, and with them their bridges and cables; and folders of laboratories."""
        for path in [*NAMESPACES.glob("rtlab.*"), *FOLDERS.glob("rtlab.*")]:
            box = box_of(path.name)
            if box is not None and not self._is_of_others(Maker(*box)):
                yield f"laboratory {path}"

    def _children(self) -> Iterator[str]:
        for process in psutil.Process().children():
            yield f"process {process.pid}"

    def _is_of_others(self, maker: Maker | None) -> bool:
        if maker is None:
            return False
        if maker not in self._others and is_alive(*maker) and not is_ours(maker.process_id):
            self._others.add(maker)
        return maker in self._others


def is_ours(process_id: int) -> bool:
    """Whether this process, one below it, or one that was started by such is meant."""
    if process_id == os.getpid():
        return True
    mark = f"{SESSION}={os.getpid()}".encode()
    try:
        if mark in Path(f"/proc/{process_id}/environ").read_bytes().split(b"\0"):
            return True
        return os.getpid() in [parent.pid for parent in psutil.Process(process_id).parents()]
    except (OSError, psutil.Error):
        return False


def creator(name: str) -> Maker | None:
    """Who made a segment; None if there is no such segment any more."""
    try:
        with (MEMORY / name).open("rb") as segment:
            segment.seek(CREATOR_OFFSET)
            identity = int.from_bytes(segment.read(8), "little")
    except OSError:
        return None
    return Maker(identity & ((1 << PID_BITS) - 1), identity >> PID_BITS)


def _devices() -> Iterator[str]:
    """A laboratory's cables and bridge in this computer's own network, where they belong to nobody."""
    for path in Path("/sys/class/net").iterdir():
        if path.name.startswith(("port-", "tap-")) or path.name == "switch":
            yield f"device {path.name}"


def _owner(folder: Path) -> Maker | None:
    try:
        process_id, start_time = map(int, (folder / "owner").read_text().split())
    except (OSError, ValueError):
        return None
    return Maker(process_id, start_time)
