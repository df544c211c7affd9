"""The same ping-pong on bare rings, without the SDK: bare_ring.py WRITE READ SPIN_NS SIZE COUNT [PATH] [CPU].

With PATH this is the side that measures: it sends first, and writes its half round trips there.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import numpy as np

from rtmesh.shm import Reader, View, Writer, wait


class Ends:
    """One side's writer and reader."""

    def __init__(self, write: str, read: str, spin_ns: int) -> None:
        self._writer, self._reader = Writer(write), Reader(read, 0)
        self._spin_ns = spin_ns

    def send(self, data: object) -> None:
        while not self._writer.try_publish(data, time.monotonic_ns()):
            wait((), (self._writer,), -1, 0)

    def receive(self) -> View:
        while (view := self._reader.try_take(time.monotonic_ns())) is None:
            wait((self._reader,), (), -1, self._spin_ns)
        return view

    def release(self) -> None:
        self._reader.release()

    def close(self) -> None:
        self._writer.close()
        self._reader.close()


def measure(ends: Ends, data: np.ndarray, count: int) -> np.ndarray:
    """Half round trips: from before the publishing to a look at what came back."""
    half_ns = np.empty(count, np.int64)
    for index in range(count):
        sent_ns = time.perf_counter_ns()
        ends.send(data)
        look_at_ends(ends.receive())
        half_ns[index] = (time.perf_counter_ns() - sent_ns) // 2
        ends.release()
    return half_ns


def echo(ends: Ends, data: np.ndarray, count: int) -> None:
    for _ in range(count):
        look_at_ends(ends.receive())
        ends.send(data)
        ends.release()


def look_at_ends(view: View) -> None:
    array = np.frombuffer(view, np.uint8)
    assert array[0] + array[-1] == 2


def main(write: str, read: str, spin_ns: str, size: str, count: str, path: str = "", cpu: str = "") -> int:
    if cpu:
        os.sched_setaffinity(0, {int(cpu)})
    ends, data = Ends(write, read, int(spin_ns)), np.ones(int(size), np.uint8)
    if path:
        Path(path).write_bytes(measure(ends, data, int(count)).tobytes())
    else:
        echo(ends, data, int(count))
    ends.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
