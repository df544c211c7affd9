"""One end of an edge at 1 kHz that pauses in turns, until SIGTERM: `send FILE EDGE FLOOR START_NS PHASE_NS`
or `receive FILE EDGE FLOOR`, with two rings: of the edge, and of one machine."""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from time import monotonic_ns
from types import FrameType

from bench.net.phases import Phase, Schedule, Sent, Taken
from bench.net.slices import use_slice
from bench.ring.endpoint import PATIENCE_NS
from bench.ring.tally import LAST, PERIOD_NS, last_message
from rtmesh.shm import Reader, Writer, wait

MESSAGE = b"\x01" * 64
READY = b"ready\n"
LOOK_NS = 100_000_000


class Stop:
    """SIGTERM sets it: nothing is broken off, so that what was counted is exact."""

    def __init__(self) -> None:
        self.since_ns: int | None = None
        signal.signal(signal.SIGTERM, self._set)

    def _set(self, signal_number: int, frame: FrameType | None) -> None:
        self.since_ns = monotonic_ns()

    @property
    def is_set(self) -> bool:
        return self.since_ns is not None

    @property
    def is_long_ago(self) -> bool:
        """Has whatever may still come had its time?"""
        return self.since_ns is not None and monotonic_ns() - self.since_ns > PATIENCE_NS


def main() -> None:
    """Send or receive."""
    stop = Stop()
    what, target, edge, floor, *times = sys.argv[1:]
    use_slice(is_sender=what == "send")
    rings = {Phase.BESIDE: edge, Phase.FLOOR: floor}
    account = send(rings, Schedule(*map(int, times)), stop) if what == "send" else receive(rings, stop)
    Path(target).write_text(json.dumps(asdict(account)))


def send(rings: Mapping[Phase, str], schedule: Schedule, stop: Stop) -> Sent:
    """One each millisecond, by absolute times, into the ring of the phase; none while the other is alone."""
    writers = {phase: Writer(ring) for phase, ring in rings.items()}
    due: dict[str, int] = dict.fromkeys(rings, 0)
    refused = 0
    since_ns = monotonic_ns()
    for due_ns in due_times(schedule, since_ns):
        if (left := due_ns - monotonic_ns()) > 0:
            time.sleep(left * 1e-9)
        if stop.is_set:
            break
        phase = schedule.at(due_ns)
        due[phase] += 1
        refused += not writers[phase].try_publish(MESSAGE, monotonic_ns())
    account = Sent(since_ns, monotonic_ns(), due, refused)
    for writer in writers.values():
        _send_last(writer)
    return account


def due_times(schedule: Schedule, due_ns: int) -> Iterator[int]:
    """Without end."""
    while True:
        if schedule.at(due_ns) is Phase.ALONE:
            due_ns = schedule.end_of(due_ns)
        yield due_ns
        due_ns += PERIOD_NS


def _send_last(writer: Writer) -> None:
    last, deadline_ns = last_message(), monotonic_ns() + PATIENCE_NS
    while not writer.try_publish(last, monotonic_ns()) and monotonic_ns() < deadline_ns:
        wait((), [writer], LOOK_NS)
    writer.close()


def receive(rings: Mapping[Phase, str], stop: Stop) -> Taken:
    """Until the last message of both rings, or until SIGTERM was so long ago that no more can come."""
    seats = {phase: Receiving(Reader(ring, 0)) for phase, ring in rings.items()}
    since_ns = monotonic_ns()
    sys.stdout.buffer.write(READY)
    sys.stdout.buffer.flush()
    while (going := [seat for seat in seats.values() if not seat.is_over]) and not stop.is_long_ago:
        wait([seat.reader for seat in going], (), LOOK_NS)
        for seat in going:
            seat.take()
    until_ns = monotonic_ns()
    for seat in seats.values():
        seat.reader.close()
    published_ns: dict[str, list[int]] = {phase: seat.published_ns for phase, seat in seats.items()}
    came_ns: dict[str, list[int]] = {phase: seat.came_ns for phase, seat in seats.items()}
    return Taken(since_ns, until_ns, published_ns, came_ns)


class Receiving:
    """One ring's messages, each with when it was published and when it came."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.published_ns: list[int] = []
        self.came_ns: list[int] = []
        self.is_over = False

    def take(self) -> None:
        """All that are there."""
        while not self.is_over and (view := self.reader.try_next()) is not None:
            came_ns = monotonic_ns()
            if view[0] == LAST:
                self.is_over = True
            else:
                self.published_ns.append(view.publish_time_ns)
                self.came_ns.append(came_ns)
            del view


if __name__ == "__main__":
    main()
