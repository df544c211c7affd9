"""What the kernel tells of processes, which may end while one reads."""

from __future__ import annotations

from pathlib import Path


def command_lines(process_ids: list[int]) -> dict[int, str]:
    """Of those that are there; empty for one that has ended and is not reaped yet."""
    found = {}
    for process_id in process_ids:
        try:
            found[process_id] = Path(f"/proc/{process_id}/cmdline").read_text().replace("\0", " ")
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def children_of(process_id: int) -> list[int]:
    """Those that any thread of a process has started; none if it has ended."""
    found = []
    for children in Path(f"/proc/{process_id}/task").glob("*/children"):
        try:
            found += [int(field) for field in children.read_text().split()]
        except (FileNotFoundError, ProcessLookupError):
            continue  # the thread has ended
    return found
