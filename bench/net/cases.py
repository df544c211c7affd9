"""What is measured between two machines: cases of the ring's harness, at the network's sizes."""

from __future__ import annotations

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
