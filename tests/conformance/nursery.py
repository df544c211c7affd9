"""Forks the processes that a test kills: python -m tests.conformance.nursery DESCRIPTOR."""

from __future__ import annotations

import os
import signal
import socket
import sys
from multiprocessing.connection import Connection
from typing import Any

import rtmesh.shm  # noqa: F401  (loaded once, for all that are forked)
from tests.conformance.ends import ENDS


def main(control: socket.socket) -> None:
    """Fork one for each request, which brings the descriptor that it is to be called by."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them here: their killer has a pidfd
    while True:
        request, descriptors, _, _ = socket.recv_fds(control, 16, 1)
        if not request:
            return
        pid = os.fork()
        if pid == 0:
            control.close()
            serve(Connection(descriptors[0]))
            os._exit(0)
        os.close(descriptors[0])
        control.send(b"%d" % pid)


def serve(connection: Connection) -> None:
    """Do what is asked until the other side is gone: first the end to be, then its methods."""
    end: Any = None
    while True:
        try:
            name, arguments = connection.recv()
        except EOFError:
            return
        try:
            if end is None:
                end, result = ENDS[name](*arguments), None
            else:
                result = getattr(end, name)(*arguments)
        except Exception as error:
            result = error
        connection.send(result)


if __name__ == "__main__":
    main(socket.socket(fileno=int(sys.argv[1])))
