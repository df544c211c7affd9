"""pyzmq over TCP, PAIR to PAIR."""

from __future__ import annotations

import zmq

from bench.net.system import NetSystem, read_places
from bench.ring.endpoint import Seat
from bench.ring.systems.zmq_ipc import HIGH_WATER_MARK, ZmqEndpoint


class ZmqTcpSystem(NetSystem):
    """Its I/O thread batches what is sent."""

    name = "pyzmq tcp"
    distributions = ("pyzmq",)
    setting = f"PAIR, high-water mark {HIGH_WATER_MARK}, copy=False from 64 KiB and on receive"

    def connect(self, seat: Seat) -> ZmqEndpoint:
        context = zmq.Context()
        made = context.socket(zmq.PAIR)
        made.sndhwm = made.rcvhwm = HIGH_WATER_MARK
        address = f"tcp://{read_places(seat).left}:{seat.port}"
        (made.bind if seat.is_sender else made.connect)(address)
        return ZmqEndpoint(context, made)


SYSTEM = ZmqTcpSystem()
