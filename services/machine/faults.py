"""What the machine itself lacks, named with what to do about it."""

from __future__ import annotations

import errno
import resource

from rtmesh.common.errors import RtmeshError
from rtmesh.shm import RingError
from rtmesh.v1 import status_pb2

_FULL = (errno.ENOSPC, errno.EDQUOT)
# What posix_ipc says in place of EMFILE.
_NO_FILES_LEFT = "already has the maximum number of files open"


def problem_of(machine: str, error: Exception) -> status_pb2.Problem:
    """An error of this machine as the scheduler is told of it."""
    text, remedy = describe(error)
    return status_pb2.Problem(where=machine, text=text, remedy=remedy)


def told(error: Exception) -> str:
    """An error in one line, with its remedy."""
    text, remedy = describe(error)
    return f"{text}: {remedy}" if remedy else text


def describe(error: Exception) -> tuple[str, str]:
    """What went wrong, and what to do; the latter may be empty."""
    if isinstance(error, RtmeshError):
        return error.message, error.remedy
    if isinstance(error, RingError):
        text, _, remedy = str(error).partition("; ")
        return text, remedy
    if isinstance(error, OSError):
        return _describe_system_error(error)
    return f"{type(error).__name__}: {error}", ""


def _describe_system_error(error: OSError) -> tuple[str, str]:
    number = error.errno
    if number in _FULL:
        return _describe_full(error)
    if number == errno.EMFILE or _NO_FILES_LEFT in str(error):
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        text = f"meshd has no file descriptor left: its limit is {limit} open files"
        return text, "start meshd with a higher `ulimit -n` (in a systemd unit: LimitNOFILE=)"
    if number == errno.ENFILE:
        return "the system has no file descriptor left", "raise sysctl fs.file-max, or end what holds them"
    if number == errno.EAGAIN:
        text = f"no more processes can be started: {error.strerror}"
        return text, "raise `ulimit -u` (in a systemd unit: TasksMax=), or end other processes"
    if number == errno.ENOMEM:
        return (
            f"the machine is out of memory: {error.strerror}",
            "end other programs, or place nodes elsewhere",
        )
    return str(error), ""


def _describe_full(error: OSError) -> tuple[str, str]:
    where = f"no space is left for {error.filename}" if error.filename else "no space is left on the disk"
    return f"{where}: {error.strerror}", "make room there, or start meshd with --dir on another disk"
