"""A blocking TCP socket with a length before each message: the least that Python pays for a network."""

from __future__ import annotations

import socket

from bench.net.system import NetSystem, read_places
from bench.ring.endpoint import CONNECT_S, Seat
from bench.ring.systems.connecting import dial
from bench.ring.systems.unix_socket import SocketEndpoint


class TcpSystem(NetSystem):
    """Both ways over one connection."""

    name = "TCP socket"
    setting = "blocking, TCP_NODELAY, sendmsg of length and message, recv_into one buffer"

    def connect(self, seat: Seat) -> SocketEndpoint:
        address = read_places(seat).left, seat.port
        made = _accept(address) if seat.is_sender else _dial(address)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return SocketEndpoint([made])


def _accept(address: tuple[str, int]) -> socket.socket:
    with socket.create_server(address) as listener:
        listener.settimeout(CONNECT_S)
        accepted = listener.accept()[0]
        accepted.settimeout(None)
        return accepted


def _dial(address: tuple[str, int]) -> socket.socket:
    return dial(lambda: socket.create_connection(address), f"nobody listens at {address[0]}:{address[1]}")


SYSTEM = TcpSystem()
