"""Processes at the ends of an edge: played in this one, or real ones that are killed with SIGKILL.

A party is called by the name of a method of its end, and can crash. Real ones are forked from a nursery, a
small process without threads that has nothing but rings loaded: one costs milliseconds, not an interpreter.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Protocol

from tests.conformance.ends import ENDS

REPOSITORY = Path(__file__).parents[2]
PATIENCE_S = 20.0


class Party(Protocol):
    """One process at one end of an edge."""

    def call(self, method: str, *arguments: Any) -> Any: ...

    def crash(self) -> None:
        """It is dead when this returns; nobody has been told."""
        ...

    def close(self) -> None: ...


class Parties(Protocol):
    """Starts processes."""

    def start(self, kind: str, *arguments: Any) -> Party: ...

    def close(self) -> None: ...


class PlayedParty:
    """An end in this process. Dead, it keeps all it had as it was: nothing is let go of."""

    def __init__(self, end: Any, graveyard: list[Any]) -> None:
        self._end, self._graveyard = end, graveyard

    def call(self, method: str, *arguments: Any) -> Any:
        return getattr(self._end, method)(*arguments)

    def crash(self) -> None:
        self._graveyard.append(self._end)
        self._end = None

    def close(self) -> None:
        if self._end is not None:
            self._end.close()


class PlayedParties:
    """Death is a matter of leaving everything lying about."""

    def __init__(self) -> None:
        self._graveyard: list[Any] = []

    def start(self, kind: str, *arguments: Any) -> Party:
        return PlayedParty(ENDS[kind](*arguments), self._graveyard)

    def close(self) -> None: ...


class RealParty:
    """An end in a process of its own."""

    def __init__(self, pid: int, connection: Connection) -> None:
        self._pidfd = os.pidfd_open(pid)
        self._connection = connection

    def call(self, method: str, *arguments: Any) -> Any:
        self._connection.send((method, arguments))
        return self.answer()

    def answer(self) -> Any:
        assert self._connection.poll(PATIENCE_S), "no answer"
        result = self._connection.recv()
        if isinstance(result, Exception):
            raise result
        return result

    def crash(self) -> None:
        """kill -9, and wait until the kernel has done it, as meshd does."""
        if self._pidfd < 0:
            return
        signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
        assert select.select([self._pidfd], [], [], PATIENCE_S)[0], "it does not die"
        os.close(self._pidfd)
        self._connection.close()
        self._pidfd = -1

    close = crash


class RealParties:
    """A nursery, and what it has forked."""

    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        command = [sys.executable, "-m", "tests.conformance.nursery", str(theirs.fileno())]
        self._process = subprocess.Popen(command, pass_fds=[theirs.fileno()], cwd=REPOSITORY)
        theirs.close()
        self._socket.settimeout(PATIENCE_S)

    def start(self, kind: str, *arguments: Any) -> Party:
        ours, theirs = socket.socketpair()
        with theirs:
            socket.send_fds(self._socket, [b"fork"], [theirs.fileno()])
        pid = int(self._socket.recv(64))
        party = RealParty(pid, Connection(ours.detach()))
        try:
            party.call(kind, *arguments)
        except BaseException:
            party.close()
            raise
        return party

    def close(self) -> None:
        """The nursery ends when nobody is left to ask it."""
        self._socket.close()
        self._process.wait(PATIENCE_S)
