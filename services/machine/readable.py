"""Waiting for a descriptor in the event loop."""

from __future__ import annotations

import asyncio
import os


async def until_readable(descriptor: int) -> None:
    """Wait until there is something to read, or the other end is closed; not at all if it is -1."""
    if descriptor < 0:
        return
    loop, readable = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(descriptor, readable.set)
    try:
        await readable.wait()
    finally:
        loop.remove_reader(descriptor)


async def until_end_of(descriptor: int | None) -> None:
    """Wait until nobody has the other end of a pipe open, and close this one; not at all if it is None."""
    if descriptor is not None:
        await until_readable(descriptor)
        os.close(descriptor)
