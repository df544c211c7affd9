"""A nursery: a process that has imported what others need, and forks them for its parent when asked.

    parent                                  nursery                 sibling of the nursery
      │ ─── module, arguments, files ───────> │ ─────── fork ─────────> │
      │ <──────────────────────── process id ─┼─────────────────────────│ session, log, folder
      │                                       │                         │ module.main(arguments)

What comes out is a process as any other: in a session of its own, its output in a file, its own command
line in `ps`; its parent is told of its end and reaps it. It begins within a millisecond, where a new
interpreter takes a hundred, and shares the memory of what was imported.

A nursery never imports gRPC, which must not be forked. It hands out nothing while it has a second
thread (a BLAS that was told to use several); whoever asks then starts an interpreter instead, as when
the nursery has died. It ends with the last who could ask.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from rtmesh.common.errors import UnavailableError
from rtmesh.common.siblings import (
    ForkedChild,
    fork_sibling,
    has_one_thread,
    python_command,
    room_for_command,
    show_command,
)

_REQUEST_BYTES = 64 * 1024
_ANSWER_BYTES = 1024
_ROOM_BYTES = 1024
# An answer takes a millisecond or two. Whoever waits here does nothing else meanwhile.
_ANSWER_S = 1.0
_LAST_ANSWER_S = 1.0


class Killable(Protocol):
    """A child of this process."""

    def kill(self) -> None:
        """Kill it, if it has not been reaped."""


class Job(NamedTuple):
    """What a child is to do."""

    module: str
    arguments: list[str]


class Files(NamedTuple):
    """Descriptors that a child gets.

    Args:
        log: where its output goes.
        folder: its working folder.
        own: for the job itself, which finds its number as the last of its arguments.
    """

    log: int
    folder: int
    own: int | None = None

    def given(self) -> list[int]:
        return [descriptor for descriptor in self if descriptor is not None]


class Nursery:
    """The parent's end. Whoever makes one watches and reaps the process."""

    def __init__(self, channel: socket.socket, process: Killable) -> None:
        self._channel: socket.socket | None = channel
        self._process = process

    def fileno(self) -> int:
        """Readable when it is ready to be asked, or has ended; -1 when it cannot be asked any more."""
        return -1 if self._channel is None else self._channel.fileno()

    def hear_ready(self) -> None:
        """Take in that `fileno` is readable for the first time."""
        if self._channel is not None and not self._receive(self._channel, _ANSWER_S):
            self.close()

    def fork(self, job: Job, files: Files) -> int:
        """Have a child of this process do a job; its process id.

        Raises:
            UnavailableError: the nursery cannot, and has begun nothing.
            OSError: it may have begun, but does not answer.
        """
        if self._channel is None:
            raise UnavailableError("the nursery has ended")
        answer = self._ask(self._channel, json.dumps(job).encode(), files)
        if answer is None:
            self.close()
            raise UnavailableError("the nursery has ended")
        if "process_id" not in answer:
            raise UnavailableError(f"the nursery cannot fork: {answer['error']}")
        return int(answer["process_id"])

    def close(self) -> None:
        """Ask no more; the process ends."""
        if self._channel is not None:
            self._channel.close()
            self._channel = None

    def _ask(self, channel: socket.socket, request: bytes, files: Files) -> dict[str, Any] | None:
        """The answer; None if there is none, and nothing was begun."""
        try:
            socket.send_fds(channel, [request], files.given())
        except OSError:
            return None
        data = self._receive(channel, _ANSWER_S)
        if data is None:
            # The child answers for itself: with the nursery dead, that is heard, or the channel's end.
            self._process.kill()
            data = self._receive(channel, _LAST_ANSWER_S)
            if data is None:
                self.close()
                raise TimeoutError("the nursery does not answer")
        answer: dict[str, Any] | None = json.loads(data) if data else None
        return answer

    @staticmethod
    def _receive(channel: socket.socket, timeout_s: float) -> bytes | None:
        """What was said; empty at the end, None if nothing came in time."""
        channel.settimeout(timeout_s)
        try:
            return channel.recv(_ANSWER_BYTES)
        except TimeoutError:
            return None
        except OSError:
            return b""


def channel_pair() -> tuple[socket.socket, socket.socket]:
    """The parent's end of a channel, and the nursery's."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


def spawn_nursery(module: str, env: Mapping[str, str]) -> tuple[subprocess.Popen[bytes], Nursery]:
    """Start an interpreter with a module that serves a nursery. Raises OSError."""
    ours, theirs = channel_pair()
    try:
        with theirs:
            command = python_command(module, [str(theirs.fileno()), room_for_command(_ROOM_BYTES)])
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                env=dict(env),
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
    except BaseException:
        ours.close()
        raise
    return process, Nursery(ours, process)


def fork_nursery(module: str) -> tuple[ForkedChild, Nursery]:
    """Become the parent of a nursery that is a copy of this process, which has imported what it needs.

    For the only thread of a process that has not imported gRPC.
    """
    ours, theirs = channel_pair()
    process_id = os.fork()
    if process_id:
        theirs.close()
        child = ForkedChild(process_id)
        return child, Nursery(ours, child)
    ours.close()
    os.setsid()
    show_command(python_command(module, [str(theirs.fileno())]))
    sys.exit(serve(theirs.detach()))


def serve(descriptor: int) -> int:
    """Fork a child for each request, until nobody can ask any more; in a child, do its job.

    Returns:
        The exit code of this process, whichever it is.
    """
    # A child that collects garbage need not look at what is here, and so not copy it.
    gc.collect()
    gc.freeze()
    channel = socket.socket(fileno=descriptor)
    request: tuple[Job, Files] | None = None
    with channel, contextlib.suppress(OSError):
        channel.send(b"ready")
        while request := _next_request(channel):
            if _is_child(channel):
                break
            _close(request[1])
    return _do(*request) if request else 0


def _next_request(channel: socket.socket) -> tuple[Job, Files] | None:
    data, descriptors, _, _ = socket.recv_fds(channel, _REQUEST_BYTES, len(Files._fields))
    return (Job(*json.loads(data)), Files(*descriptors)) if data else None


def _is_child(channel: socket.socket) -> bool:
    """Fork; whether this is the child, which has told its process id."""
    try:
        process_id = _fork()
    except OSError as error:
        channel.send(json.dumps({"error": str(error)}).encode())
        return False
    if process_id == 0:
        try:
            channel.send(json.dumps({"process_id": os.getpid()}).encode())
        except OSError:
            os._exit(1)  # nobody waits for it any more
    return process_id == 0


def _fork() -> int:
    if not has_one_thread():
        raise OSError("it has several threads")
    return fork_sibling()


def _do(job: Job, files: Files) -> int:
    os.setsid()
    os.dup2(files.log, 1)
    os.dup2(files.log, 2)
    os.fchdir(files.folder)
    show_command(python_command(job.module.removesuffix(".__main__"), job.arguments))
    arguments = list(job.arguments)
    if files.own is None:
        _close(files)
    else:
        _close(Files(files.log, files.folder))
        arguments.append(str(files.own))
    importlib.invalidate_caches()  # what was installed a moment ago counts
    module = importlib.import_module(job.module)
    sys.modules["__main__"] = module
    sys.argv = [module.__file__ or job.module, *arguments]
    return int(module.main(arguments))


def _close(files: Files) -> None:
    for descriptor in files.given():
        os.close(descriptor)
