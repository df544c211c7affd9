"""Whether this machine's CPUs are kept awake: while a run is here, if meshd was asked to.

The device is opened when the first run begins and closed when the last has ended, so that an idle machine
saves power. No child of meshd has it, so the kernel closes it also with a meshd that is killed.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from rtmesh.common.cpu_sleep import keep_cpus_awake
from rtmesh.common.logs import get_logger
from rtmesh.v1 import status_pb2

log = get_logger()


class Awake:
    """Keeps the CPUs awake for runs.

    Args:
        is_wanted: whether meshd was asked to. If not, there is nothing to hold.
        changed: called when they are kept awake from now on, or not any more.
    """

    def __init__(self, is_wanted: bool, changed: Callable[[], None]) -> None:
        self._is_wanted = is_wanted
        self._changed = changed
        self._runs: set[str] = set()
        self._descriptor: int | None = None

    @property
    def state(self) -> status_pb2.KeepAwake:
        """What users are told."""
        if not self._is_wanted:
            return status_pb2.KEEP_AWAKE_OFF
        return status_pb2.KEEP_AWAKE_IDLE if self._descriptor is None else status_pb2.KEEP_AWAKE_NOW

    def hold(self, run: str) -> None:
        """Keep the CPUs awake until this run has let go, and every other.

        Raises:
            FailedPreconditionError: they cannot be; the run does not hold then.
            OSError: this process has no file descriptor left; likewise.
        """
        if self._is_wanted and self._descriptor is None:
            self._descriptor = keep_cpus_awake()
            log.info("the CPUs are kept awake")
            self._changed()
        self._runs.add(run)

    def release(self, run: str) -> None:
        """A run has ended. One that does not hold changes nothing."""
        self._runs.discard(run)
        if self._runs or self._descriptor is None:
            return
        os.close(self._descriptor)
        self._descriptor = None
        log.info("the CPUs may sleep again")
        self._changed()
