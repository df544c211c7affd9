"""The nursery of a meshd's first run: started before all else, so that both import at the same time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from rtmesh.common.nursery import Nursery, fork_nursery, spawn_nursery
from rtmesh.common.processes import child_environment
from rtmesh.common.siblings import ForkedChild, has_one_thread
from rtmesh.machine.paths import FOLDER_VARIABLE

LOOPS = "rtmesh.node.nursery"
LOOP = "rtmesh.node.loop"


class Spare(NamedTuple):
    """A nursery of loops that nobody watches yet."""

    process: subprocess.Popen[bytes] | ForkedChild
    nursery: Nursery


def start_spare(folder: Path) -> Spare | None:
    """Start a nursery for the meshd of a folder; None if that fails."""
    try:
        if LOOP in sys.modules and "grpc" not in sys.modules and has_one_thread():
            return Spare(*fork_nursery(LOOPS))  # this meshd comes out of a nursery itself
        return Spare(*spawn_nursery(LOOPS, child_environment() | {FOLDER_VARIABLE: str(folder)}))
    except OSError:
        return None
