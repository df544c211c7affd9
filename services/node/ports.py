"""What the engine asks of its surroundings: rings, clocks, waiting.

In a loop process rings are rtmesh.shm Readers and Writers; in a test they are plain Python
(`memory`). The engine knows only these protocols.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple, Protocol

from rtmesh.node.wire import HeaderValues

# Of a header: a name would take twice as long to look up.
_ORIGIN = HeaderValues._fields.index("origin")


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


class Trail:
    """Where the present step comes from: what its sends carry on, and whether it may send at all.

    Attributes:
        header: of the message that triggered the step; None: the step begins origins of its own.
        begun: header of the newest message that began one in this step.
        refusal: why nothing can be sent now; empty: it can.
    """

    def __init__(self, own_origins: frozenset[int]) -> None:
        self._own_origins = own_origins
        self.header: HeaderValues | None = None
        self.begun: HeaderValues | None = None
        self.refusal = "setup() cannot send, as the graph is not running yet: send in start()"

    def begin(self, header: HeaderValues | None) -> None:
        """A step begins. A message of the node's own origin has come full circle: a new one begins."""
        is_new = header is None or header[_ORIGIN] == 0 or header[_ORIGIN] in self._own_origins
        self.header = None if is_new else header
        self.begun = None

    def origin_of(self, own: HeaderValues) -> HeaderValues:
        """Whose origin a message carries on in a step without one; it would else begin one: `own` has it so.

        The first message of a step that has no origin begins one, and what the step sends on other outputs
        goes with it, so that it can be joined downstream. The next one on the same output begins another.
        """
        return own if self.begun is None or self.begun.origin == own.origin else self.begun
