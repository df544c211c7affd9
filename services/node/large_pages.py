"""A loop's own memory in large pages.

A step after a pause finds caches cold, also those of where pages lie; and a step of Python uses some hundred
pages of 4 KiB all over the heap, of 2 MiB a handful. The kernel's setting "never" is respected;
before Linux 6.1, or without room, nothing happens.

Source: madvise(2), MADV_COLLAPSE.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
from collections.abc import Callable, Iterator
from pathlib import Path

_COLLAPSE = 25  # of Linux, on all architectures
_SETTINGS = Path("/sys/kernel/mm/transparent_hugepage")
_MAPPINGS = Path("/proc/self/maps")
# What a step of Python uses lies in less; a mapping that is larger is data, and numpy asks for such itself.
MOST_BYTES = 32 << 20

Advise = Callable[[int, int], object]


def use_large_pages(
    settings: Path = _SETTINGS, mappings: Path = _MAPPINGS, advise: Advise | None = None
) -> None:
    """Move what lies in this process's heap now into large pages: MOST_BYTES at most, some milliseconds."""
    try:
        if "[never]" in (settings / "enabled").read_text():
            return
        page_bytes = int((settings / "hpage_pmd_size").read_text())
        lines = mappings.read_text().splitlines()
    except (OSError, ValueError):
        return  # a kernel without them
    collapse, left_bytes = advise or _collapse, MOST_BYTES
    for start in _large_pages(lines, page_bytes):
        if left_bytes < page_bytes:
            return
        with contextlib.suppress(OSError):  # nothing lies there yet, or there is no large page to be had
            collapse(start, page_bytes)
            left_bytes -= page_bytes


def _large_pages(lines: list[str], page_bytes: int) -> Iterator[int]:
    """Where a large page would fit into the private, writable memory that is no file's and no stack."""
    for line in lines:
        extent, rights, _, _, _, *name = line.split(maxsplit=5)
        if rights != "rw-p" or name not in ([], ["[heap]"]):
            continue
        start, end = [int(each, 16) for each in extent.split("-")]
        if end - start <= MOST_BYTES:
            yield from range(-(-start // page_bytes) * page_bytes, end - page_bytes + 1, page_bytes)


def _collapse(start: int, length: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.madvise(ctypes.c_void_p(start), ctypes.c_size_t(length), _COLLAPSE) != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
