"""Names: what a node, a graph and a machine may be called, and the name that was probably meant."""

from __future__ import annotations

import re
from collections.abc import Iterable

LONGEST_NAME = 40
LONGEST_PORT_NAME = 63

NODE_NAME = re.compile(r"[a-z][a-z0-9_]*")
GRAPH_NAME = re.compile(r"[a-z][a-z0-9_-]*")
MACHINE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")

_WORD_START = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def is_name(text: str, pattern: re.Pattern[str]) -> bool:
    return len(text) <= LONGEST_NAME and pattern.fullmatch(text) is not None


def snake_case(name: str) -> str:
    """The port of an rpc: TargetPosition -> target_position, LFPPower -> lfp_power."""
    return _WORD_START.sub("_", name).lower()


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A remedy that offers the nearest known name, or all of them if none is near."""
    import difflib

    choices = list(known)
    near = difflib.get_close_matches(name, choices, n=1, cutoff=0.6)
    if near:
        return f"did you mean {near[0]}?"
    return f"known: {', '.join(choices)}" if choices else ""
