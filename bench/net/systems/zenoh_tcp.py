"""Eclipse Zenoh, two peers over TCP."""

from __future__ import annotations

import time

import zenoh

from bench.net.system import NetSystem, read_places
from bench.ring.endpoint import CONNECT_S, Message, Seat

QUEUE = 256
SETTLE_S = 0.3


class ZenohEndpoint:
    """Its own queue takes what arrives."""

    def __init__(self, seat: Seat, address: str) -> None:
        self._session = zenoh.open(_config(seat, address))
        out, back = ("there", "back") if seat.is_sender else ("back", "there")
        self._publisher = self._session.declare_publisher(
            f"{seat.identity}/{out}",
            congestion_control=zenoh.CongestionControl.BLOCK,
            express=True,
            reliability=zenoh.Reliability.RELIABLE,
        )
        self._subscriber = self._session.declare_subscriber(
            f"{seat.identity}/{back}", zenoh.handlers.FifoChannel(QUEUE)
        )
        self._await_subscriber()

    def _await_subscriber(self) -> None:
        deadline = time.monotonic() + CONNECT_S
        while not self._publisher.matching_status.matching:
            if time.monotonic() > deadline:
                raise TimeoutError("no subscriber matched")
            time.sleep(0.02)
        time.sleep(SETTLE_S)

    def begin(self, size: int, spin_ns: int) -> None:
        """`express` sends at once: best for latency. It batches small ones if it may wait a little."""

    def send(self, message: Message) -> None:
        self._publisher.put(bytes(message))

    def receive(self) -> Message | None:
        # It has no timed wait; its harness ends a process that hangs.
        return self._subscriber.recv().payload.to_bytes()

    def close(self) -> None:
        self._session.close()


class ZenohSystem(NetSystem):
    """The sender listens, the receiver dials; no discovery."""

    name = "zenoh"
    distributions = ("eclipse-zenoh",)
    setting = "peers over TCP, express, BLOCK, RELIABLE, FifoChannel 256"

    def connect(self, seat: Seat) -> ZenohEndpoint:
        return ZenohEndpoint(seat, f'["tcp/{read_places(seat).left}:{seat.port}"]')


def _config(seat: Seat, address: str) -> zenoh.Config:
    config = zenoh.Config()
    config.insert_json5("mode", '"peer"')
    config.insert_json5("scouting/multicast/enabled", "false")
    config.insert_json5("transport/shared_memory/enabled", "false")
    config.insert_json5("listen/endpoints", address if seat.is_sender else "[]")
    if not seat.is_sender:
        config.insert_json5("connect/endpoints", address)
    return config


SYSTEM = ZenohSystem()
