"""Keeps a helper process (a service, the relay) running: started again whenever it ends."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from rtmesh.common.logs import get_logger
from rtmesh.machine.children import Child
from rtmesh.machine.faults import told
from rtmesh.machine.supervisor import describe_exit
from rtmesh.v1 import status_pb2

FIRST_BACKOFF_S = 0.2
MOST_BACKOFF_S = 5.0
HEALTHY_AFTER_S = 10.0

log = get_logger()

Start = Callable[[Callable[[int], None]], Child]


class Keeper:
    """One helper process.

    Args:
        name: for the log.
        start: starts the process, given what to call with its return code.
        on_end: called with the return code and process id after each end that was not asked for.
        on_restart: called after each new start.
    """

    def __init__(
        self,
        name: str,
        start: Start,
        on_end: Callable[[int, int], None],
        on_restart: Callable[[], None] = lambda: None,
    ) -> None:
        self._name = name
        self._start = start
        self._on_end = on_end
        self._on_restart = on_restart
        self._child: Child | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._backoff_s = FIRST_BACKOFF_S
        self._started_s = 0.0
        self._is_ending = False
        self._restarts = 0

    @property
    def is_running(self) -> bool:
        return self._child is not None and self._child.return_code is None

    @property
    def process_id(self) -> int | None:
        """Of the process that runs now."""
        return self._child.process_id if self._child is not None and self.is_running else None

    def begin_or_retry(self) -> None:
        """Start the process, now or as soon as that works."""
        if self._is_ending:
            return
        try:
            self.begin()
        except OSError as error:
            log.error("helper cannot be started", helper=self._name, error=told(error))
            self._schedule()

    def begin(self) -> None:
        """Start the process. Raises OSError if it cannot be started."""
        self._started_s = time.monotonic()
        self._child = self._start(self._ended)

    def status(self) -> status_pb2.ProcessStatus | None:
        """What the process, or the last one there was, uses."""
        if self._child is None:
            return None
        self._child.usage.sample()
        return self._child.usage.status(self._restarts)

    async def end(self, grace_s: float) -> None:
        """End the process for good: SIGTERM, and SIGKILL after the grace."""
        self._is_ending = True
        if self._timer is not None:
            self._timer.cancel()
        if self._child is not None:
            await self._child.end(grace_s)

    def _ended(self, return_code: int) -> None:
        assert self._child is not None
        self._on_end(return_code, self._child.process_id)
        if self._is_ending:
            return
        if time.monotonic() - self._started_s > HEALTHY_AFTER_S:
            self._backoff_s = FIRST_BACKOFF_S
        log.warning(
            "helper ended", helper=self._name, how=describe_exit(return_code), again_in_s=self._backoff_s
        )
        self._schedule()

    def _schedule(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._backoff_s, self._restart)
        self._backoff_s = min(self._backoff_s * 2, MOST_BACKOFF_S)

    def _restart(self) -> None:
        self._restarts += 1
        self.begin_or_retry()
        if self.is_running:
            self._on_restart()
