"""The small interface behind which every system stands, so that one loop drives them all."""

from __future__ import annotations

import importlib.metadata
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from bench.environment import REPOSITORY

# No receive waits longer: a message that has not come by then counts as lost.
PATIENCE_S = 1.0
PATIENCE_NS = 1_000_000_000
CONNECT_S = 20.0

# Anything with the buffer protocol and `message[0]`: bytes, memoryview, a numpy array.
Message: TypeAlias = Any


@dataclass(frozen=True)
class Seat:
    """One process's place in a session. Seat 0 sends; with one reader, that one also replies."""

    system: str
    index: int
    readers: int
    sizes: tuple[int, ...]
    folder: Path
    identity: str
    port: int
    is_pinned: bool
    life_s: float

    @property
    def is_sender(self) -> bool:
        """Does this process measure and send?"""
        return self.index == 0

    @property
    def replies(self) -> bool:
        """Is there a way back?"""
        return self.readers == 1

    @property
    def address(self) -> str:
        """A path for a Unix socket of this session."""
        return str(self.folder / "link")


class Endpoint(Protocol):
    """Both ways of one process; what `receive` returned is valid until the next `receive`."""

    def begin(self, size: int, spin_ns: int) -> None:
        """The next messages have this size; `spin_ns` is what a system that can spin may."""

    def send(self, message: Message) -> None:
        """Give it to the transport; may hold for back-pressure."""

    def receive(self) -> Message | None:
        """The next message; None if none came within PATIENCE_S."""

    def close(self) -> None:
        """Let go of everything."""


class AsyncEndpoint(Protocol):
    """The same for a system that lives in an event loop."""

    def begin(self, size: int, spin_ns: int) -> None: ...
    async def send(self, message: Message) -> None: ...
    async def receive(self) -> Message | None: ...
    async def close(self) -> None: ...


class System:
    """A system under test: what it needs around it, and how one of its processes connects."""

    name: str
    distributions: tuple[str, ...] = ()
    # How it is driven, and why so: it stands in the results.
    setting: str
    is_async = False
    # Does its receiver ask without end, at the price of a CPU, in every case?
    polls = False
    module: str

    def why_absent(self) -> str | None:
        """Why it cannot run here, with the remedy; None if it can."""
        missing = [name for name in self.distributions if not _is_installed(name)]
        return f"not installed: {', '.join(missing)}; `make bench-ring` installs it" if missing else None

    @contextmanager
    def serve(self, seat: Seat) -> Iterator[None]:
        """Hold what the processes need around them: a broker, segments. Runs in the harness."""
        yield

    def start(self, commands: list[list[str]], seat: Seat, log: int) -> list[subprocess.Popen[bytes]]:
        """Start the processes of all seats; a system with its own launcher has it do so."""
        return [
            subprocess.Popen(command, cwd=REPOSITORY, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            for command in commands
        ]

    def connect(self, seat: Seat) -> Any:
        """Its Endpoint (a coroutine for an AsyncEndpoint) in this process, once the others are there."""
        raise NotImplementedError


def _is_installed(distribution: str) -> bool:
    try:
        importlib.metadata.distribution(distribution)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True
