"""How the processes that a benchmark starts come to their end, and what they held in shared memory."""

from __future__ import annotations

import contextlib
import select
import subprocess
from collections.abc import Iterable
from pathlib import Path

SHARED_MEMORY = "/dev/shm/"


def says(process: subprocess.Popen[bytes], line: bytes, patience_s: float) -> bool:
    """Does it write this line into its pipe, as the first, within that time?"""
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], patience_s)
    return bool(ready) and process.stdout.readline() == line


def end(process: subprocess.Popen[bytes], patience_s: float = 3.0) -> None:
    """Ask a process to end; kill it if it does not."""
    process.terminate()
    try:
        process.wait(patience_s)
    except subprocess.TimeoutExpired:
        kill(process)


def kill(process: subprocess.Popen[bytes]) -> None:
    """At once; also one that has ended already."""
    process.kill()
    process.wait()


def segments_of(process_ids: Iterable[int]) -> set[Path]:
    """What these processes have mapped from /dev/shm just now."""
    found: set[Path] = set()
    for process_id in process_ids:
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{process_id}/maps").read_text().splitlines():
                fields = line.split(maxsplit=5)
                if len(fields) == 6 and fields[5].startswith(SHARED_MEMORY):
                    found.add(Path(fields[5].removesuffix(" (deleted)")))
    return found


def remove(segments: Iterable[Path]) -> None:
    """What a system leaves in memory would be charged to the next."""
    for segment in segments:
        segment.unlink(missing_ok=True)
