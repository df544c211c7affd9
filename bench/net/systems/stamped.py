"""The way of single messages at 1 kHz, with a time stamp at each station in both relays."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from bench.net.breakdown import Stations, read_stations
from bench.net.cases import PACED, awake
from bench.net.systems.relayed import RelayedEndpoint, RelayedSystem
from bench.ring.cases import Case
from bench.ring.endpoint import Message, Seat
from bench.ring.tally import now

STAMPED = "bench.net.stamped_relay"
RECEIVER = "receiver.stamps"


class StampedEndpoint(RelayedEndpoint):
    """Its receiver notes when it holds each message."""

    def __init__(self, seat: Seat) -> None:
        super().__init__(seat)
        self._stamps: list[tuple[int, int]] = []
        self._target: Path | None = None if seat.is_sender else seat.folder / RECEIVER

    def receive(self) -> Message | None:
        message = super().receive()
        if message is not None:
            self._stamps.append((message.obj.publish_time_ns, now()))
        return message

    def close(self) -> None:
        super().close()
        if self._target is not None:
            self._target.write_text("".join(f"taken {key} {time_ns}\n" for key, time_ns in self._stamps))


class StampedSystem(RelayedSystem):
    """One edge, one way."""

    name = "rtmesh, stamped"
    setting = "for the breakdown: as rtmesh, each relay notes when a message passes its stations"
    cases = (PACED, awake(PACED))
    relay_module = STAMPED

    def __init__(self) -> None:
        # One a run.
        self.stations: dict[Case, list[Stations]] = defaultdict(list)

    @contextlib.contextmanager
    def serve(self, seat: Seat) -> Iterator[None]:
        try:
            with super().serve(seat):
                yield
        finally:
            # The relays have ended and written what they noted.
            self.stations[self.case].append(read_stations(seat.folder, RECEIVER))

    def connect(self, seat: Seat) -> StampedEndpoint:
        return StampedEndpoint(seat)


SYSTEM = StampedSystem()
