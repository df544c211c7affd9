"""Where the servers of a machine listen, and what others are told to dial.

A port is chosen once and kept: meshd holds a bound socket on it that never listens, so that the kernel
gives the port to nobody else while a service or the relay is started again. (Servers set SO_REUSEADDR,
with which a port can be listened on that is only bound elsewhere.)
"""

from __future__ import annotations

import socket
from pathlib import Path
from typing import NamedTuple

from rtmesh.common.errors import InvalidArgumentError, UnavailableError

UNIX = "unix:"
WILDCARDS = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared with, not listened on


class HostPort(NamedTuple):
    """A TCP address; port 0 is one that is still to be chosen."""

    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def parse_host_port(text: str, port: int | None = None) -> HostPort:
    """HOST:PORT, or HOST where a port to take instead is given; IPv6 in brackets.

    Raises:
        InvalidArgumentError: it is neither.
    """
    host, separator, digits = text.rpartition(":")
    if port is not None and (not separator or text.endswith("]") or _is_bare_ipv6(text)):
        host, digits = text, str(port)
    host = host.removeprefix("[").removesuffix("]")
    is_port = digits.isascii() and digits.isdecimal() and int(digits) <= 65535
    if not host or "/" in host or not is_port or (port is None and _is_bare_ipv6(text)):
        wanted = "HOST:PORT" if port is None else "HOST or HOST:PORT"
        raise InvalidArgumentError(f"{text!r} is no address", f"give {wanted}, such as 127.0.0.1:7400")
    return HostPort(host, int(digits))


def _is_bare_ipv6(text: str) -> bool:
    return "[" not in text and text.count(":") > 1


class Endpoint:
    """One server's address: `listen` for the server, `advertised` for those who dial it."""

    def __init__(self, listen: str, advertised: str, reservation: socket.socket | None = None) -> None:
        self.listen = listen
        self.advertised = advertised
        self._reservation = reservation

    def close(self) -> None:
        """Let the port go."""
        if self._reservation is not None:
            self._reservation.close()


class Network:
    """The machine's side of the network.

    Args:
        host: where its servers listen; empty: on Unix sockets.
        advertise: the host that others are told; empty: the same.
    """

    def __init__(self, host: str = "", advertise: str = "") -> None:
        self._host = host
        self._advertise = advertise or host

    def endpoint(self, socket_path: Path, port: int = 0) -> Endpoint:
        """An address for one server: a Unix socket, or a TCP port (0: any free one), held until close.

        Raises:
            UnavailableError: the port, or the host, cannot be listened on.
            OSError: no file descriptor is left.
        """
        if not self._host:
            return Endpoint(f"{UNIX}{socket_path}", f"{UNIX}{socket_path}")
        reservation = _reserve(HostPort(self._host, port))
        chosen = reservation.getsockname()[1]
        listen, advertised = HostPort(self._host, chosen), HostPort(self._advertise, chosen)
        return Endpoint(str(listen), str(advertised), reservation)


def _reserve(address: HostPort) -> socket.socket:
    try:
        family, kind, protocol, _, resolved = socket.getaddrinfo(*address, type=socket.SOCK_STREAM)[0]
    except socket.gaierror as error:
        raise _cannot_listen(address, error) from error
    reservation = socket.socket(family, kind, protocol)
    try:
        reservation.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        reservation.bind(resolved)
    except OSError as error:
        reservation.close()
        raise _cannot_listen(address, error) from error
    return reservation


def _cannot_listen(address: HostPort, error: OSError) -> UnavailableError:
    return UnavailableError(
        f"cannot listen on {address}: {error.strerror}",
        "give --listen an address of this machine with a port that is free (--advertise: what others dial)",
    )
