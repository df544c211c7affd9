"""What does one operation of the ring cost in Python, in one process?"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from rtmesh.shm import Policy, Reader, ReaderLayout, RingLayout, Writer, create_ring, segment_name

SIZES = [64, 16 * 1024, 256 * 1024]
Pair = tuple[Writer, Reader]


@pytest.fixture
def pair() -> Iterator[Callable[[int], Pair]]:
    """Make a ring of the given message size with one blocking reader."""
    closing: list[Callable[[], object]] = []

    def make(slot_bytes: int) -> Pair:
        name = segment_name("bench", str(os.getpid()), "ring")
        layout = RingLayout(64, slot_bytes, (ReaderLayout("reader", Policy.BLOCK, 64),))
        ring = create_ring(name, layout)
        writer, reader = Writer(name), Reader(name, 0)
        closing.extend([writer.close, reader.close, ring.unlink, ring.close])
        return writer, reader

    yield make
    for close in closing:
        close()


@pytest.mark.parametrize("size", SIZES)
def bench_publish_take_release(benchmark: BenchmarkFixture, pair: Callable[[int], Pair], size: int) -> None:
    """One message through: a copy in, a view out, its slot given back."""
    writer, reader = pair(size)
    message = bytes(size)

    def once() -> None:
        writer.try_publish(message, 0)
        reader.try_take(0)
        reader.release()

    benchmark(once)


def bench_take_nothing(benchmark: BenchmarkFixture, pair: Callable[[int], Pair]) -> None:
    """A look at an empty ring: what a loop pays for an input that has nothing."""
    _, reader = pair(64)
    benchmark(reader.try_take, 0)


def bench_array_view(benchmark: BenchmarkFixture, pair: Callable[[int], Pair]) -> None:
    """A numpy view of a taken message of 61,440 bytes: no copy."""
    writer, reader = pair(61_440)

    def once() -> int:
        writer.try_publish(bytes(61_440), 0)
        array = np.frombuffer(reader.try_take(0), np.int16)
        reader.release()
        return int(array[0])

    benchmark(once)
