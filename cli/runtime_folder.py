"""The folder of a mesh that lives below one command: where it can be made, and removing those of the dead."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from rtmesh.common.errors import FailedPreconditionError, InvalidArgumentError, RtmeshError
from rtmesh.common.processes import is_alive, process_start_time

SOCKET_PATH_BYTES = 107  # sun_path holds 108 with the closing zero
_PREFIX = f"rtmesh-{os.getuid()}-"
_RANDOM_CHARACTERS = 8  # what mkdtemp puts behind the prefix
# The first run of a scheduler without a past.
_RUN = "1-abcd"
_UNOWNED_S = 60.0


def bases() -> list[Path]:
    """Where such folders may be, the best first; TMPDIR last, for it may be long."""
    candidates = [os.environ.get("XDG_RUNTIME_DIR", ""), "/tmp", tempfile.gettempdir()]  # noqa: S108
    return list(dict.fromkeys(Path(base).absolute() for base in candidates if base))


def make_folder(machines: Sequence[str], nodes: Sequence[str]) -> Path:
    """Make a folder, mode 0700, that says who owns it and can hold the sockets of these machines and nodes.

    Raises:
        FailedPreconditionError: nothing can be written where it might be.
        InvalidArgumentError: the paths of the sockets would be too long everywhere.
        RtmeshError: it cannot be made.
    """
    base = _choose_base(_longest_socket(machines, nodes))
    try:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=base))
        temporary = folder / "owner.new"
        temporary.write_text(f"{os.getpid()} {process_start_time(os.getpid())}\n")
        temporary.rename(folder / "owner")
    except OSError as error:
        raise RtmeshError(f"no folder for sockets can be made in {base}: {error.strerror}") from error
    return folder


def remove_stale_folders() -> None:
    """Remove folders of this user's commands that were killed before they could."""
    for folder in user_folders():
        if _is_stale(folder):
            shutil.rmtree(folder, ignore_errors=True)


def user_folders() -> Iterator[Path]:
    """The folders of this user's commands, wherever they are."""
    for base in bases():
        yield from base.glob(f"{_PREFIX}*")


def _choose_base(longest_socket: str) -> Path:
    usable = [base for base in bases() if os.access(base, os.W_OK | os.X_OK)]
    if not usable:
        told = ", ".join(map(str, bases()))
        remedy = "set XDG_RUNTIME_DIR to a folder of yours"
        raise FailedPreconditionError(
            f"no folder for sockets can be made in {told}: none can be written", remedy
        )
    for base in usable:
        if _socket_bytes(base, longest_socket) <= SOCKET_PATH_BYTES:
            return base
    shortest = min(usable, key=lambda base: _socket_bytes(base, longest_socket))
    raise InvalidArgumentError(
        f"the socket {longest_socket} in a folder of {shortest} has a path of "
        f"{_socket_bytes(shortest, longest_socket)} bytes; the kernel takes {SOCKET_PATH_BYTES}",
        "give machines and nodes shorter names",
    )


def _socket_bytes(base: Path, socket: str) -> int:
    return len(os.fsencode(base / f"{_PREFIX}{'x' * _RANDOM_CHARACTERS}" / socket))


def _longest_socket(machines: Sequence[str], nodes: Sequence[str]) -> str:
    """A node may be placed on any machine."""
    machine = max(machines, key=len)
    names = [f"{machine}/{_RUN}/{node}.sock" for node in nodes]
    return max([*names, f"{machine}/relay-control.sock"], key=len)


def _is_stale(folder: Path) -> bool:
    try:
        if folder.stat().st_uid != os.getuid():
            return False
        process_id, start_time = map(int, (folder / "owner").read_text().split())
    except (OSError, ValueError):
        return _is_unowned(folder)
    return not is_alive(process_id, start_time)


def _is_unowned(folder: Path) -> bool:
    """Whether the folder has stood without an owner for so long that its maker must have been killed."""
    try:
        return not (folder / "owner").exists() and time.time() - folder.stat().st_mtime > _UNOWNED_S
    except OSError:
        return False
