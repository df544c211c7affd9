"""The relay's process, as who keeps the CPUs sees it: what all its threads did, and where they may run."""

from __future__ import annotations

from rtmesh.machine.cpu_groups import Use
from rtmesh.machine.cpu_masks import Cpus, ProcessMask
from rtmesh.machine.cpu_usage import process_ran_ns


class RelayProcess:
    """Whichever process the relay is just now: it may be started again."""

    def __init__(self) -> None:
        self._mask: ProcessMask | None = None
        self._ran_ns: int | None = None

    def follow(self, process_id: int | None, free: Cpus) -> None:
        """It is this process now; None: there is none, or nobody wants to know of it.

        Args:
            free: the CPUs that it has unless it shares one.
        """
        if self._mask is not None and self._mask.process_id == process_id:
            self._mask.set_free(free)
            return
        if self._mask is not None:
            self._mask.set_free(free)
            self._mask.place(None)
        self._mask = ProcessMask(process_id, free) if process_id else None
        self._ran_ns = None

    def use(self, steps: int) -> Use | None:
        """What its threads did since the last call; None if it was not there, or cannot be moved.

        That they waited for the CPU is not told: who disturbs them disturbs loops on that CPU as well.

        Args:
            steps: how many messages it may have carried meanwhile.
        """
        if self._mask is None:
            return None
        before, self._ran_ns = self._ran_ns, process_ran_ns(self._mask.process_id)
        if before is None or self._ran_ns is None or not self._mask.is_ours:
            return None
        return Use(self._ran_ns - before, 0, steps)

    def place(self, cpu: int | None) -> None:
        """Confine it to this CPU; None: no longer."""
        if self._mask is not None:
            self._mask.place(None if cpu is None else frozenset({cpu}))
