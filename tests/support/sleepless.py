"""Files that stand in for the kernel's limit on how long a wake may take, and who has one open."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import pytest

from rtmesh.common import cpu_sleep

REAL_DEVICE = Path("/dev/cpu_dma_latency")
_REAL_DRIVER = Path("/sys/devices/system/cpu/cpuidle/current_driver")
# meshd with files in place of the kernel's: DEVICE DRIVER OPTIONS...
MESHD_ON_STAND_INS = """
import sys
from pathlib import Path
from rtmesh.common import cpu_sleep
cpu_sleep.DEVICE, cpu_sleep.DRIVER = map(Path, sys.argv[1:3])
from rtmesh.machine.__main__ import main
sys.exit(main(sys.argv[3:]))
"""


class StandIns(NamedTuple):
    """A device whose limit nobody has set, and the name of a driver."""

    device: Path
    driver: Path

    def use(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Have this process take them for the kernel's."""
        monkeypatch.setattr(cpu_sleep, "DEVICE", self.device)
        monkeypatch.setattr(cpu_sleep, "DRIVER", self.driver)


def make_stand_ins(folder: Path) -> StandIns:
    made = StandIns(folder / "cpu_dma_latency", folder / "current_driver")
    made.device.write_bytes(b"\xff" * 4)
    made.driver.write_text("haltpoll\n")
    return made


def have_open(path: Path, process_ids: Iterable[int]) -> list[int]:
    """Those of the processes that have a file open."""
    return [process_id for process_id in process_ids if _has_open(path, process_id)]


def _has_open(path: Path, process_id: int) -> bool:
    with contextlib.suppress(FileNotFoundError):  # it has ended
        for descriptor in Path(f"/proc/{process_id}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):  # it was closed
                if descriptor.readlink() == path:
                    return True
    return False


def can_be_kept_awake() -> bool:
    """Whether this computer's CPUs can, by this user: looked up apart from the code under test."""
    has_driver = _REAL_DRIVER.exists() and _REAL_DRIVER.read_text().strip() not in ("", "none")
    try:
        REAL_DEVICE.open("r+b", buffering=0).close()
    except OSError:
        return False
    return has_driver
