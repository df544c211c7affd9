"""A name for a ring that is gone after the test, and processes that are."""

import itertools
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator

import pytest

from rtmesh.shm import Policy, ReaderLayout, Ring, RingLayout, create_ring, list_segments, unlink_segment

PATIENCE_NS = 20_000_000_000

_numbers = itertools.count()


@pytest.fixture
def name() -> Iterator[str]:
    """A segment name of this test's own."""
    name = f"rtmesh.{os.getuid()}.test-shm.{os.getpid()}.{next(_numbers)}"
    yield name
    for segment in list_segments(name):
        unlink_segment(segment)


def reader(policy: Policy = Policy.BLOCK, queue: int = 4, **more: object) -> ReaderLayout:
    return ReaderLayout(f"node.{policy.name.lower()}", policy, queue, **more)


def ring_of(
    name: str, *readers: ReaderLayout, entries: int = 8, slot_bytes: int = 256, **more: object
) -> Ring:
    return create_ring(name, RingLayout(entries, slot_bytes, readers, **more))


def assert_account_is_exact(ring: Ring) -> None:
    """The identity that promise 1 rests on, and nobody ahead of the writer."""
    snapshot = ring.snapshot()
    for account in snapshot.readers:
        sent = snapshot.head - account.start
        assert sent == account.delivered + sum(account.dropped.values()) + (snapshot.head - account.taken)
        assert account.latency.count == account.delivered


@pytest.fixture
def spawn() -> Iterator[Callable[..., subprocess.Popen]]:
    """Run Python source in a process of its own, as script(*arguments) with pipes to and from it."""
    children: list[subprocess.Popen] = []

    def start(source: str, *arguments: object) -> subprocess.Popen:
        command = [sys.executable, "-c", textwrap.dedent(source), *map(str, arguments)]
        pipe = subprocess.PIPE
        children.append(subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True))
        return children[-1]

    yield start
    for child in children:
        kill(child)
        child.stdin.close()
        child.stdout.close()


def kill(child: subprocess.Popen) -> None:
    """End a child at once and reap it."""
    child.send_signal(signal.SIGKILL)
    child.wait(timeout=20)
