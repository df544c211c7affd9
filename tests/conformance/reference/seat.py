"""One reader of the reference ring: what its policy gives it, and its account."""

import os
import time
from copy import copy

from rtmesh.shm import Policy, ReaderLayout, ReaderSnapshot, ReaderState
from tests.conformance.reference.latencies import Latencies

# Why a message is dropped that a reader of this policy can no longer be given.
REASON = {
    Policy.BLOCK: "reader_gone",
    Policy.DROP_OLDEST: "queue_full",
    Policy.LATEST: "superseded",
}


class Seat:
    """A place for one reader, fixed or for a tap.

    Positions count messages from 0: everything below `taken` was delivered or dropped, everything below
    `released` may be forgotten. At every moment start + delivered + sum(dropped) == taken.
    """

    def __init__(self, index: int, layout: ReaderLayout) -> None:
        self.index = index
        self.hold = layout.hold
        self.hold_absent_ns = layout.hold_absent_ns
        self.owner: object | None = None
        self.state: ReaderState | None = ReaderState.ABSENT
        self.absent_since_ns: int | None = None  # None: it never came, and is waited for without limit
        self.gone_at = 0
        self.begin(layout.name, layout.policy, layout.queue, position=0)

    def begin(self, name: str, policy: Policy, queue: int, position: int) -> None:
        """A new account, from `position` on."""
        self.name = name
        self.policy = policy
        self.queue = 1 if policy is Policy.LATEST else queue
        self.start = self.taken = self.released = position
        self.delivered = 0
        self.dropped = dict.fromkeys(("queue_full", "superseded", "reader_gone"), 0)
        self.latency = Latencies()

    # What it is given.

    def settle(self, head: int) -> None:
        """Count as dropped what it can no longer be given when `head` are published.

        Of a dropping reader that is all but the `queue` newest. Of one that was given up it is everything:
        what waited then, and what came after. Twice changes nothing.
        """
        newest = min(self.gone_at, head) if self.is_gone else head
        if self.policy is not Policy.BLOCK:
            self._drop_below(newest - self.queue, REASON[self.policy])
        if self.is_gone:
            self._drop_below(head, "reader_gone")

    def _drop_below(self, position: int, reason: str) -> None:
        if position > self.taken:
            self.dropped[reason] += position - self.taken
            self.taken = position

    def deliver(self, latency_ns: int) -> None:
        """The message at `taken` is handed over."""
        self.taken += 1
        self.delivered += 1
        self.latency.add(latency_ns)

    def waiting(self, head: int) -> int:
        """How many it could still be given."""
        rest = head - self.taken
        return rest if self.policy is Policy.BLOCK else min(rest, self.queue)

    # Whether it holds the writer.

    @property
    def is_gone(self) -> bool:
        return self.state is ReaderState.GONE

    def is_full(self, head: int) -> bool:
        """Its queue is full of what it has not released."""
        return head - self.released >= self.queue

    def holds(self, head: int) -> bool:
        """The writer must wait for it."""
        counts = self.state in (ReaderState.ATTACHED, ReaderState.ABSENT) and not self.is_time_over()
        return counts and self.policy is Policy.BLOCK and self.is_full(head)

    def is_time_over(self) -> bool:
        """It was away for hold_absent."""
        if self.state is not ReaderState.ABSENT or self.absent_since_ns is None:
            return False
        return time.monotonic_ns() - self.absent_since_ns >= self.hold_absent_ns

    def needs_from(self, head: int) -> int:
        """Below this it has no use for any message."""
        if self.state is None or self.is_gone:
            return head
        return head - self.queue if self.is_full(head) and self.policy is not Policy.BLOCK else self.released

    # Where it is.

    def attach(self, head: int) -> None:
        """It is there (again). From GONE it starts at head, else where it was."""
        if self.is_gone:
            self.settle(head)
            self.released = self.taken = head
        self.state = ReaderState.ATTACHED

    def become_absent(self) -> None:
        if self.state is ReaderState.ATTACHED:
            self.state, self.absent_since_ns = ReaderState.ABSENT, time.monotonic_ns()

    def give_up(self, head: int) -> None:
        """It is gone; one that was gone stays given up where it was."""
        if not self.is_gone:
            self.state, self.gone_at = ReaderState.GONE, head

    def snapshot(self, head: int) -> ReaderSnapshot:
        """Its account as of `head`; looking changes nothing."""
        now = copy(self)
        now.dropped = dict(self.dropped)
        now.settle(head)
        return ReaderSnapshot(
            index=now.index,
            name=now.name,
            policy=now.policy,
            state=ReaderState(now.state),
            start=now.start,
            taken=now.taken,
            released=now.released,
            delivered=now.delivered,
            dropped=now.dropped,
            is_holding=now.holds(head),
            pid=os.getpid() if self.owner else 0,
            latency=now.latency,
        )
