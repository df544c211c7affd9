"""Words for reasons and events."""

from __future__ import annotations

from collections.abc import Sequence


def listed(names: Sequence[str]) -> str:
    """Names for a sentence: "a", "a and b", "a, b and c"."""
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"


def machines(names: Sequence[str]) -> str:
    """Machines for a sentence: "machine a", "machines a and b"."""
    return f"machine{'s' if len(names) > 1 else ''} {listed(names)}"


def whole_seconds(duration_ns: int) -> str:
    """A duration that was not chosen, but came about: "5 s"."""
    return f"{duration_ns // 1_000_000_000} s"


def seconds(duration_ns: int) -> str:
    """A duration for a sentence: "5 s", "0.2 s"."""
    return f"{duration_ns / 1e9:g} s"
