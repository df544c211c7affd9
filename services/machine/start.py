"""Becoming meshd: alone in its folder, with nothing left of an earlier one."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import uvloop

from rtmesh.common.cpu_sleep import check_cpus_can_be_kept_awake
from rtmesh.common.errors import InvalidArgumentError
from rtmesh.common.logs import get_logger
from rtmesh.machine.daemon import Daemon
from rtmesh.machine.options import Options
from rtmesh.machine.paths import Paths, is_too_long
from rtmesh.machine.spare import Spare
from rtmesh.machine.state import end_leftovers, take_lock
from rtmesh.shm import machine_prefix, sweep

log = get_logger()


def run(options: Options, spare: Spare | None = None) -> None:
    """Be meshd until SIGTERM or SIGINT.

    Args:
        spare: a nursery for the first run.

    Raises:
        RtmeshError: another meshd of this name and folder runs; a path is too long; there is no such root;
            the scheduler does not take this machine; its CPUs cannot be kept awake.
        RingError: there is no shared memory left.
        OSError: the folder cannot be used.
    """
    _warn(options)
    _check_root(options.root)
    if options.keep_awake:
        check_cpus_can_be_kept_awake()
    paths = Paths(options.runtime_folder, options.machine)
    _check_lengths(paths)
    paths.make()
    with take_lock(paths.lock):
        _clean_up(paths, options.machine, spare)
        uvloop.run(_serve(options, paths, spare))


def _check_root(root: Path) -> None:
    if not root.is_dir():
        raise InvalidArgumentError(
            f"--root: {root} is no folder", "give the folder under which this machine finds graphs"
        )


def _warn(options: Options) -> None:
    if told := options.open_things():
        log.warning("insecure: no encryption, no passwords; open to whoever reaches this network", open=told)


def _check_lengths(paths: Paths) -> None:
    for path in paths.sockets():
        if is_too_long(path):
            length = len(os.fsencode(path))
            raise InvalidArgumentError(
                f"socket path {path} has {length} bytes; the kernel takes 107", "choose a shorter --dir"
            )


def _clean_up(paths: Paths, machine: str, spare: Spare | None) -> None:
    """End and remove what an earlier meshd of this machine left; what other machines have is theirs."""
    for process in end_leftovers(paths.state, spare.process.pid if spare else 0):
        log.warning("ended a leftover", process=process.name, process_id=process.process_id)
    for segment in sweep(machine_prefix(machine)):
        log.warning("removed a leftover", segment=segment)
    paths.remove_sockets()


async def _serve(options: Options, paths: Paths, spare: Spare | None) -> None:
    daemon = Daemon(options, paths, spare)
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    try:
        await daemon.run_until(stopped)
    finally:
        await daemon.close()
