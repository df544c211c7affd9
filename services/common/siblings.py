"""Forking a child for one's parent: the child is a sibling, with all that its maker has in memory.

A process that has imported much can so hand out children that begin with it, and that share its
memory until they write to it, while the parent keeps what it has over a child that it spawned itself:
it is told of the end by the kernel, reaps, and a child that asks to end with its parent does.

Only a process with a single thread can be copied well: locks that others hold would stay held.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

_CLONE3 = 435  # the same on every architecture
_CLONE_PARENT = 0x00008000
_CLONE_CHILD_CLEARTID = 0x00200000
_CLONE_CHILD_SETTID = 0x01000000
_PR_GET_TID_ADDRESS = 40
# In /proc/self/stat, counted behind the name of the program.
_ARGUMENTS_BEGIN, _ARGUMENTS_END = 45, 46


class _CloneArguments(ctypes.Structure):
    """struct clone_args, as long as it was at first. No exit signal is given: the maker's own is taken."""

    _fields_ = tuple(
        (name, ctypes.c_uint64)
        for name in ["flags", "pidfd", "child_tid", "parent_tid", "exit_signal", "stack", "stack_size", "tls"]
    )


def fork_sibling() -> int:
    """Like os.fork(), but the child is one of this process's parent. To be called by the only thread.

    The C library is not told of it, so its hooks are not called: it keeps the thread's id, which the
    kernel is asked to set.

    Raises:
        OSError: the kernel has no such call, or forbids it, or there are too many processes.
    """
    libc = ctypes.PyDLL(None, use_errno=True)  # it keeps the GIL, as a fork has to
    arguments = _CloneArguments(
        flags=_CLONE_PARENT | _CLONE_CHILD_SETTID | _CLONE_CHILD_CLEARTID, child_tid=_thread_id_address(libc)
    )
    ctypes.pythonapi.PyOS_BeforeFork()
    process_id: int = libc.syscall(_CLONE3, ctypes.byref(arguments), ctypes.sizeof(arguments))
    error = ctypes.get_errno()
    if process_id == 0:
        ctypes.pythonapi.PyOS_AfterFork_Child()
        return 0
    ctypes.pythonapi.PyOS_AfterFork_Parent()
    if process_id < 0:
        raise OSError(error, os.strerror(error))
    return process_id


def _thread_id_address(libc: ctypes.PyDLL) -> int:
    """Where the C library keeps this thread's id."""
    address = ctypes.c_void_p()
    if libc.prctl(_PR_GET_TID_ADDRESS, ctypes.byref(address)) != 0 or not address.value:
        raise OSError(ctypes.get_errno(), "prctl(PR_GET_TID_ADDRESS)")
    return address.value


class ForkedChild:
    """A child that was forked, by this process or by another for it; used like a Popen."""

    def __init__(self, process_id: int) -> None:
        self.pid = process_id
        self.returncode: int | None = None

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it was reaped: another process may have its id by then."""
        if self.returncode is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def poll(self) -> int | None:
        """The exit code if it has ended, negative for a signal."""
        return self._reap(os.WNOHANG)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end. Raises subprocess.TimeoutExpired."""
        if self.returncode is None and timeout is not None and not self._ends_within(timeout):
            raise subprocess.TimeoutExpired(str(self.pid), timeout)
        return_code = self._reap(0)
        assert return_code is not None, "it has ended"
        return return_code

    def _reap(self, options: int) -> int | None:
        if self.returncode is None:
            try:
                process_id, status = os.waitpid(self.pid, options)
            except ChildProcessError:  # whoever started us has the kernel reap: nobody knows how it ended
                process_id, status = self.pid, 0
            if process_id:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def _ends_within(self, timeout_s: float) -> bool:
        descriptor, poller = os.pidfd_open(self.pid), select.poll()
        try:
            poller.register(descriptor, select.POLLIN)
            return bool(poller.poll(timeout_s * 1000))
        finally:
            os.close(descriptor)


def has_one_thread() -> bool:
    """Whether this process has no thread but its first."""
    return len(os.listdir("/proc/self/task")) == 1  # noqa: PTH208 - names alone, and fast


def show_command(arguments: Sequence[str]) -> None:
    """Have `ps` show these as this process's command line, as far as there is room for them."""
    fields = Path("/proc/self/stat").read_bytes().rpartition(b")")[2].split()
    begin, end = int(fields[_ARGUMENTS_BEGIN]), int(fields[_ARGUMENTS_END])
    room = end - begin
    line = b"".join(os.fsencode(argument) + b"\0" for argument in arguments)[: room - 1]
    ctypes.memmove(begin, line.ljust(room, b"\0"), room)


def room_for_command(length: int) -> str:
    """An argument that only keeps room for what `show_command` will show."""
    return " " * max(0, length)


def python_command(module: str, arguments: Sequence[str]) -> list[str]:
    """The command that runs a module of ours in a process of its own."""
    # -P: the working folder must not hide modules of Python itself.
    return [sys.executable, "-P", "-m", module, *arguments]
