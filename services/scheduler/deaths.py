"""Hears of the death of a meshd that runs on the scheduler's own computer.

A stream over a Unix socket comes from there. Of a meshd on another computer nobody here can say whether
it is dead or cut off; of this one the kernel can, at once, so nobody waits for it in vain.
"""

from __future__ import annotations

import asyncio
import os
import select
from collections.abc import Callable


class Deaths:
    """Watches the meshds that were joined over a Unix socket and are lost.

    Args:
        on_death: called with the name of a machine whose meshd is dead.
    """

    def __init__(self, on_death: Callable[[str], None]) -> None:
        self._on_death = on_death
        self._descriptors: dict[str, int | None] = {}  # pidfds; None: it was dead already

    def note(self, machine: str, process_id: int) -> None:
        """A machine of this computer has joined; its meshd is that process."""
        self.forget(machine)
        try:
            self._descriptors[machine] = os.pidfd_open(process_id)
        except OSError:
            self._descriptors[machine] = None

    def forget(self, machine: str) -> None:
        """Another meshd is joined under this name, or none is of interest any more."""
        descriptor = self._descriptors.pop(machine, None)
        if descriptor is not None:
            asyncio.get_running_loop().remove_reader(descriptor)
            os.close(descriptor)

    def lost(self, machine: str) -> None:
        """A machine's stream is gone: tell if its meshd is dead, now or as soon as it is."""
        if machine not in self._descriptors:
            return
        descriptor = self._descriptors[machine]
        if descriptor is None or _is_readable(descriptor):
            self._tell(machine)
        else:
            asyncio.get_running_loop().add_reader(descriptor, self._tell, machine)

    def close(self) -> None:
        """Watch nobody any more."""
        for machine in list(self._descriptors):
            self.forget(machine)

    def _tell(self, machine: str) -> None:
        self.forget(machine)
        self._on_death(machine)


def _is_readable(descriptor: int) -> bool:
    poller = select.poll()
    poller.register(descriptor, select.POLLIN)
    return bool(poller.poll(0))
