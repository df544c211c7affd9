"""Where the loops and services of a run come from: forked by nurseries, or else started as programs.

A nursery is as young as its run: what was installed or changed since an earlier run counts. Only the
first run of a meshd that lives for one command finds one that was made ready beforehand.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from rtmesh.common.errors import UnavailableError
from rtmesh.common.logs import get_logger
from rtmesh.common.nursery import Files, Job, Nursery, channel_pair
from rtmesh.common.siblings import ForkedChild, python_command
from rtmesh.machine.children import Child, ChildProcess, Children
from rtmesh.machine.faults import told
from rtmesh.machine.readable import until_readable
from rtmesh.machine.spare import LOOP, Spare, start_spare

SERVICES = "rtmesh.node.service_nursery"
SERVICE = "rtmesh.node.service"
# Importing takes a tenth of it on a slow computer; who is later than this is not waited for.
READY_WITHIN_S = 10.0
END_GRACE_S = 1.0
NAME = "nursery"

log = get_logger()


class Nurseries:
    """Gives each run its own."""

    def __init__(self, children: Children, folder: Path, spare: Spare | None) -> None:
        """Raises OSError if the spare one cannot be watched."""
        self._children = children
        self._folder = folder
        self._spare = _Kept(spare.nursery, children, spare.process) if spare is not None else None

    def for_run(self) -> Offspring:
        """What starts the processes of one run."""
        kept, self._spare = self._spare, None
        return Offspring(self._children, kept or self._start())

    async def end(self) -> None:
        """End the spare one, if it was of no use."""
        if self._spare is not None:
            await self._spare.end()

    def _start(self) -> _Kept | None:
        try:
            spare = start_spare(self._folder)
            return _Kept(spare.nursery, self._children, spare.process) if spare is not None else None
        except OSError as error:
            log.warning("there is no nursery; programs are started instead", why=told(error))
            return None


class Offspring:
    """Starts the loops and services of one run."""

    def __init__(self, children: Children, loops: _Kept | None) -> None:
        self._children = children
        self._loops = loops
        self._services: _Kept | None = None

    async def until_ready(self) -> None:
        """Wait until loops can be forked, or cannot."""
        if self._loops is not None:
            await self._loops.until_ready()

    async def until_services_ready(self) -> None:
        """Begin a nursery of services if there is none; wait until it can fork them, or cannot."""
        if self._services is None:
            self._services = self._begin_services()
        if self._services is not None:
            await self._services.until_ready()

    def start_loop(
        self, name: str, config: Path, *, log_path: Path, on_exit: Callable[[int], None], cwd: Path
    ) -> Child:
        """Start a loop in Python. Raises OSError if it cannot be started."""
        return self._start(self._loops, name, Job(LOOP, [str(config)]), log_path, cwd, on_exit)

    def start_service(
        self, name: str, config: Path, *, log_path: Path, on_exit: Callable[[int], None]
    ) -> Child:
        """Start a service. Raises OSError if it cannot be started."""
        return self._start(
            self._services, name, Job(SERVICE, [str(config)]), log_path, config.parent, on_exit
        )

    async def rest(self, *, keeps_loops: bool) -> None:
        """Everything was started: end the nurseries that nobody will ask, for they hold memory.

        A service that dies is not waited for, so it may be started as a program.
        """
        await _end(self._services, None if keeps_loops else self._loops)

    async def end(self) -> None:
        """End the nurseries; whom they forked goes on."""
        await _end(self._services, self._loops)

    def _start(
        self,
        kept: _Kept | None,
        name: str,
        job: Job,
        log_path: Path,
        cwd: Path,
        on_exit: Callable[[int], None],
    ) -> Child:
        try:
            process = _fork(kept, job, log_path, cwd)
        except UnavailableError as error:
            if kept is not None and not kept.is_ending:
                log.info("started as a program", process=name, why=error.message)
            command = python_command(job.module, job.arguments)
            return self._children.spawn(name, command, log_path=log_path, on_exit=on_exit, cwd=cwd)
        return self._children.adopt(name, process, on_exit)

    def _begin_services(self) -> _Kept | None:
        ours, theirs = channel_pair()
        try:
            with theirs:
                process = _fork(self._loops, Job(SERVICES, []), Path(os.devnull), Path("/"), theirs.fileno())
            return _Kept(Nursery(ours, process), self._children, process)
        except (UnavailableError, OSError) as error:
            ours.close()
            log.info("there is no nursery of services; programs are started instead", why=told(error))
            return None


class _Kept:
    """A nursery that is watched. Raises OSError if it cannot be."""

    def __init__(self, nursery: Nursery, children: Children, process: ChildProcess) -> None:
        self.nursery = nursery
        self.is_ending = False
        self._is_ready = False
        try:
            self._child = children.adopt(NAME, process, self._ended)
        except OSError:
            nursery.close()
            raise

    async def until_ready(self) -> None:
        if self._is_ready:
            return
        self._is_ready = True
        try:
            await asyncio.wait_for(until_readable(self.nursery.fileno()), READY_WITHIN_S)
        except TimeoutError:
            log.warning("the nursery does not become ready; programs are started instead")
            self.nursery.close()
        else:
            self.nursery.hear_ready()

    async def end(self) -> None:
        self.is_ending = True
        self.nursery.close()
        await self._child.end(END_GRACE_S)

    def _ended(self, return_code: int) -> None:
        self.nursery.close()
        if not self.is_ending:
            log.warning("the nursery ended; programs are started instead", return_code=return_code)


async def _end(*nurseries: _Kept | None) -> None:
    await asyncio.gather(*(kept.end() for kept in nurseries if kept is not None))


def _fork(kept: _Kept | None, job: Job, log_path: Path, folder: Path, own: int | None = None) -> ForkedChild:
    """Raises UnavailableError if nothing was begun, OSError if it cannot be."""
    if kept is None:
        raise UnavailableError("there is no nursery")
    with ExitStack() as stack:
        output = os.open(log_path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
        stack.callback(os.close, output)
        place = os.open(folder, os.O_PATH | os.O_DIRECTORY)
        stack.callback(os.close, place)
        return ForkedChild(kept.nursery.fork(job, Files(output, place, own)))
