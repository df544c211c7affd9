"""Starting processes so that none outlives its reason, and telling one process from its successor."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

_PR_SET_PDEATHSIG = 1
_PR_SET_TIMERSLACK = 29
_CLOCK_TICK_MS = 1000 // os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class Usage(NamedTuple):
    """What a process has used."""

    cpu_time_ms: int
    memory_bytes: int


def die_with_parent(parent_process_id: int) -> None:
    """Ask the kernel to end this process when its parent ends; end at once if it already has.

    Called by the child itself: a preexec_fn would run between fork and exec, where gRPC's threads
    are gone but their locks are not.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != parent_process_id:
        os.kill(os.getpid(), signal.SIGKILL)


def wake_on_time() -> None:
    """Ask the kernel not to put off this thread's timers by its usual 50 us."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_TIMERSLACK, 1)


def spawn(
    arguments: Sequence[str],
    *,
    log_path: Path,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    descriptors: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    """Start a process in a session of its own, its output appended to a file; it inherits `descriptors`.

    A session of its own keeps a terminal's Ctrl-C from it; a file, unlike a pipe, does not
    end it when the reader goes.
    """
    with log_path.open("ab") as log:
        return subprocess.Popen(
            list(arguments),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=cwd,
            env=child_environment() if env is None else dict(env),
            start_new_session=True,
            pass_fds=descriptors,
        )


def child_environment() -> dict[str, str]:
    """This process's environment with what every child of the mesh needs."""
    # One thread a node: a BLAS that starts one thread a core makes every small product
    # wait for a sleeping helper thread. A user who wants more sets it.
    defaults = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    return defaults | dict(os.environ) | {"GRPC_ENABLE_FORK_SUPPORT": "0", "PYTHONUNBUFFERED": "1"}


def process_start_time(process_id: int) -> int | None:
    """When a process started, in clock ticks since boot; None if there is none or it is a zombie.

    With the process id it names one process for good: an id alone is used again.
    """
    fields = _stat_fields(process_id)
    return None if fields is None or fields[0] in (b"Z", b"X") else int(fields[19])


def is_alive(process_id: int, start_time: int) -> bool:
    """Whether the process that started at `start_time` still runs."""
    return process_start_time(process_id) == start_time


def usage(process_id: int) -> Usage | None:
    """CPU time and resident memory of a process; None if there is none."""
    fields = _stat_fields(process_id)
    if fields is None:
        return None
    ticks = int(fields[11]) + int(fields[12])
    return Usage(ticks * _CLOCK_TICK_MS, int(fields[21]) * _PAGE_BYTES)


def count_tasks(user_id: int) -> int:
    """How many processes and threads of a user there are."""
    return sum(_threads(entry) for entry in Path("/proc").iterdir() if _belongs_to(entry, user_id))


def _belongs_to(entry: Path, user_id: int) -> bool:
    try:
        return entry.name.isdecimal() and entry.stat().st_uid == user_id
    except OSError:
        return False  # it has ended


def _threads(entry: Path) -> int:
    fields = _stat_fields(int(entry.name))
    return 0 if fields is None else int(fields[17])


def _stat_fields(process_id: int) -> list[bytes] | None:
    """Fields of /proc/PID/stat from the third (state) on; the second may hold spaces and brackets."""
    try:
        stat = Path(f"/proc/{process_id}/stat").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return stat[stat.rindex(b")") + 2 :].split()
