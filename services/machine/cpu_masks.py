"""On which CPUs a loop or the relay may run: given, taken back, and read back from the kernel.

Of a loop only the first thread is confined: it alone touches rings, and so is what messages wake. Threads and
processes begin with the CPUs of the thread that starts them; those that were started by a confined thread
get the others back, for they were meant to work beside it. The relay is confined with all its threads: some
of them wait for rings, some for the network, and they hand on to each other.
"""

from __future__ import annotations

import contextlib
import os

from rtmesh.machine.cpu_usage import child_processes, threads

Cpus = frozenset[int]


def cpus_of(process_id: int) -> Cpus:
    """The CPUs on which the first thread of a process may run; none if it has ended."""
    with contextlib.suppress(OSError):
        return frozenset(os.sched_getaffinity(process_id))
    return frozenset()


def confine(process_id: int, cpus: Cpus) -> None:
    """Let the first thread of a process run on these only; nothing happens if that cannot be."""
    with contextlib.suppress(OSError):  # it has ended, or the control group does not allow it
        os.sched_setaffinity(process_id, cpus)


class Mask:
    """The CPUs that a process was given.

    Args:
        free: those that it has unless it shares one.
    """

    def __init__(self, process_id: int, free: Cpus) -> None:
        self.process_id = process_id
        self._free = free
        self._given = free

    @property
    def is_ours(self) -> bool:
        """Whether its first thread runs where it was told to; if not, it or somebody else has chosen."""
        return cpus_of(self.process_id) in (self._given, self._free)

    def set_free(self, free: Cpus) -> None:
        """What it has unless it shares one is this from now on: the control group has changed."""
        self._free = free


class LoopMask(Mask):
    """The CPUs of one loop."""

    def place(self, cpus: Cpus | None) -> None:
        """Confine the loop to these; None: no longer."""
        wanted = cpus or self._free
        if not self.is_ours:
            return
        narrow = self._given
        if cpus_of(self.process_id) != wanted:
            confine(self.process_id, wanted)
        self._given = wanted
        for each in {narrow, wanted} - {self._free}:
            self._release_heirs(self.process_id, each)

    def _release_heirs(self, process_id: int, narrow: Cpus) -> None:
        """Widen threads that the first one has started, and what processes it has started."""
        heirs = [thread for thread in threads(process_id) if thread != self.process_id]
        for thread in heirs:
            if cpus_of(thread) == narrow:
                confine(thread, self._free)
        for child in child_processes(process_id):
            self._release_heirs(child, narrow)


class ProcessMask(Mask):
    """The CPUs of all threads of one process."""

    def __init__(self, process_id: int, free: Cpus) -> None:
        super().__init__(process_id, free)
        self._placed: set[int] = set()

    def place(self, cpus: Cpus | None) -> None:
        """Confine it to these, also threads that have begun since; None: no longer."""
        wanted = cpus or self._free
        if not self.is_ours or (cpus is None and wanted == self._given):
            return
        if wanted != self._given or wanted != cpus_of(self.process_id):
            self._given, self._placed = wanted, set()
        # One that was not confined yet may have begun another meanwhile.
        while new := set(threads(self.process_id)) - self._placed:
            for thread in new:
                confine(thread, wanted)
            self._placed |= new
