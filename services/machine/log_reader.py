"""Reads a node's log from some point to its end, and on from there as it grows, is cut, and starts anew.

Reader and cutter live in meshd's one thread, so a log is never cut between two lines of this file.
"""

from __future__ import annotations

import mmap
import os
from pathlib import Path
from typing import IO

from rtmesh.machine.log_files import LogFiles

CHUNK_BYTES = 64 * 1024

Signature = tuple[int, int] | None


class LogReader:
    """Gives the log of the present life, older part first, in chunks.

    Args:
        last_lines: where to begin, counted from the end; 0: at the beginning.
    """

    def __init__(self, files: LogFiles, last_lines: int = 0) -> None:
        """Raises OSError: the log cannot be read."""
        self._files = files
        self._seen_cut = _signature(files.older)
        in_current, offset = _last_lines(files.current, last_lines)
        if last_lines and in_current >= last_lines:
            self._in_older = False
        else:
            self._in_older = self._seen_cut is not None
            offset = _last_lines(files.older, max(last_lines - in_current, 0))[1] if self._in_older else 0
        self._position = offset
        self._file: IO[bytes] = (files.older if self._in_older else files.current).open("rb")

    def close(self) -> None:
        self._file.close()

    def next_chunk(self) -> bytes:
        """At most 64 KiB more; empty if there is no more now."""
        self._follow_cut()
        while not (chunk := os.pread(self._file.fileno(), CHUNK_BYTES, self._position)):
            if not self._advance():
                return b""
        self._position += len(chunk)
        return chunk

    def _follow_cut(self) -> None:
        """What this reader had before it in the current file lies in the older one since a cut."""
        if self._in_older or (signature := _signature(self._files.older)) == self._seen_cut:
            return
        self._seen_cut = signature
        if signature is not None:
            self._switch(self._files.older, self._position, in_older=True)

    def _advance(self) -> bool:
        """Go on to the next file; False if this one is the last."""
        signature = _signature(self._files.older)
        if self._in_older and signature is not None and signature != self._seen_cut:
            self._seen_cut = signature
            return self._switch(self._files.older, 0, in_older=True)
        if self._in_older or self._is_of_another_life():
            self._seen_cut = signature
            return self._switch(self._files.current, 0, in_older=False)
        return False

    def _is_of_another_life(self) -> bool:
        signature = _signature(self._files.current)
        return signature is not None and signature[0] != os.fstat(self._file.fileno()).st_ino

    def _switch(self, path: Path, position: int, *, in_older: bool) -> bool:
        try:
            new = path.open("rb")
        except FileNotFoundError:
            return False
        self._file.close()
        self._file, self._position, self._in_older = new, position, in_older
        return True


def _signature(path: Path) -> Signature:
    """Tells one file of this name from the next; None if there is none."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_mtime_ns


def _last_lines(path: Path, lines: int) -> tuple[int, int]:
    """How many of the last lines a file has, `lines` at most, and where they begin."""
    if not lines or not path.exists() or not path.stat().st_size:
        return 0, 0
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
        end = len(text) - (text[-1] == ord("\n"))
        for found in range(lines):
            end = text.rfind(b"\n", 0, end)
            if end < 0:
                return found + 1, 0
        return lines, end + 1
