"""Storing what the state machine orders, also while the disk takes nothing."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence

from rtmesh.common.errors import ResourceExhaustedError
from rtmesh.common.logs import get_logger
from rtmesh.scheduler.effects import ForgetGraph, SaveGraph, SaveRun
from rtmesh.scheduler.store import Save, Store

log = get_logger()
RETRY_S = 2.0


class Recorder:
    """Stores, and keeps what could not be stored until it can: a full disk must not stop what runs."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._owed: dict[tuple[str, str], Save] = {}
        self._retry: asyncio.TimerHandle | None = None

    def close(self) -> None:
        """Try no more."""
        if self._retry is not None:
            self._retry.cancel()

    def record(self, effects: Sequence[Save], what: str) -> None:
        """Store, or raise ResourceExhaustedError: `what` could not be recorded."""
        try:
            for effect in effects:
                self._store.save(effect)
        except sqlite3.Error as error:
            raise ResourceExhaustedError(
                f"{what} could not be recorded in {self._store.path}: {error}; nothing was changed",
                "make room there, or make it writable, and try again",
            ) from error

    def save(self, effect: Save) -> None:
        """Store now if it can be, else later."""
        key = _key(effect)
        self._owed.pop(key, None)  # the newer replaces what is owed
        try:
            self._store.save(effect)
        except sqlite3.Error as error:
            self._owed[key] = effect
            log.error("cannot save", path=str(self._store.path), error=str(error), owed=len(self._owed))
            self._try_later()

    def _try_later(self) -> None:
        if self._retry is None:
            self._retry = asyncio.get_running_loop().call_later(RETRY_S, self._try_again)

    def _try_again(self) -> None:
        self._retry = None
        for key, effect in list(self._owed.items()):
            self.save(effect)
            if key in self._owed:
                return  # it will be no better for the others
        log.info("saved what was owed", path=str(self._store.path))


def _key(effect: Save) -> tuple[str, str]:
    """What an effect is about: of two about the same thing the newer holds."""
    match effect:
        case SaveGraph():
            return ("graph", effect.graph.name)
        case SaveRun():
            return ("run", effect.status.run)
        case ForgetGraph():
            return ("graph", effect.name)
    return ("run counter", "")
