"""An edge between two machines without its nodes: the test itself writes one end and reads the other."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable

from rtmesh.shm import Policy, Reader, ReaderLayout, RingLayout, Writer, create_ring, segment_name, wait

DEADLINE_S = 20.0
_DEADLINE_NS = int(DEADLINE_S * 1e9)


def until(holds: Callable[[], bool], what: str) -> None:
    """Look again and again, for a bounded time."""
    pause = threading.Event()
    deadline = time.monotonic() + DEADLINE_S
    while not holds():
        assert time.monotonic() < deadline, f"not within {DEADLINE_S:g} s: {what}"
        pause.wait(0.002)


class Edge:
    """An edge a.out -> b.in between two machines: this test is the node at either end.

    Args:
        policy: of both ends, as the plan has it.
        queue: of both ends.
    """

    def __init__(
        self,
        name: str,
        policy: Policy = Policy.BLOCK,
        queue: int = 16,
        *,
        slot_bytes: int = 4096,
        own_lane: bool = False,
        hold_absent_ns: int = 15_000_000_000,
    ) -> None:
        self.name = f"{name}.out -> {name}.in"
        self.policy = policy
        self.queue = queue
        self.own_lane = own_lane
        self.out_ring, self.in_ring = f"{name}.out", f"{name}.in"
        unique = f"{os.getpid()}x{time.monotonic_ns()}"
        reader = ReaderLayout(f"{name}.in", policy, queue, hold_absent_ns=hold_absent_ns)
        layout = RingLayout(entries=max(16, queue), slot_bytes=slot_bytes, readers=(reader,))
        self.out = create_ring(segment_name("left", unique, self.out_ring), layout)
        self.into = create_ring(segment_name("right", unique, self.in_ring), layout)
        self.writer = Writer(self.out.name)
        self.reader = Reader(self.into.name, 0)
        self.published = 0
        self.received: list[int] = []

    def close(self) -> None:
        self.writer.close()
        self.reader.close()
        for ring in (self.out, self.into):
            ring.close()
            ring.unlink()

    def attach_again(self) -> None:
        """What a restarted loop does."""
        self.reader = Reader(self.into.name, 0)

    def try_publish(self) -> bool:
        """Publish the next number, unless the ring is full."""
        data = b"%08d" % self.published
        if not self.writer.try_publish(data, 1000 + self.published):
            return False
        self.published += 1
        return True

    def publish(self, count: int) -> None:
        """Publish so many, waiting for space."""
        for _ in range(count):
            while not self.try_publish():
                assert wait(writers=(self.writer,), timeout_ns=_DEADLINE_NS), "no space"

    def fill(self) -> int:
        """Publish until the ring refuses; returns how many it took."""
        before = self.published
        while self.try_publish():
            pass
        return self.published - before

    def take(self, *, release: bool = True) -> int:
        """Take the next message, waiting for it; returns its number."""
        assert wait(readers=(self.reader,), timeout_ns=_DEADLINE_NS), "no message"
        view = self.reader.try_take(2000)
        assert view is not None, "the stream has ended"
        number = int(bytes(view))
        assert view.publish_time_ns == 1000 + number
        self.received.append(number)
        del view
        if release:
            self.reader.release()
        return number

    def take_all(self) -> None:
        """Take until the end of the stream."""
        while True:
            assert wait(readers=(self.reader,), timeout_ns=_DEADLINE_NS), "no message, no end"
            if self.reader.ended:
                return
            if self.reader.available():
                self.take()

    def pump(self, count: int) -> None:
        """Publish `count` more, taking whatever arrives meanwhile."""
        goal = self.published + count
        while self.published < goal:
            while self.published < goal and self.try_publish():
                pass
            self.take_some()
            assert wait((self.reader,), (self.writer,), timeout_ns=_DEADLINE_NS), "stuck"

    def publish_now(self, count: int) -> None:
        """Publish so many without waiting: the edge drops."""
        for _ in range(count):
            assert self.try_publish(), "a dropping edge held its writer"

    def take_some(self) -> None:
        while self.reader.available():
            self.take()

    def account(self) -> dict[str, int]:
        """The edge's account, summed up as the scheduler does."""
        out, into = self.out.snapshot(), self.into.snapshot()
        sender, receiver = out.readers[0], into.readers[0]
        return {
            "sent": out.head - sender.start,
            "delivered": receiver.delivered,
            "dropped": sum(sender.dropped.values()) + sum(receiver.dropped.values()),
            "in_flight": (out.head - sender.taken)
            + (sender.delivered - into.head)
            + (into.head - receiver.taken),
        }

    def check_account(self, *, dropped: int | None = 0) -> None:
        """Everything that was published is accounted for, and the numbers are those of this test."""
        account = self.account()
        if dropped is None:
            dropped = self.published - len(self.received)
        assert account == {
            "sent": self.published,
            "delivered": len(self.received),
            "dropped": dropped,
            "in_flight": 0,
        }
