"""The log files of one process: one a life, of bounded size.

    NODE.log         the life that runs, or the last one
    NODE.older.log   what NODE.log held when it grew beyond 16 MiB
    NODE.1.log       the life before, its last 16 MiB at most; NODE.2.log, NODE.3.log the ones before that

A log that has grown too large is copied to NODE.older.log and cut to nothing: the process goes on writing
through the descriptor it has, which appends. What it writes between the last read of the copy and the cut,
some microseconds, is not kept.
"""

from __future__ import annotations

import os
from pathlib import Path

from rtmesh.common.logs import get_logger

MIB = 1024 * 1024
MOST_BYTES = 16 * MIB
KEPT_LIVES = 3

log = get_logger()


class LogFiles:
    """The logs of the process `name` in `folder`."""

    def __init__(self, folder: Path, name: str) -> None:
        self.current = folder / f"{name}.log"
        self.older = folder / f"{name}.older.log"
        self._folder = folder
        self._name = name

    def before(self, lives: int) -> Path:
        """The log of so many lives before the present one."""
        return self._folder / f"{self._name}.{lives}.log"

    def begin_life(self) -> None:
        """Move the logs of earlier lives along. Raises OSError."""
        if not self.current.exists():
            return
        self.older.unlink(missing_ok=True)
        for lives in range(KEPT_LIVES - 1, 0, -1):
            if self.before(lives).exists():
                self.before(lives).replace(self.before(lives + 1))
        self.current.replace(self.before(1))

    def bound(self, most_bytes: int = MOST_BYTES) -> None:
        """Keep the log from growing without end. Never fails: a log must not cost a node."""
        try:
            if self.current.stat().st_size > most_bytes:
                self._cut()
        except FileNotFoundError:
            pass  # nothing was started yet
        except OSError as error:
            log.warning("a log cannot be cut", path=str(self.current), error=str(error))

    def _cut(self) -> None:
        new = self.older.with_suffix(".new")
        try:
            with self.current.open("rb") as source, new.open("wb", buffering=0) as target:
                while part := source.read(MIB):
                    target.write(part)
                os.truncate(self.current, 0)
            new.replace(self.older)
        except OSError as error:
            # The disk is full: then this log goes, without a copy, so that it fills no more of it.
            os.truncate(self.current, 0)
            new.unlink(missing_ok=True)
            log.warning("a log was cut without a copy", path=str(self.current), error=str(error))
