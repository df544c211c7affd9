"""The segment in which a machine's meshd tells its processes mesh time."""

from __future__ import annotations

import os
from pathlib import Path

from rtmesh.common.clock import ClockPage
from rtmesh.machine.state import State
from rtmesh.shm import SegmentExistsError, segment_name

_NAMESPACE = Path("/proc/self/ns/pid")


def make_clock_page(machine: str, state: State) -> ClockPage:
    """Make the page. Raises SegmentExistsError, SharedMemoryFullError."""
    own = f"meshd-{os.getpid()}"
    try:
        return _make(segment_name(machine, own, "clock"), state)
    except SegmentExistsError:
        # A meshd of the same name and process id runs in another container that shares /dev/shm.
        return _make(segment_name(machine, f"{own}-{_NAMESPACE.stat().st_ino}", "clock"), state)


def _make(segment: str, state: State) -> ClockPage:
    state.add_segments([segment])
    try:
        return ClockPage.create(segment, 0)
    except BaseException:
        state.remove_segments([segment])
        raise
