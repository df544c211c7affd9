"""Frames on their way from a thread that reads a ring to the event loop that writes a stream."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

_T = TypeVar("_T")


class Outbox:
    """Belongs to the event loop that made it; what fills it may be called from any thread."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._frames: deque[bytes] = deque()
        self._changed = asyncio.Event()
        self._is_closed = False
        self._failure: Exception | None = None

    def put(self, frames: list[bytes]) -> None:
        """Add frames."""
        self._call(self._frames.extend, frames)

    def close(self, frames: list[bytes]) -> None:
        """Add the last frames."""
        self._call(self._close, frames)

    def fail(self, reason: Exception) -> None:
        """End now, with an error; what is not sent stays unsent."""
        self._call(self._fail, reason)

    @contextmanager
    def failures(self) -> Iterator[None]:
        """Hand an error of the thread to whoever takes the frames."""
        try:
            yield
        except Exception as error:
            self.fail(error)

    async def frames(self) -> AsyncIterator[bytes]:
        """Frames in order until the close; raises the failure."""
        while True:
            while self._frames and self._failure is None:
                yield self._frames.popleft()
            if self._failure is not None:
                raise self._failure
            if self._is_closed:
                return
            self._changed.clear()
            await self._changed.wait()

    def _call(self, change: Callable[[_T], None], argument: _T) -> None:
        self._loop.call_soon_threadsafe(self._apply, change, argument)

    def _apply(self, change: Callable[[_T], None], argument: _T) -> None:
        change(argument)
        self._changed.set()

    def _close(self, frames: list[bytes]) -> None:
        self._frames.extend(frames)
        self._is_closed = True

    def _fail(self, reason: Exception) -> None:
        self._failure = self._failure or reason
