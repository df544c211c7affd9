"""How the processes of a session wait for each other: bounded, and told apart."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from bench.ring.endpoint import CONNECT_S

T = TypeVar("T")
LOOK_S = 0.02


def until(is_so: Callable[[], T], what: str) -> T:
    """Look again until it is so; what it is then. TimeoutError, `what`, if that takes too long."""
    deadline = time.monotonic() + CONNECT_S
    while not (found := is_so()):
        if time.monotonic() > deadline:
            raise TimeoutError(what)
        time.sleep(LOOK_S)
    return found


def dial(connect: Callable[[], T], what: str) -> T:
    """Connect to somebody who may not listen yet. TimeoutError, `what`, if nobody ever does."""

    def attempt() -> list[T]:
        try:
            return [connect()]
        except OSError:
            return []

    return until(attempt, what)[0]


async def exists(path: Path) -> None:
    """Until another process has made it."""
    for _ in range(int(CONNECT_S / LOOK_S)):
        if path.exists():
            return
        await asyncio.sleep(LOOK_S)
    raise TimeoutError(f"{path.name} did not come")
