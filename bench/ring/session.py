"""One session: fresh processes of one system measure some cases in turn. Every wait is bounded."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, Listener, wait
from pathlib import Path
from typing import Any

from bench.processes import kill, remove, segments_of
from bench.ring.cases import Case
from bench.ring.endpoint import CONNECT_S, Seat, System
from bench.ring.load import every_cpu_busy
from bench.ring.outcome import Outcome
from bench.ring.side import CONTROL, Order, write_order, write_seat

CASE_SLACK_S = 12.0
START_S = CONNECT_S + 20.0
GOODBYE_S = 4.0
LOG_LINES = 4
MOST_LOG_CHARACTERS = 400


class SessionError(Exception):
    """The system did not do its part; the message says how far it came and ends with its log."""


@dataclass(frozen=True)
class Measured:
    """One case of one run: the sender's outcome and each receiver's."""

    system: str
    case: Case
    sender: Outcome
    receivers: tuple[Outcome, ...]


@dataclass(frozen=True)
class Failed:
    """A case of one run that gave no figure, and why."""

    system: str
    case: Case
    reason: str


@dataclass
class _Side:
    control: Connection
    descriptor: int
    pid: int


@dataclass
class _Processes:
    """What was started: children, and the sides that told their pid (a launcher's children among them)."""

    children: list[subprocess.Popen[bytes]] = field(default_factory=list)
    sides: dict[int, _Side] = field(default_factory=dict)


def run_session(system: System, cases: Sequence[Case], *, is_quick: bool) -> Iterator[Measured | Failed]:
    """Measure `cases`, which are of one setting and number of readers. What fails ends the session only."""
    left = list(cases)
    try:
        with _session(system, cases, is_quick) as sides:
            while left:
                case = left[0]
                outcomes = _run_case(sides, case, system.seconds(case, is_quick))
                yield Measured(system.name, left.pop(0), outcomes[0], tuple(outcomes[1:]))
    except (SessionError, OSError) as error:
        yield from _failed(system, left, str(error))
    except Exception as error:  # a system's own code: the others are still to be measured
        yield from _failed(system, left, f"{type(error).__name__}: {error}")


def _failed(system: System, cases: Sequence[Case], reason: str) -> Iterator[Failed]:
    return (Failed(system.name, case, reason) for case in cases)


@contextlib.contextmanager
def _session(system: System, cases: Sequence[Case], is_quick: bool) -> Iterator[list[_Side]]:
    processes = _Processes()
    with tempfile.TemporaryDirectory(prefix="rtmesh-bench-") as name:
        folder = Path(name)
        seat = _seat(system, cases, folder, is_quick)
        write_seat(seat, folder / "seat.json")
        try:
            with (folder / "log").open("wb") as log, system.settled(cases[0]), system.serve(seat):
                segments: set[Path] = set()
                try:
                    yield _connected(system, seat, processes, log.fileno())
                    segments = _segments_of(processes)
                    _say_goodbye(processes)
                finally:
                    segments |= _segments_of(processes)
                    _end(processes)
                    remove(segments)
        except SessionError as error:
            raise SessionError(f"{error}{_last_lines(folder / 'log')}") from error


def _seat(system: System, cases: Sequence[Case], folder: Path, is_quick: bool) -> Seat:
    first = cases[0]
    life_s = START_S + sum(system.seconds(case, is_quick) + CASE_SLACK_S for case in cases)
    sizes = tuple(sorted({case.size for case in cases}))
    identity = f"bench{os.getpid()}x{time.monotonic_ns() % 1_000_000_000}"
    return Seat(
        system.module, 0, first.readers, sizes, folder, identity, _free_port(), first.is_pinned, life_s
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _connected(system: System, seat: Seat, processes: _Processes, log: int) -> list[_Side]:
    """All sides, by index, each connected to the others."""
    command = [sys.executable, "-m", "bench.ring.side", str(seat.folder / "seat.json")]
    with Listener(str(seat.folder / CONTROL), "AF_UNIX", backlog=16) as listener:
        deadline = time.monotonic() + START_S
        commands = [[*command, str(index)] for index in range(seat.readers + 1)]
        processes.children = system.start(commands, seat, log)
        while len(processes.sides) <= seat.readers:
            _accept(listener, processes, deadline)
    sides = [side for _, side in sorted(processes.sides.items())]
    for side in sides:
        _hear(side, deadline, "connect")
    return sides


def _accept(listener: Listener, processes: _Processes, deadline: float) -> None:
    # The listener has no wait of its own; its socket has.
    accepting: socket.socket = listener._listener._socket  # type: ignore[attr-defined]
    while not wait([accepting], 0.2):
        if time.monotonic() > deadline:
            raise SessionError(f"did not start within {START_S:.0f} s")
        ended = [child.returncode for child in processes.children if child.poll() is not None]
        if ended:
            raise SessionError(f"a process ended at once (status {ended[0]})")
    control = listener.accept()
    hello = _hear(_Side(control, -1, 0), deadline, "say who it is")
    processes.sides[hello["index"]] = _Side(control, os.pidfd_open(hello["pid"]), hello["pid"])


def _run_case(sides: Sequence[_Side], case: Case, seconds: float) -> list[Outcome]:
    """The receivers are ready before the sender hears of it."""
    order = write_order(Order(case, seconds))
    with every_cpu_busy() if case.is_loaded else contextlib.nullcontext():
        deadline = time.monotonic() + seconds + CASE_SLACK_S
        for side in [*sides[1:], sides[0]]:
            side.control.send_bytes(order)
            _hear(side, deadline, f"begin {case.key}")
        return [Outcome.from_values(_hear(side, deadline, f"finish {case.key}")) for side in sides]


def _hear(side: _Side, deadline: float, what: str) -> Any:
    try:
        if side.control.poll(max(0.0, deadline - time.monotonic())):
            return json.loads(side.control.recv_bytes())
    except (EOFError, ConnectionError) as error:
        raise SessionError(f"a process ended; it was to {what}") from error
    raise SessionError(f"hung and was killed; it was to {what}")


def _say_goodbye(processes: _Processes) -> None:
    """So that each system lets go of what it holds in its own way."""
    for side in processes.sides.values():
        with contextlib.suppress(OSError):
            side.control.send_bytes(write_order(None))
    deadline = time.monotonic() + GOODBYE_S
    for side in processes.sides.values():
        wait([side.descriptor], max(0.0, deadline - time.monotonic()))
    for child in processes.children:
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(max(0.0, deadline - time.monotonic()))


def _segments_of(processes: _Processes) -> set[Path]:
    """What this session's processes hold in shared memory; nobody else may use it meanwhile."""
    pids = [side.pid for side in processes.sides.values()] + [child.pid for child in processes.children]
    return segments_of(pids)


def _end(processes: _Processes) -> None:
    """Kill what still runs, each by its own identity, and reap the children."""
    for side in processes.sides.values():
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(side.descriptor, signal.SIGKILL)
        os.close(side.descriptor)
        side.control.close()
    for child in processes.children:
        kill(child)


def _last_lines(log: Path) -> str:
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return f": {' / '.join(lines[-LOG_LINES:])[-MOST_LOG_CHARACTERS:]}" if lines else ""
