"""What is measured between two machines: cases of the ring's harness, at the network's sizes."""

from __future__ import annotations

from dataclasses import replace

from bench.ring.cases import MIB, Case, Kind

# What BRAND's test sends at 1 kHz.
WIDE = 61_440

ROUND_TRIP = Case(Kind.ROUND_TRIP, 64)
PACED = Case(Kind.PACED, 64)
PACED_WIDE = Case(Kind.PACED, WIDE)
SATURATED = Case(Kind.SATURATED, 64)
SATURATED_LARGE = Case(Kind.SATURATED, MIB)
AS_IT_COMES = (ROUND_TRIP, PACED, PACED_WIDE, SATURATED, SATURATED_LARGE)


def awake(case: Case) -> Case:
    """The same with the CPUs kept awake and each host on a CPU of its own."""
    return replace(case, is_awake=True)


# Waking is what the setting is about: rates know none.
AWAKE = tuple(awake(case) for case in AS_IT_COMES if case.is_latency)
CASES = (*AS_IT_COMES, *AWAKE)

HOW_AWAKE = "two CPUs, one a host, kept awake"
_TITLES = {
    ROUND_TRIP: "half round trip 64 B",
    PACED: "one way at 1 kHz, 64 B",
    PACED_WIDE: "one way at 1 kHz, 61,440 B",
    SATURATED: "saturated 64 B",
    SATURATED_LARGE: "saturated 1 MiB",
}


def where(case: Case) -> str:
    """Between machines, and how if it is not as it comes."""
    return f"between machines{f' ({HOW_AWAKE})' if case.is_awake else ''}"


def title(case: Case) -> str:
    """What is measured, and how."""
    return f"{where(case)}: {_TITLES[replace(case, is_awake=False)]}"
