"""What meshd does to the seats of the dead, and of nobody else."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from rtmesh.machine.rings import free_reader, free_writer
from rtmesh.shm import (
    Policy,
    Reader,
    ReaderLayout,
    ReaderState,
    Ring,
    RingLayout,
    Writer,
    create_ring,
    segment_name,
)

QUEUE = 8


@pytest.fixture
def ring() -> Iterator[Ring]:
    layout = RingLayout(QUEUE, 64, (ReaderLayout("sum.in", Policy.BLOCK, QUEUE),), spare_readers=2)
    made = create_ring(segment_name("test", f"rings-{os.getpid()}", "numbers.out"), layout)
    yield made
    made.unlink()
    made.close()


@pytest.fixture
def dead() -> int:
    """The id of a process that has ended."""
    ended = subprocess.Popen(["true"])
    ended.wait()
    return ended.pid


def state(ring: Ring) -> ReaderState:
    return ring.snapshot().readers[0].state


def test_a_successor_in_the_seat_is_left_alone(ring, dead):
    with_us = Reader(ring.name, 0)

    free_reader(ring, 0, dead, is_gone=True)

    assert state(ring) is ReaderState.ATTACHED
    with_us.close()


def test_the_seat_of_the_dead_is_absent_or_gone(ring):
    with_us = Reader(ring.name, 0)

    free_reader(ring, 0, os.getpid(), is_gone=False)
    assert state(ring) is ReaderState.ABSENT

    free_reader(ring, 0, os.getpid(), is_gone=True)
    assert state(ring) is ReaderState.GONE
    with_us.close()


def test_a_seat_that_was_never_taken_goes_with_its_process(ring, dead):
    free_reader(ring, 0, dead, is_gone=True)

    assert state(ring) is ReaderState.GONE


def test_a_writer_that_took_over_is_left_alone(ring, dead):
    writer = Writer(ring.name)

    assert not free_writer(ring, dead)

    assert ring.snapshot().writer_pid == os.getpid()
    writer.close()


def test_the_child_of_a_command_is_freed_when_it_has_died_too(ring, dead):
    sat = (
        "from rtmesh.shm import Writer; import os, sys; writer = Writer(sys.argv[1]); os.kill(os.getpid(), 9)"
    )

    subprocess.run([sys.executable, "-c", sat, ring.name], timeout=30)
    assert ring.snapshot().writer_pid not in (0, dead)

    assert free_writer(ring, dead)

    assert ring.snapshot().writer_pid == 0
