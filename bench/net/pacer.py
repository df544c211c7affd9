"""One end of an edge at 1 kHz that runs until SIGTERM: `send RING FILE`, or `receive RING FILE`."""

from __future__ import annotations

import json
import signal
import sys
import time
from dataclasses import asdict
from pathlib import Path
from time import monotonic_ns
from types import FrameType

from bench.ring.tally import PERIOD_NS, spread_of
from rtmesh.shm import Reader, Writer, wait

MESSAGE = b"\x01" * 64
# Its end is that of the large edge's case; before that it waited for processes to start.
LAST = 400
LOOK_NS = 100_000_000


class Stopped(Exception):
    """SIGTERM came."""


def main() -> None:
    """Send or receive."""
    signal.signal(signal.SIGTERM, _stop)
    end = send if sys.argv[1] == "send" else receive
    end(sys.argv[2], Path(sys.argv[3]))


def _stop(signal_number: int, frame: FrameType | None) -> None:
    raise Stopped


def send(ring: str, target: Path) -> None:
    """One each millisecond, by absolute times; into `target` how many, and how many found the ring full."""
    writer = Writer(ring)
    sent = refused = 0
    due = monotonic_ns()
    try:
        while True:
            if (left := due - monotonic_ns()) > 0:
                time.sleep(left * 1e-9)
            sent += 1
            refused += not writer.try_publish(MESSAGE, monotonic_ns())
            due += PERIOD_NS
    except Stopped:
        writer.close()
    target.write_text(json.dumps([sent, refused]))


def receive(ring: str, target: Path) -> None:
    """Write into `target` how old the LAST of them were."""
    reader = Reader(ring, 0)
    ages: list[int] = []
    try:
        while True:
            while (view := reader.try_take(0)) is None:
                wait([reader], (), LOOK_NS)
            ages.append(monotonic_ns() - view.publish_time_ns)
            del view
            reader.release()
    except Stopped:
        pass
    if spread := spread_of(ages[-LAST:]):
        target.write_text(json.dumps(asdict(spread)))


if __name__ == "__main__":
    main()
