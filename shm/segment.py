"""Segments in /dev/shm: create, open, list, unlink, sweep. The one module that uses posix_ipc.

A segment appears under its name at once and whole: it is made without a name, filled, and then linked. So
no half-made segment can be opened, and of one whose maker was killed nothing is left.

Who made, writes or reads a segment holds a shared lock (flock) on it: the kernel keeps it with the mapping,
beyond the descriptor, and drops it with the last one, however a process ends. Unlike a process id it means
the same in every container that shares /dev/shm. A sweep takes it exclusively before it unlinks.
"""

import errno
import fcntl
import mmap
import os
import pwd
import struct
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import posix_ipc

from rtmesh.shm import _native
from rtmesh.shm.errors import (
    LayoutMismatchError,
    RingError,
    SegmentExistsError,
    SegmentNotFoundError,
    SegmentOwnerError,
    SharedMemoryFullError,
)

SEGMENT_HEADER_BYTES = 64
FOLDER = Path("/dev/shm")
_HEADER = struct.Struct("<QIIQQ")  # magic, layout version, kind, size, creator: see rtmesh_layout.h
_UNFINISHED = ".making-"  # and its maker's identity: what older versions of rtmesh named what they made
_MOST_NAME_BYTES = 255

Made = TypeVar("Made")


def segment_name(machine: str, run: str, ring: str) -> str:
    """Name of a ring's segment; ValueError if it cannot be one."""
    return _checked(f"{machine_prefix(machine)}{run}.{ring}")


def machine_prefix(machine: str) -> str:
    """What the names of all segments of this user begin with that a machine has made."""
    return f"{_own_prefix()}{machine}."


def create_segment(name: str, size_bytes: int) -> mmap.mmap:
    """Make a segment that is not a ring: 64 bytes that say who made it, then zeros for the caller.

    `size_bytes` counts the 64. Raises SegmentExistsError, SharedMemoryFullError.
    """
    if size_bytes < SEGMENT_HEADER_BYTES:
        raise ValueError(f"{name}: size_bytes is {size_bytes}; it must be at least {SEGMENT_HEADER_BYTES}")

    def fill(descriptor: int) -> mmap.mmap:
        segment = mmap.mmap(descriptor, size_bytes)
        creator = _native.own_identity()
        _HEADER.pack_into(
            segment, 0, _native.MAGIC, _native.LAYOUT_VERSION, _native.KIND_PLAIN, size_bytes, creator
        )
        return segment

    return make(name, size_bytes, fill)


def open_segment(name: str, *, writable: bool = True) -> mmap.mmap:
    """Map a segment of any kind. Raises SegmentNotFoundError, SegmentOwnerError."""
    descriptor = open_descriptor(name, writable=writable)
    try:
        return mmap.mmap(descriptor, 0, access=mmap.ACCESS_WRITE if writable else mmap.ACCESS_READ)
    except ValueError as error:
        raise RingError(f"{name}: the segment is empty; unlink it") from error
    finally:
        os.close(descriptor)


def unlink_segment(name: str) -> bool:
    """Remove the name; who has the segment mapped keeps it. False if there was none."""
    try:
        posix_ipc.unlink_shared_memory("/" + name)
    except posix_ipc.ExistentialError:
        return False
    except posix_ipc.PermissionsError as error:
        raise _not_ours(name, _owner(name)) from error
    return True


def list_segments(prefix: str | None = None) -> list[str]:
    """Names of the finished segments that begin with `prefix` (None: all of this user), sorted."""
    return [name for name in _names(prefix) if _UNFINISHED not in name]


def sweep(prefix: str | None = None) -> list[str]:
    """Unlink this user's segments that no living process made, writes or reads; return their names."""
    return [name for name in _names(prefix) if name.startswith(_own_prefix()) and _unlink_unused(name)]


def make(name: str, size_bytes: int, fill: Callable[[int], Made]) -> Made:
    """Make a segment of `size_bytes` zeros, 0600, let `fill` write it, and give it its name."""
    if (FOLDER / _checked(name)).exists():
        raise SegmentExistsError(f"{name}: a segment of this name exists; sweep() or unlink it")
    descriptor = os.open(FOLDER, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        _lock(descriptor, fcntl.LOCK_SH)
        _allocate(name, descriptor, size_bytes)
        made = fill(descriptor)
        _link(descriptor, name)
    finally:
        os.close(descriptor)
    return made


def open_descriptor(name: str, *, writable: bool = True, looks_on: bool = False) -> int:
    """File descriptor of a segment, to be mapped; the caller closes it.

    Until it and what is mapped from it are gone no sweep takes the segment, unless the caller just looks on.
    """
    descriptor = _open(name, writable=writable)
    if looks_on:
        return descriptor
    # Who finds it locked exclusively, or without a name, came as it was swept.
    if _lock(descriptor, fcntl.LOCK_SH) and os.fstat(descriptor).st_nlink:
        return descriptor
    os.close(descriptor)
    raise _not_found(name)


def _open(name: str, *, writable: bool) -> int:
    try:
        descriptor: int = posix_ipc.SharedMemory("/" + name, read_only=not writable).fd
    except posix_ipc.ExistentialError as error:
        raise _not_found(name) from error
    except posix_ipc.PermissionsError as error:
        raise _not_ours(name, _owner(name)) from error
    except (ValueError, IsADirectoryError) as error:
        if not (FOLDER / name).is_dir():
            raise
        raise LayoutMismatchError(f"{name}: it is a folder, no segment; take another name") from error
    owner = os.fstat(descriptor).st_uid
    if owner != os.geteuid():  # root may open everything, but whoever made it trusts its own user only
        os.close(descriptor)
        raise _not_ours(name, owner)
    return descriptor


def _lock(descriptor: int, kind: int) -> bool:
    """Lock a segment, until every descriptor and mapping made from this one is closed; False: another has."""
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _not_found(name: str) -> SegmentNotFoundError:
    return SegmentNotFoundError(f"{name}: there is no such segment; is its run still there?")


def _owner(name: str) -> int | None:
    try:
        return (FOLDER / name).stat().st_uid
    except OSError:
        return None


def _not_ours(name: str, owner: int | None) -> SegmentOwnerError:
    whose = "another user" if owner is None else f"user {_user(owner)}"
    return SegmentOwnerError(
        f"{name}: the segment belongs to {whose}, this program runs as user {_user(os.geteuid())}; run all "
        f"programs of a graph on one machine as the same user"
    )


def _user(number: int) -> str:
    try:
        return f"{pwd.getpwuid(number).pw_name} ({number})"
    except KeyError:  # a container knows few users
        return str(number)


def _own_prefix() -> str:
    return f"rtmesh.{os.getuid()}."


def _checked(name: str) -> str:
    longest = _MOST_NAME_BYTES - len(_UNFINISHED) - 16
    if "/" in name or not 0 < len(name.encode()) <= longest:
        raise ValueError(f"{name!r} cannot name a segment: 1 to {longest} bytes, no '/'")
    return name


def _names(prefix: str | None) -> list[str]:
    prefix = _own_prefix() if prefix is None else prefix
    return sorted(path.name for path in FOLDER.iterdir() if path.name.startswith(prefix))


def _allocate(name: str, descriptor: int, size_bytes: int) -> None:
    """Full size at once: a full /dev/shm shows here, not as SIGBUS at the first touch of a page."""
    try:
        os.posix_fallocate(descriptor, 0, size_bytes)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.ENOMEM, errno.EFBIG):
            raise
        space = os.statvfs(FOLDER)
        available_bytes = space.f_bavail * space.f_frsize
        raise SharedMemoryFullError(
            f"{name}: needs {size_bytes} bytes of shared memory, {FOLDER} has {available_bytes} left; stop "
            f"a graph, make its queues or max_bytes smaller, or enlarge {FOLDER}"
        ) from error


def _link(descriptor: int, name: str) -> None:
    folder = os.open(FOLDER, os.O_PATH | os.O_DIRECTORY)
    try:
        # Given a folder, link() follows the symbolic link in /proc to the file without a name.
        os.link(f"/proc/self/fd/{descriptor}", name, src_dir_fd=folder, dst_dir_fd=folder)
    except FileExistsError as error:
        raise SegmentExistsError(f"{name}: a segment of this name exists; sweep() or unlink it") from error
    finally:
        os.close(folder)


def _unlink_unused(name: str) -> bool:
    """Remove the segment's name, unless it is used, or that cannot be told; whether it was removed."""
    try:
        descriptor = _open(name, writable=True)
    except RingError:
        return False
    try:
        return not _is_in_use(name, descriptor) and _lock(descriptor, fcntl.LOCK_EX) and unlink_segment(name)
    finally:
        os.close(descriptor)


def _is_in_use(name: str, descriptor: int) -> bool:
    """Whether a process that made, writes or reads the segment is alive, as far as this namespace knows.

    It may be one that locks nothing: of an older rtmesh, or of another language.
    """
    _, unfinished, maker = name.partition(_UNFINISHED)
    if unfinished:
        return _native.is_alive(int(maker, 16)) if _is_hex(maker) else False
    try:
        return _native.Mapping(descriptor, name).is_in_use()
    except RingError:
        return _creator_is_alive(descriptor)


def _creator_is_alive(descriptor: int) -> bool:
    """For what is no ring of this layout version: the first 64 bytes never change their meaning."""
    header = os.pread(descriptor, _HEADER.size, 0)
    return len(header) == _HEADER.size and _native.is_alive(_HEADER.unpack(header)[4])


def _is_hex(text: str) -> bool:
    return 0 < len(text) <= 16 and all(digit in "0123456789abcdef" for digit in text)
