"""Credit and release of one ingress edge. Pure: numbers in, numbers out.

Two rings have positions here: a *local* position counts the ingress ring, a *far* position the
writer's ring. Credit speaks of messages and follows the local ring; what is acknowledged speaks
of far positions. The two differ by what an edge's policy dropped on the way.

    local   0 ........ released ........ head ........ granted_until
                          │ not released  │ may still come │
                          └──────── never more than size ──┘
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import NamedTuple

# An edge that drops is drained always: its credit only bounds what is on the wire.
DROPPING_WINDOW = 256


class Grant(NamedTuple):
    """What one request tells the far side."""

    credit: int
    released_position: int


@dataclass(frozen=True)
class Held:
    """What an ingress ring holds when a lane opens it.

    Attributes:
        head: local position of the next message; so many the edge has ever brought.
        released: local position below which the reader has released everything.
        source_position: far position of the next message that is not held.
    """

    head: int
    released: int
    source_position: int


class Window:
    """The credit of one opening.

    Args:
        size: how many messages may be granted and not released at any moment.
        held: what the ring holds at the opening.
        follows_release: the edge blocks: credit and acknowledgement follow what the reader
            released. Else both follow what the ring holds, and the ring drops.
    """

    def __init__(self, size: int, held: Held, *, follows_release: bool) -> None:
        self._size = size
        self._follows_release = follows_release
        self._head = held.head
        self._granted_until = held.head
        self._released = held.released if follows_release else held.head
        self._source_position = held.source_position
        # Which far positions the unreleased messages have, in runs without a gap: (local end, far end). Of
        # those that an earlier life of this process brought only the count is known; a block edge has no gaps
        # among what is not released, so they lie directly below source_position.
        self._runs = deque([(self._head, held.source_position)])
        self._released_position = max(0, held.source_position - self.unreleased)
        self._acknowledged = self._released_position

    @property
    def unreleased(self) -> int:
        """Messages held here that the reader has not released, as far as is known."""
        return self._head - self._released

    @property
    def is_exhausted(self) -> bool:
        """Whether the far side has no credit left."""
        return self._granted_until == self._head

    @property
    def is_due(self) -> bool:
        """Whether the far side should be told now: it has run dry, or a quarter of the window is new."""
        return self._released >= self.due_at

    @property
    def due_at(self) -> int:
        """Local position that has to be released before the far side is told at once."""
        new = 1 if self.is_exhausted else -(-self._size // 4)
        return self._granted_until - self._size + new

    @property
    def credit(self) -> int:
        """How many further messages may come."""
        return self._granted_until - self._head

    @property
    def next_position(self) -> int:
        """Far position of the next message that is not held."""
        return self._source_position

    def received(self, messages: int, next_position: int) -> None:
        """So many messages came, within the credit; the last lies directly below `next_position`."""
        self._head += messages
        self._source_position = next_position
        if not self._follows_release:
            self._released = self._head
            self._released_position = next_position
        elif self._runs[-1][1] + messages == next_position:
            self._runs[-1] = (self._head, next_position)
        else:
            self._runs.append((self._head, next_position))

    def skipped(self, far_position: int) -> None:
        """Nothing that is still missing below `far_position` will come."""
        self._source_position = max(self._source_position, far_position)

    def released(self, local_position: int) -> None:
        """The ring's reader has released everything below `local_position`."""
        if self._follows_release:
            self._release_below(min(local_position, self._head))

    @property
    def has_news(self) -> bool:
        """Whether there is anything the far side has not been told."""
        return self._new_credit() > 0 or self._acknowledged < self._released_position

    def grant(self) -> Grant:
        """What the far side is to be told now; from then on it counts as told."""
        credit = self._new_credit()
        self._granted_until += credit
        self._acknowledged = self._released_position
        return Grant(credit, self._released_position)

    def _new_credit(self) -> int:
        return max(0, self._released + self._size - self._granted_until)

    def _release_below(self, local_position: int) -> None:
        if local_position <= self._released:
            return
        self._released = local_position
        while self._runs[0][0] < local_position:
            self._runs.popleft()
        local_end, far_end = self._runs[0]
        self._released_position = max(self._released_position, far_end - (local_end - local_position))
