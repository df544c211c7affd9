"""When a draining run has come to rest: nothing in flight and nothing moved, for a while."""

from __future__ import annotations

from collections.abc import Collection, Mapping

QUIET_ROUNDS = 3
QUIET_NS = 200_000_000
Positions = Mapping[tuple[str, str], int]


class Rest:
    """Watches the rounds of reports of a draining run.

    A round is full when every machine has reported since the last one. One quiet round could fall
    between two messages on their way from node to node, and a step that has taken its message and not
    sent what follows from it is quiet for as long as it lasts. So rest is QUIET_ROUNDS rounds in
    which nothing moved, QUIET_NS apart at least. A step longer than that can still be missed.
    """

    def __init__(self) -> None:
        self._reported: set[str] = set()
        self._positions: Positions = {}
        self._rounds = 0
        self._since_ns = 0

    def takes(self, machine: str, machines: Collection[str]) -> bool:
        """Note that a machine has reported; whether that makes the round full."""
        self._reported.add(machine)
        if not set(machines) <= self._reported:
            return False
        self._reported.clear()
        return True

    def is_reached(self, positions: Positions, in_flight: int, now_ns: int) -> bool:
        """Whether this full round is quiet, and the last of as many as rest takes.

        Args:
            positions: all that moves while something is done: heads of rings, steps of nodes.
        """
        if in_flight or positions != self._positions or not self._rounds:
            self._rounds, self._since_ns = 0 if in_flight else 1, now_ns
            self._positions = positions
            return False
        self._rounds += 1
        return self._rounds >= QUIET_ROUNDS and now_ns - self._since_ns >= QUIET_NS
