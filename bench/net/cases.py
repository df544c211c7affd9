"""What is measured between two machines: cases of the ring's harness, at the network's sizes."""

from __future__ import annotations

from collections.abc import Iterable

from bench.ring.cases import MIB, Case, Kind

# What BRAND's test sends at 1 kHz.
WIDE = 61_440

ROUND_TRIP = Case(Kind.ROUND_TRIP, 64)
PACED = Case(Kind.PACED, 64)
PACED_WIDE = Case(Kind.PACED, WIDE)
SATURATED = Case(Kind.SATURATED, 64)
SATURATED_LARGE = Case(Kind.SATURATED, MIB)
CASES = (ROUND_TRIP, PACED, PACED_WIDE, SATURATED, SATURATED_LARGE)

TITLES = {
    ROUND_TRIP: "half round trip 64 B",
    PACED: "one way at 1 kHz, 64 B",
    PACED_WIDE: "one way at 1 kHz, 61,440 B",
    SATURATED: "saturated 64 B",
    SATURATED_LARGE: "saturated 1 MiB",
}


def select(only: Iterable[str]) -> tuple[Case, ...]:
    """Those whose name holds one of the words, all without words. ValueError for a word that fits none."""
    words = list(only)
    for word in words:
        if not any(word in case.key for case in CASES):
            raise ValueError(f"no case is called {word}; there are: {', '.join(case.key for case in CASES)}")
    return tuple(case for case in CASES if not words or any(word in case.key for word in words))
