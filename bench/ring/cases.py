"""What is measured, and what the ratio to the best rival shall be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby

KIB, MIB = 1024, 1024 * 1024
SIZES = (64, 16 * KIB, 256 * KIB, 4 * MIB)
READERS = 8
PACE_HZ = 1000
PACED_RECEIVER_MOST_CPU_PERCENT = 3.0

# Spinning costs a CPU: without bound only where each side has its own, and for a message a
# millisecond so short that the receiver stays below 3 % of a CPU.
SPIN_PINNED_NS = 1_000_000_000
SPIN_BOUNDED_NS = 50_000
# The bound is above what the other side needs for its copy, or no spin would ever end well: 2 GB/s.
SPIN_BYTES_PER_NS = 2
SPIN_PACED_NS = 0


class Kind(StrEnum):
    """What the two sides do."""

    ROUND_TRIP = "round-trip"
    PACED = "paced"
    SATURATED = "saturated"
    FAN_OUT = "fan-out"


UNITS = {Kind.ROUND_TRIP: "us", Kind.PACED: "us", Kind.SATURATED: "messages/s", Kind.FAN_OUT: "messages/s"}


@dataclass(frozen=True)
class Case:
    """One line of the results. `warm_up` messages come first and are not counted: by number, not by time."""

    kind: Kind
    size: int
    is_pinned: bool = False
    is_loaded: bool = False
    # The CPUs are kept awake, and each host has one of its own: between two hosts only.
    is_awake: bool = False
    target: float | None = None
    stretch: float | None = None

    @property
    def key(self) -> str:
        """Its name on the command line."""
        where = "-pinned" if self.is_pinned else "-default" if self.kind is Kind.ROUND_TRIP else ""
        how = f"{'-loaded' if self.is_loaded else ''}{'-awake' if self.is_awake else ''}"
        return f"{self.kind}-{size_text(self.size)}{where}{how}"

    @property
    def title(self) -> str:
        """Its name in the results."""
        size = size_text(self.size, " ")
        load = ", every CPU loaded" if self.is_loaded else ""
        if self.kind is Kind.ROUND_TRIP:
            how = "pinned, spinning" if self.is_pinned else "default scheduling, bounded spin"
            return f"half round trip {size} p50, {how}{load}"
        if self.kind is Kind.PACED:
            return f"one way at 1 kHz {size} p50{load}"
        if self.kind is Kind.SATURATED:
            return f"saturated {size}{load}"
        return f"fan-out 1 to {READERS} {size}, published a second{load}"

    @property
    def readers(self) -> int:
        """How many receive."""
        return READERS if self.kind is Kind.FAN_OUT else 1

    @property
    def is_latency(self) -> bool:
        """Is the figure a time, so that lower is better?"""
        return self.kind in (Kind.ROUND_TRIP, Kind.PACED)

    @property
    def warm_up(self) -> int:
        """Messages before the first that counts."""
        return {64: 500, 16 * KIB: 200, 61_440: 100, 256 * KIB: 50, MIB: 100}.get(self.size, 5)

    @property
    def spin_ns(self) -> int:
        """How long the ring may spin before it sleeps: a setting that its user has."""
        if self.is_pinned:
            return SPIN_PINNED_NS
        return SPIN_PACED_NS if self.kind is Kind.PACED else SPIN_BOUNDED_NS + self.size // SPIN_BYTES_PER_NS

    def seconds(self, is_quick: bool) -> float:
        """How long it is measured in one run."""
        if self.kind is Kind.PACED:
            return 0.5 if is_quick else 1.2
        return 0.2 if is_quick else 0.4


def size_text(size: int, space: str = "") -> str:
    """64B, 16KiB, 4MiB."""
    for unit, name in ((MIB, "MiB"), (KIB, "KiB")):
        if size >= unit:
            return f"{size // unit}{space}{name}"
    return f"{size}{space}B"


def _cases() -> Iterator[Case]:
    large = dict(zip(SIZES[1:], ((0.25, None), (0.6, None), (1.0, 0.9))))
    for is_pinned in (True, False):
        yield Case(Kind.ROUND_TRIP, 64, is_pinned, target=0.2)
        for size, (target, stretch) in large.items():
            yield Case(Kind.ROUND_TRIP, size, is_pinned, target=target, stretch=stretch)
        yield Case(Kind.ROUND_TRIP, 64, is_pinned, is_loaded=True)
    yield Case(Kind.PACED, 64, target=0.7)
    yield Case(Kind.PACED, 64, is_loaded=True)
    for size, target in zip(SIZES, (2.0, 4.0, 1.5, 0.8)):
        yield Case(Kind.SATURATED, size, target=target, stretch=1.0 if size == 4 * MIB else None)
    yield Case(Kind.SATURATED, 64, is_loaded=True)
    yield Case(Kind.FAN_OUT, 64, target=4.0)
    yield Case(Kind.FAN_OUT, 16 * KIB, target=1.2)
    yield Case(Kind.FAN_OUT, 64, is_loaded=True)


CASES = tuple(_cases())


def select(only: Iterable[str], cases: Sequence[Case] = CASES) -> tuple[Case, ...]:
    """Those whose name holds one of the words, all without words. ValueError for a word that fits none."""
    words = list(only)
    for word in words:
        if not any(word in case.key for case in cases):
            raise ValueError(f"no case is called {word}; there are: {', '.join(case.key for case in cases)}")
    return tuple(case for case in cases if not words or any(word in case.key for word in words))


def groups(cases: Iterable[Case]) -> list[tuple[Case, ...]]:
    """Those that the same processes can measure one after the other: of one setting and number of readers."""
    alike = sorted(cases, key=_alike)
    return [tuple(group) for _, group in groupby(alike, key=_alike)]


def _alike(case: Case) -> tuple[int, bool, bool]:
    return case.readers, not case.is_pinned, case.is_awake
