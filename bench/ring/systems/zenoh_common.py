"""Eclipse Zenoh, two peers without discovery; its own queue takes what arrives."""

from __future__ import annotations

import json
import time
from typing import Any

import zenoh

from bench.ring.cases import Case
from bench.ring.endpoint import Endpoint, Message, Seat
from bench.ring.systems.connecting import until

QUEUE = 256
SETTLE_S = 0.3
SETTING = f"express where latency counts, else it may gather small ones; BLOCK, RELIABLE, FifoChannel {QUEUE}"


class ZenohEndpoint(Endpoint):
    """The sender listens at `address`, the receivers dial it."""

    def __init__(self, seat: Seat, address: str, *, has_shared_memory: bool = False) -> None:
        self._session = zenoh.open(_config(seat, address, has_shared_memory))
        out, back = seat.ways
        # `express` sends each at once: best for latency. It costs most of the rate.
        self._publishers = {
            is_express: self._session.declare_publisher(
                f"{seat.identity}/{out}",
                congestion_control=zenoh.CongestionControl.BLOCK,
                express=is_express,
                reliability=zenoh.Reliability.RELIABLE,
            )
            for is_express in (True, False)
        }
        self._publisher = self._publishers[True]
        self._subscriber = self._session.declare_subscriber(
            f"{seat.identity}/{back}", zenoh.handlers.FifoChannel(QUEUE)
        )
        if seat.is_sender or seat.replies:
            self._await_subscriber()
        # That one subscriber matches says nothing of the other seven.
        time.sleep(SETTLE_S if seat.replies else 4 * SETTLE_S)

    def _await_subscriber(self) -> None:
        for publisher in self._publishers.values():
            until(lambda made=publisher: made.matching_status.matching, "no subscriber matched")  # type: ignore[misc]

    def begin(self, case: Case) -> None:
        self._publisher = self._publishers[case.is_latency]

    def send(self, message: Message) -> None:
        self._publisher.put(bytes(message))

    def receive(self) -> Message | None:
        # It has no timed wait; its harness ends a process that hangs.
        return self._subscriber.recv().payload.to_bytes()

    def close(self) -> None:
        self._session.close()


def _config(seat: Seat, address: str, has_shared_memory: bool) -> Any:
    config = zenoh.Config()
    config.insert_json5("mode", '"peer"')
    config.insert_json5("scouting/multicast/enabled", "false")
    config.insert_json5("transport/shared_memory/enabled", json.dumps(has_shared_memory))
    config.insert_json5("listen/endpoints", json.dumps([address] if seat.is_sender else []))
    if not seat.is_sender:
        config.insert_json5("connect/endpoints", json.dumps([address]))
    return config
