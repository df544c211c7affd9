"""When a draining run has come to rest: nothing in flight and nothing written, twice in a row."""

from __future__ import annotations

from collections.abc import Collection, Mapping


class Rest:
    """Watches the rounds of reports of a draining run.

    A round is full when every machine has reported since the last one. One quiet round could fall
    between two messages on their way from node to node; two with the same heads cannot, but
    for a step that takes longer than a round.
    """

    def __init__(self) -> None:
        self._reported: set[str] = set()
        self._quiet_heads: Mapping[tuple[str, str], int] | None = None

    def takes(self, machine: str, machines: Collection[str]) -> bool:
        """Note that a machine has reported; whether that makes the round full."""
        self._reported.add(machine)
        if not set(machines) <= self._reported:
            return False
        self._reported.clear()
        return True

    def is_reached(self, heads: Mapping[tuple[str, str], int], in_flight: int) -> bool:
        """Whether this full round is the second quiet one."""
        before, self._quiet_heads = self._quiet_heads, (heads if in_flight == 0 else None)
        return in_flight == 0 and heads == before
