"""Sockets to other relays: addresses, and how long a dead connection may go unnoticed."""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

_UNIX, _ABSTRACT = "unix:", "unix-abstract:"
_WAITING = 64  # connections that nobody has accepted yet
# A connection is broken if it takes nothing for so long, or if nothing that was sent arrives.
_STALLED_S = 3
# Of one on which nobody says anything: lanes do, twice a second.
_IDLE_S, _PROBE_S, _PROBES = 2, 1, 3
_TIME = struct.Struct("@ll")  # struct timeval

_Place = tuple[socket.AddressFamily, Any]


def connect(address: str, timeout_s: float, begun: Callable[[socket.socket], object]) -> socket.socket:
    """A connection to whoever listens there.

    Args:
        begun: called with each socket before it is connected, so that another thread may shut it.

    Raises:
        OSError: nobody answers.
    """
    failure = OSError(errno.EADDRNOTAVAIL, "the name has no address")
    for family, place in _places(address, is_passive=False):
        made = socket.socket(family, socket.SOCK_STREAM)
        try:
            begun(made)
            made.settimeout(timeout_s)
            made.connect(place)
            _set_up(made)
        except OSError as error:
            made.close()
            failure = error
        else:
            return made
    raise failure


def listen(address: str) -> tuple[list[socket.socket], int]:
    """Sockets that listen at an address, one for each place that the name stands for and that can be had.

    Returns:
        Also the port: of "HOST:0" the one that the kernel chose; 1 for a Unix socket.

    Raises:
        OSError: there is none.
    """
    made: list[socket.socket] = []
    port = 0
    failure = OSError(errno.EADDRNOTAVAIL, "the name has no address")
    for family, place in _places(address, is_passive=True):
        listening = socket.socket(family, socket.SOCK_STREAM)
        try:
            _bind(listening, place if port == 0 or family == socket.AF_UNIX else (place[0], port, *place[2:]))
            listening.listen(_WAITING)
        except OSError as error:
            listening.close()
            failure = error
        else:
            made.append(listening)
            port = 1 if family == socket.AF_UNIX else listening.getsockname()[1]
    if not made:
        raise failure
    return made, port


def accept(listening: socket.socket) -> socket.socket:
    """The next connection.

    Raises:
        OSError: there are no more: somebody has shut the socket.
    """
    made, _ = listening.accept()
    try:
        _set_up(made)
    except OSError:
        made.close()
        raise
    return made


def unlink(listening: socket.socket) -> None:
    """Take the file of a Unix socket away; nothing of another."""
    name = listening.getsockname() if listening.family == socket.AF_UNIX else b""
    if isinstance(name, str) and name:
        Path(name).unlink(missing_ok=True)


def _places(address: str, *, is_passive: bool) -> list[_Place]:
    if address.startswith(_UNIX):
        return [(socket.AF_UNIX, address.removeprefix(_UNIX))]
    if address.startswith(_ABSTRACT):
        return [(socket.AF_UNIX, "\0" + address.removeprefix(_ABSTRACT))]
    host, _, port = address.rpartition(":")
    flags = socket.AI_PASSIVE if is_passive else 0
    found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM, flags=flags)
    return [(family, place) for family, _, _, _, place in found]


def _bind(listening: socket.socket, place: Any) -> None:
    if listening.family == socket.AF_UNIX:
        if not place.startswith("\0") and Path(place).is_socket():
            Path(place).unlink(missing_ok=True)  # of one that was killed
    else:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(place)


def _set_up(made: socket.socket) -> None:
    made.settimeout(None)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, _TIME.pack(_STALLED_S, 0))
    if made.family == socket.AF_UNIX:
        return
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, _IDLE_S)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, _PROBE_S)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, _PROBES)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _STALLED_S * 1000)
