"""What the relays use of the CPUs while a session runs."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from bench.net.relays import Relay

LOOK_S = 0.05
WINDOW_S = 1.0


class Sample(NamedTuple):
    """When, and what each relay had used until then."""

    time_s: float
    left_s: float
    right_s: float


@contextlib.contextmanager
def busiest_second(relays: tuple[Relay, Relay], into: list[tuple[float, float]]) -> Iterator[None]:
    """Append, when the block ends, percent of a CPU of both in its busiest second, if it lasted one."""
    samples: list[Sample] = []
    stop = threading.Event()

    def look() -> None:
        while not stop.wait(LOOK_S):
            samples.append(Sample(time.monotonic(), *(relay.cpu_seconds for relay in relays)))

    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield
    finally:
        stop.set()
        looking.join()
        if found := busiest(samples):
            into.append(found)


def busiest(samples: Sequence[Sample]) -> tuple[float, float] | None:
    """Percent of a CPU of both, over the window in which they used most; None if none was so long."""
    best: tuple[float, float] | None = None
    start = 0
    for sample in samples:
        while sample.time_s - samples[start].time_s > WINDOW_S:
            start += 1
        first = samples[start - 1] if start else samples[0]
        took_s = sample.time_s - first.time_s
        if took_s < WINDOW_S:
            continue
        used = 100 * (sample.left_s - first.left_s) / took_s, 100 * (sample.right_s - first.right_s) / took_s
        best = max(best or used, used, key=sum)
    return best
