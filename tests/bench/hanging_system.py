"""A system whose receiver never returns from `receive`."""

from __future__ import annotations

import threading

from bench.ring.endpoint import Endpoint, Message, Seat, System


class Hanging(Endpoint):
    def send(self, message: Message) -> None: ...

    def receive(self) -> Message | None:
        threading.Event().wait()
        return None

    def close(self) -> None: ...


class HangingSystem(System):
    name, setting = "hanging", "never"

    def connect(self, seat: Seat) -> Hanging:
        return Hanging()


SYSTEM = HangingSystem()
