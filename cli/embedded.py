"""A whole mesh below one command: a scheduler and a meshd a machine, which end with it.

    FOLDER/            mode 0700
      owner            process id and start time of the command
      s.sock           the scheduler
      scheduler.log    scheduler/    its state
      MACHINE.log      MACHINE/      what that meshd keeps

Every process asks the kernel to end it with its parent, so nothing outlives the command however
it ends; the folder and the segments of one that was killed are removed by the next.
"""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from rtmesh.cli.runtime_folder import make_folder, remove_stale_folders
from rtmesh.cli.warm import MARK, MeshProcess, Warm
from rtmesh.client import Client
from rtmesh.common.errors import DeadlineExceededError, RtmeshError, UnavailableError
from rtmesh.shm import sweep

SCHEDULER = "scheduler"
_READY_TIMEOUT_S = 30.0
_LOOK_S = 0.1
_ANSWER_S = 1.0
_END_TIMEOUT_S = 15.0
_KILL_TIMEOUT_S = 5.0
_PF_KTHREAD = 0x00200000  # of the flags in /proc/PID/stat


class Ended(NamedTuple):
    """A process of the mesh that has ended, with the end of its log."""

    name: str
    return_code: int
    log_tail: str

    @property
    def text(self) -> str:
        """Who ended, and how."""
        who = f"the {SCHEDULER}" if self.name == SCHEDULER else f"meshd of machine {self.name}"
        if self.return_code < 0:
            return f"{who} was killed by {_signal_name(-self.return_code)}"
        return f"{who} ended with status {self.return_code}"


class EmbeddedMesh:
    """The processes of a mesh on this computer. Whoever makes one closes it.

    Args:
        machines: names of the machines to run.
        nodes: names of the nodes that they will carry.
        warm: starts them.
        meshd_options: further options of each meshd.
    """

    def __init__(
        self,
        machines: Sequence[str],
        nodes: Sequence[str],
        warm: Warm,
        meshd_options: Sequence[str] = (),
    ) -> None:
        remove_stale_folders()
        self.folder = make_folder(machines, nodes)
        self.address = f"unix:{self.folder / 's.sock'}"
        self._machines = list(machines)
        self._warm = warm
        self._meshd_options = list(meshd_options)
        self._children: dict[str, MeshProcess] = {}
        self._told: set[str] = set()

    def start(self, while_waiting: Callable[[], None] = lambda: None) -> Client:
        """Start every process. `while_waiting` is called often, and may raise to give up.

        Raises:
            RtmeshError: the scheduler ended, or does not answer.
        """
        # The scheduler closes its end when it serves. Until then everybody else imports what they need.
        is_served, serves = os.pipe()
        try:
            try:
                self._spawn_scheduler(serves)
            finally:
                os.close(serves)
            for machine in self._machines:
                self._spawn_machine(machine, is_served)
            self._warm.close()
            client = Client(self.address)
            client.prepare()
            self._wait_ready(client, is_served, while_waiting)
        finally:
            os.close(is_served)
        return client

    def take_ended(self) -> list[Ended]:
        """Processes that have ended since the last call."""
        new = []
        for name, child in self._children.items():
            return_code = child.poll()
            if return_code is not None and name not in self._told:
                self._told.add(name)
                new.append(Ended(name, return_code, self._log_tail(name)))
        return new

    def await_end(self, names: Iterable[str], timeout_s: float) -> None:
        """Wait until these processes have ended, but not for long: somebody saw their connections end."""
        for name in names:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._children[name].wait(timeout_s)

    def end(self, *, at_once: bool = False) -> None:
        """End the machines, then the scheduler; the folder stays. At once: without letting nodes stop."""
        machines = [child for name, child in self._children.items() if name != SCHEDULER]
        scheduler = [child for name, child in self._children.items() if name == SCHEDULER]
        for children in (machines, scheduler):
            _end(children, 0.0 if at_once else _END_TIMEOUT_S)
        if any(child.wait() < 0 for child in self._children.values()):
            _kill_marked(self._warm.mark)

    def close(self) -> None:
        """Remove the folder, and the segments that a meshd that was killed could not."""
        shutil.rmtree(self.folder, ignore_errors=True)
        sweep()

    def _spawn_scheduler(self, serves: int) -> None:
        arguments = ["--listen", self.address, "--state", str(self.folder / "scheduler")]
        self._spawn(
            SCHEDULER, "rtmesh.scheduler", [*arguments, *_ends_with_us(), "--ready-descriptor"], serves
        )

    def _spawn_machine(self, machine: str, is_served: int) -> None:
        arguments = ["--machine", machine, "--scheduler", self.address, "--root", "/"]
        arguments += ["--dir", str(self.folder), *self._meshd_options]
        arguments += [*_ends_with_us(), "--join-at-end-of"]
        self._spawn(machine, "rtmesh.machine", arguments, is_served)

    def _spawn(self, name: str, module: str, arguments: list[str], descriptor: int) -> None:
        log_path = self.folder / f"{name}.log"
        self._children[name] = self._warm.start(module, arguments, log_path, descriptor)

    def _wait_ready(self, client: Client, is_served: int, while_waiting: Callable[[], None]) -> None:
        deadline_s = time.monotonic() + _READY_TIMEOUT_S
        while not self._answers(client, is_served):
            while_waiting()
            if self._children[SCHEDULER].poll() is not None:
                ended = next(ended for ended in self.take_ended() if ended.name == SCHEDULER)
                raise RtmeshError(f"{ended.text}\n{ended.log_tail}")
            if time.monotonic() > deadline_s:
                raise DeadlineExceededError(
                    f"the scheduler was not ready within {_READY_TIMEOUT_S:g} s\n{self._log_tail(SCHEDULER)}"
                )

    def _answers(self, client: Client, is_served: int) -> bool:
        """Whether the scheduler serves; waits a moment for it."""
        if not select.select([is_served], [], [], _LOOK_S)[0]:
            return False
        try:
            client.wait_ready(_ANSWER_S)
        except UnavailableError:
            return False
        return True

    def _log_tail(self, name: str) -> str:
        lines = (self.folder / f"{name}.log").read_text(errors="replace").splitlines()
        return "\n".join(f"  {line}" for line in lines[-15:])


def _signal_name(number: int) -> str:
    try:
        return f"{signal.Signals(number).name} ({number})"
    except ValueError:
        return f"signal {number}"


def _ends_with_us() -> list[str]:
    return ["--die-with-parent", str(os.getpid())]


def _end(children: Sequence[MeshProcess], grace_s: float) -> None:
    until_s = time.monotonic() + grace_s
    for child in children:
        child.terminate()
    for child in children:
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(max(0.0, until_s - time.monotonic()))
        child.kill()
        child.wait()


def _kill_marked(mark: str) -> None:
    """End what a killed meshd left: its children are told to by the kernel, theirs are not."""
    poller, descriptors = select.poll(), list(_open_marked(mark))
    for descriptor in descriptors:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(descriptor, signal.SIGKILL)
        poller.register(descriptor, select.POLLIN)
    until_s = time.monotonic() + _KILL_TIMEOUT_S
    waiting = set(descriptors)
    while waiting and (left_s := until_s - time.monotonic()) > 0:
        for descriptor, _ in poller.poll(left_s * 1000):
            poller.unregister(descriptor)
            waiting.discard(descriptor)
    for descriptor in descriptors:
        os.close(descriptor)


def _open_marked(mark: str) -> Iterator[int]:
    """A pidfd of each process of this user that belongs to the mesh with a mark, or may have."""
    variable = os.fsencode(f"{MARK}={mark}")
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal():
            continue
        with contextlib.suppress(OSError):  # it has ended, or is not for us to look at
            descriptor = os.pidfd_open(int(entry.name))
            if _has_mark(entry, variable) or _is_exiting(entry):
                yield descriptor
            else:
                os.close(descriptor)


def _has_mark(entry: Path, variable: bytes) -> bool:
    try:
        return variable in (entry / "environ").read_bytes().split(b"\0")
    except OSError:
        return False


def _is_exiting(entry: Path) -> bool:
    """Whether a process has given up its memory, its environment with it, but still holds its rings.

    Nothing can be done to it any more, but a sweep has to wait for it. (Neither has a thread of the kernel
    memory of its own.)
    """
    try:
        stat = (entry / "stat").read_bytes()
        fields = stat[stat.rindex(b")") + 2 :].split()
        is_thread_of_kernel = bool(int(fields[6]) & _PF_KTHREAD)
        return not is_thread_of_kernel and fields[0] not in (b"Z", b"X") and int(fields[20]) == 0
    except (OSError, ValueError):
        return False
