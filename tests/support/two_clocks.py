"""A machine and a scheduler whose clocks differ and drift, and messages between them that take time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from rtmesh.machine.clock_estimate import SECOND_NS, Exchange

WANDER_SPAN_NS = 20 * SECOND_NS


@dataclass
class TwoClocks:
    """The machine's clock is the time of this world; the scheduler's is what drifts against it.

    Args:
        offset_ns: mesh time - the machine's clock, at 0.
        rate: what that grows by a ns.
        wander: what is added to the rate, in turns of 20 s.
    """

    offset_ns: int
    rate: float = 0.0
    wander: Sequence[float] = field(default_factory=lambda: (0.0,))
    now_ns: int = SECOND_NS

    def truth(self, at_ns: int) -> float:
        """Mesh time less the machine's clock, but for the whole `offset_ns`."""
        turns, rest_ns = divmod(at_ns, WANDER_SPAN_NS)
        cycles, turn = divmod(turns, len(self.wander))
        wandered = (cycles * sum(self.wander) + sum(self.wander[:turn])) * WANDER_SPAN_NS
        return at_ns * self.rate + wandered + rest_ns * self.wander[turn]

    def mesh_ns(self, at_ns: int) -> int:
        """What the scheduler's clock shows."""
        return at_ns + self.offset_ns + round(self.truth(at_ns))

    def error_of(self, offset_ns: int, at_ns: int) -> float:
        """How wrong it is to add `offset_ns`."""
        return offset_ns - self.offset_ns - self.truth(at_ns)

    def exchange(self, up_ns: int, down_ns: int, far_ns: int = 20_000) -> Exchange:
        """Exchange stamps; time passes."""
        sent_ns = self.now_ns
        came_ns = sent_ns + up_ns
        left_ns = came_ns + far_ns
        self.now_ns = left_ns + down_ns
        return Exchange(sent_ns, self.mesh_ns(came_ns), self.mesh_ns(left_ns), self.now_ns)

    def wait(self, span_ns: int) -> None:
        self.now_ns += span_ns
