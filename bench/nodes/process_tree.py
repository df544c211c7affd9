"""A process and all below it, and what memory they hold, as the kernel says."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

KIB_PER_MIB = 1024


class Memory(NamedTuple):
    """MiB: `pss` shares what is shared among those who share it, `uss` counts only what is its own."""

    pss: float
    uss: float


def below(process_id: int) -> list[int]:
    """The process and its descendants."""
    parents = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and (stat := _read(f"{folder}/stat")):
            parents[int(folder.name)] = int(stat.rpartition(")")[2].split()[1])
    found = [process_id]
    for each in found:
        found += [child for child, parent in parents.items() if parent == each]
    return found


def command_line(process_id: int) -> str:
    return _read(f"/proc/{process_id}/cmdline").replace("\0", " ")


def memory(process_id: int) -> Memory | None:
    """None if the process has ended."""
    lines = [line.split() for line in _read(f"/proc/{process_id}/smaps_rollup").splitlines()[1:]]
    kib = {line[0].rstrip(":"): int(line[1]) for line in lines}
    if not kib:
        return None
    own = kib["Private_Clean"] + kib["Private_Dirty"]
    return Memory(kib["Pss"] / KIB_PER_MIB, own / KIB_PER_MIB)


def _read(path: str) -> str:
    """Empty if the process has ended meanwhile."""
    try:
        return Path(path).read_text()
    except OSError:
        return ""
