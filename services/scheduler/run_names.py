"""Names of runs: a number that counts them, and a salt that makes them unguessable."""

from __future__ import annotations

DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def run_name(counter: int, salt: str) -> str:
    """The name of the run with that number: 1z-k3x9."""
    return f"{base36(counter)}-{salt}"


def base36(number: int) -> str:
    """A number in digits and small letters: run names are parts of file and segment names."""
    text = ""
    while number:
        number, digit = divmod(number, 36)
        text = DIGITS[digit] + text
    return text or "0"
