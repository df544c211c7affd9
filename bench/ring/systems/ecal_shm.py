"""Eclipse eCAL over its shared memory layer; a callback hands each message to a queue."""

from __future__ import annotations

import queue
import time
from typing import Any

import ecal.nanobind_core as ecal

from bench.ring.endpoint import PATIENCE_S, Endpoint, Message, Seat, System
from bench.ring.systems.connecting import until

SETTLE_S = 1.5
ACKNOWLEDGE_MS = 100


class EcalEndpoint(Endpoint):
    """The writer waits for its readers' acknowledgement: else it overwrites what they have not read."""

    def __init__(self, seat: Seat) -> None:
        ecal.initialize(f"{seat.identity}-{seat.index}")
        out, back = seat.ways
        self._arrived: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._publisher = ecal.Publisher(
            f"{seat.identity}-{out}", ecal.DataTypeInformation(), _configuration()
        )
        self._subscriber = ecal.Subscriber(f"{seat.identity}-{back}")
        self._subscriber.set_receive_callback(self._take)
        if seat.is_sender or seat.replies:
            self._await_subscribers(seat.readers if seat.is_sender else 1)
        # Registration says that a subscriber is known, not yet that its first message is read.
        time.sleep(SETTLE_S)

    def _take(self, publisher: Any, kind: Any, data: Any) -> None:
        # The buffer is valid in the callback only.
        self._arrived.put(bytes(data.buffer))

    def _await_subscribers(self, count: int) -> None:
        until(lambda: self._publisher.get_subscriber_count() >= count, f"fewer than {count} subscribers came")

    def send(self, message: Message) -> None:
        # It takes bytes only.
        self._publisher.send(bytes(message))

    def receive(self) -> Message | None:
        try:
            return self._arrived.get(timeout=PATIENCE_S)
        except queue.Empty:
            return None

    def close(self) -> None:
        self._subscriber.remove_receive_callback()
        ecal.finalize()


class EcalSystem(System):
    """Sender and receivers find each other by its own discovery on this machine."""

    name = "eCAL"
    distributions = ("eclipse-ecal",)
    setting = f"shared memory layer only, zero copy, acknowledge {ACKNOWLEDGE_MS} ms; callback to SimpleQueue"

    def connect(self, seat: Seat) -> EcalEndpoint:
        return EcalEndpoint(seat)


def _configuration() -> Any:
    configuration = ecal.get_publisher_configuration()
    layer = configuration.layer
    layer.shm.enable, layer.udp.enable, layer.tcp.enable = True, False, False
    layer.shm.zero_copy_mode = True
    layer.shm.acknowledge_timeout_ms = ACKNOWLEDGE_MS
    return configuration


SYSTEM = EcalSystem()
