"""An edge under test: one output, the inputs that it feeds, and a process at each end.

Every transport gives an Edge; the tests know nothing else. Where a transport takes time, `settle` returns
once everything that will happen by itself has happened; between two settles only order and sums are promised.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from rtmesh.shm import Policy, ReaderState
from tests.conformance.ends import Message

FAR_AWAY_NS = 3_600_000_000_000


class Input(NamedTuple):
    """The terms of one reader. `hold_absent_ns` is nothing or for ever, so no test waits for a clock."""

    policy: Policy = Policy.BLOCK
    queue: int = 4
    hold: int = 2
    hold_absent_ns: int = FAR_AWAY_NS


class Account(NamedTuple):
    """An edge's account as meshctl adds it up; `dropped` names only reasons that occurred."""

    sent: int
    delivered: int
    dropped: dict[str, int]
    in_flight: int
    state: ReaderState

    def adds_up(self) -> bool:
        return self.sent == self.delivered + sum(self.dropped.values()) + self.in_flight


class Edge(Protocol):
    """Readers are called by their number; nobody is attached at first."""

    def attach_writer(self) -> None:
        """A new process writes: the next epoch."""

    def publish(self, data: bytes) -> bool:
        """False, and nothing is sent, if a reader holds the writer."""

    def claim(self, data: bytes) -> bool:
        """Make a message ready that is not published."""

    def end(self) -> None:
        """The writer ends the stream."""

    def crash_writer(self) -> None:
        """kill -9, and what meshd does then."""

    def attach(self, reader: int) -> None: ...

    def tap(self, queue: int) -> int:
        """An onlooker at the output: another reader, which holds nobody. Returns its number."""

    def take(self, reader: int, keep: bool = False) -> Message | None:
        """The next message; None if there is none now. One that is kept stays as it is."""

    def kept(self, reader: int) -> list[Message]: ...

    def forget(self, reader: int) -> None:
        """Keep nothing any more."""

    def release(self, reader: int) -> None:
        """Give back all that was taken."""

    def ended(self, reader: int) -> bool: ...

    def leave(self, reader: int) -> None:
        """It stops reading for good."""

    def crash(self, reader: int, for_good: bool = False) -> None:
        """kill -9, and what meshd does then: a restart is due, or not."""

    def give_up(self, reader: int) -> None:
        """A dead reader will not be restarted after all."""

    def account(self, reader: int) -> Account: ...

    def settle(self) -> None:
        """Wait, for a bounded time, until everything that is under way has arrived."""

    def close(self) -> None: ...


class Transport(Protocol):
    """Makes edges; lives as long as the test session. It is given `examples` random programs.

    `is_instant`: an edge changes only by what is done to it, so even the moment is known at which a reader is
    given up whose hold_absent is over.
    """

    examples: int
    is_instant: bool

    def open(self, inputs: Sequence[Input]) -> Edge: ...

    def close(self) -> None: ...
