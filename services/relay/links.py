"""Which ingress edges are connected, and telling those who watch."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

from rtmesh.v1.relay_pb2 import WatchResponse


class LinkBoard:
    """The state of every ingress edge of this process. Belongs to one event loop."""

    def __init__(self) -> None:
        self._states: dict[tuple[str, str], WatchResponse] = {}
        self._watchers: set[asyncio.Queue[WatchResponse]] = set()

    def set(self, run: str, edge: str, connected: bool, reason: str = "") -> None:
        """Record a state and tell it if it is new."""
        state = WatchResponse(run=run, edge=edge, connected=connected, reason=reason)
        if self._states.get((run, edge)) == state:
            return
        self._states[run, edge] = state
        for watcher in self._watchers:
            watcher.put_nowait(state)

    def forget(self, run: str) -> None:
        """Drop the states of a run that is released; nobody is told."""
        self._states = {key: state for key, state in self._states.items() if key[0] != run}

    async def watch(self) -> AsyncIterator[WatchResponse]:
        """Every state now, then each change, for ever."""
        with self._watching() as changes:
            for state in list(self._states.values()):
                yield state
            while True:
                yield await changes.get()

    @contextmanager
    def _watching(self) -> Iterator[asyncio.Queue[WatchResponse]]:
        changes: asyncio.Queue[WatchResponse] = asyncio.Queue()
        self._watchers.add(changes)
        try:
            yield changes
        finally:
            self._watchers.discard(changes)
