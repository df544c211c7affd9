"""Durations and sizes as people write them: 15s, 200ms, 4KiB."""

from __future__ import annotations

import re
from fractions import Fraction

_QUANTITY = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([A-Za-z]*)")

NANOSECONDS = {"us": 1_000, "ms": 1_000_000, "s": 1_000_000_000, "m": 60_000_000_000, "h": 3_600_000_000_000}
BYTES = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}


def parse_duration_ns(text: str) -> int:
    """Nanoseconds in "15s", "200ms", "1.5m"; "0" needs no unit. ValueError says what is wrong."""
    return _parse(text, NANOSECONDS, "a duration such as 15s or 200ms")


def parse_size_bytes(text: str) -> int:
    """Bytes in "4KiB", "1MiB", "4096". ValueError says what is wrong."""
    return _parse(text, BYTES, "a size such as 4KiB or 1MiB", unitless=1)


def _parse(text: str, units: dict[str, int], kind: str, unitless: int = 0) -> int:
    match = _QUANTITY.fullmatch(text.strip())
    if match is None or len(text) > 40:
        raise ValueError(f"{text!r:.60} is not {kind}")
    amount, unit = Fraction(match[1]), match[2]
    if not unit and (unitless or amount == 0):
        factor = unitless
    elif unit in units:
        factor = units[unit]
    else:
        raise ValueError(
            f"{text!r} has {'no unit' if not unit else 'an unknown unit'}: use {', '.join(units)}"
        )
    total = amount * factor
    if total.denominator != 1:
        raise ValueError(f"{text!r} is not a whole number of {next(iter(units))}")
    return int(total)


def format_duration(milliseconds: int) -> str:
    """The shortest way to write it: 15000 -> 15s, 200 -> 200ms."""
    for unit, size in (("h", 3_600_000), ("m", 60_000), ("s", 1000)):
        if milliseconds and milliseconds % size == 0:
            return f"{milliseconds // size}{unit}"
    return f"{milliseconds}ms"
