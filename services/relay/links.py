"""Which ingress edges are connected, and telling those who watch."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rtmesh.v1.relay_pb2 import WatchResponse

# How soon a watcher notices that nobody listens any more.
_LOOK_S = 0.2

_Changes = queue.SimpleQueue[WatchResponse]


class LinkBoard:
    """The state of every ingress edge of this process. Any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._states: dict[tuple[str, str], WatchResponse] = {}
        self._watchers: set[_Changes] = set()

    def set(self, run: str, edge: str, connected: bool, reason: str = "") -> None:
        """Record a state and tell it if it is new."""
        state = WatchResponse(run=run, edge=edge, connected=connected, reason=reason)
        with self._lock:
            if self._states.get((run, edge)) == state:
                return
            self._states[run, edge] = state
            for watcher in self._watchers:
                watcher.put(state)

    def forget(self, run: str) -> None:
        """Drop the states of a run that is released; nobody is told."""
        with self._lock:
            self._states = {key: state for key, state in self._states.items() if key[0] != run}

    def watch(self, is_wanted: Callable[[], bool]) -> Iterator[WatchResponse]:
        """Every state now, then each change, as long as `is_wanted`."""
        with self._watching() as (states, changes):
            yield from states
            while is_wanted():
                try:
                    yield changes.get(timeout=_LOOK_S)
                except queue.Empty:
                    continue

    @contextmanager
    def _watching(self) -> Iterator[tuple[list[WatchResponse], _Changes]]:
        changes: _Changes = queue.SimpleQueue()
        with self._lock:
            self._watchers.add(changes)
            states = list(self._states.values())
        try:
            yield states, changes
        finally:
            with self._lock:
                self._watchers.discard(changes)
