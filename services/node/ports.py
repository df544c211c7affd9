"""What the engine asks of its surroundings: rings, clocks, waiting.

In a loop process rings are rtmesh.shm Readers and Writers; in a test they are plain Python
(`memory`). The engine knows only these protocols.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple, Protocol


class InputRing(Protocol):
    """The reading end of a ring, as rtmesh.shm.Reader."""

    @property
    def ended(self) -> bool:
        """The stream has ended and everything was taken."""
        ...

    def try_take(self, now_ns: int) -> Any | None: ...

    def release(self) -> None: ...

    def leave(self) -> None: ...


class OutputRing(Protocol):
    """The writing end of a ring, as rtmesh.shm.Writer."""

    @property
    def epoch(self) -> int: ...

    @property
    def sequence(self) -> int: ...

    def try_publish_parts(
        self, parts: tuple[Any, ...], publish_time_ns: int, align_at: int, origin: int, origin_time_ns: int, /
    ) -> bool: ...

    def end(self) -> None: ...


class InputBinding(NamedTuple):
    """An input port's ring and its edge's policy (a rtmesh.v1 WhenFull)."""

    ring: InputRing
    when_full: int
    queue: int


class OutputBinding(NamedTuple):
    """An output port's ring, and the largest message in bytes."""

    ring: OutputRing
    max_bytes: int


class Identity(NamedTuple):
    """Who the node is."""

    graph: str
    node: str
    folder: Path


class Host(Protocol):
    """What runs the engine: a loop process or a test."""

    def now_ns(self) -> int:
        """Mesh time."""
        ...

    def monotonic_ns(self) -> int:
        """The clock of @every."""
        ...

    def wait_for_space(self, ring: OutputRing) -> None:
        """Return when `ring` may have space; StopRequested when the node must stop instead."""
        ...

    def step_begins(self) -> None: ...

    def step_ends(self, steps: int) -> None:
        """A step is over; `steps` of them so far."""
        ...

    def result(self, json: str) -> None:
        """The node reported its result."""
        ...
