"""Stand-ins for rings and a process, in plain Python: what the engine runs on in a test."""

from __future__ import annotations

from collections import deque
from typing import Any

from rtmesh.node.ports import OutputRing
from rtmesh.v1.graph_pb2 import WHEN_FULL_LATEST

START_TIME_NS = 1_700_000_000_000_000_000


class MemoryInput:
    """A reading end: what is fed waits until it is taken; of a `latest` input, only the newest."""

    def __init__(self, when_full: int, queue: int) -> None:
        self.when_full = when_full
        self.queue = queue
        self.has_end = False
        self.has_left = False
        self._messages: deque[bytes] = deque(maxlen=1 if when_full == WHEN_FULL_LATEST else None)

    @property
    def ended(self) -> bool:
        return self.has_end and not self._messages

    def feed(self, message: bytes) -> None:
        """Add a message to the stream; one who has left does not get it."""
        if not self.has_left:
            self._messages.append(message)

    def try_take(self, now_ns: int) -> bytes | None:
        return self._messages.popleft() if self._messages else None

    def release(self) -> None:
        """Bytes need no releasing."""

    def leave(self) -> None:
        self.has_left = True
        self._messages.clear()


class MemoryOutput:
    """A writing end: keeps what is sent.

    Attributes:
        messages: what was sent, until the test takes it.
        is_full: refuse to take more, as if a `block` reader's queue were full.
    """

    def __init__(self) -> None:
        self.epoch = 1
        self.sequence = 1
        self.messages: list[bytes] = []
        self.is_full = False
        self.has_ended = False

    def try_publish_parts(
        self, parts: tuple[Any, ...], publish_time_ns: int, align_at: int, origin: int, origin_time_ns: int, /
    ) -> bool:
        if self.is_full:
            return False
        self.messages.append(b"".join(parts))
        self.sequence += 1
        return True

    def end(self) -> None:
        self.has_ended = True


class FakeHost:
    """Stands in for a process: the clock stands still, and nothing can be waited for.

    Attributes:
        time_ns: since the test began.
        results: what the node reported, newest last.
    """

    def __init__(self) -> None:
        self.time_ns = 0
        self.results: list[str] = []

    def now_ns(self) -> int:
        return START_TIME_NS + self.time_ns

    def monotonic_ns(self) -> int:
        return self.time_ns

    def wait_for_space(self, ring: OutputRing) -> None:
        raise AssertionError("send() would wait: the test holds this output; use try_send(), or let go of it")

    def step_begins(self) -> None:
        """No one watches how long a step takes."""

    def step_ends(self, steps: int) -> None:
        """No one watches how long a step takes."""

    def result(self, json: str) -> None:
        self.results.append(json)
