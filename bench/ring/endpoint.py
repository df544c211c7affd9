"""The small interface behind which every system stands, so that one loop drives them all."""

from __future__ import annotations

import importlib.metadata
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from bench.environment import REPOSITORY
from bench.ring.cases import Case

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
    def ways(self) -> tuple[str, str]:
        """Where this process sends and where it receives, by name."""
        return ("there", "back") if self.is_sender else ("back", "there")

    @property
    def address(self) -> str:
        """A path for a Unix socket of this session."""
        return str(self.folder / "link")


class _Chooser:
    def begin(self, case: Case) -> None:
        """The next messages are those of `case`: its size, what it asks for, how long who can spin may."""


class Endpoint(_Chooser, ABC):
    """Both ways of one process; what `receive` returned is valid until the next `receive`."""

    @abstractmethod
    def send(self, message: Message) -> None:
        """Give it to the transport; may hold for back-pressure."""

    @abstractmethod
    def receive(self) -> Message | None:
        """The next message; None if none came within PATIENCE_S."""

    @abstractmethod
    def close(self) -> None:
        """Let go of everything."""


class AsyncEndpoint(_Chooser, ABC):
    """The same for a system that lives in an event loop."""

    @abstractmethod
    async def send(self, message: Message) -> None:
        """As Endpoint.send."""

    @abstractmethod
    async def receive(self) -> Message | None:
        """As Endpoint.receive."""

    @abstractmethod
    async def close(self) -> None:
        """As Endpoint.close."""


class System(ABC):
    """A system under test: what it needs around it, and how one of its processes connects."""

    name: str
    distributions: tuple[str, ...] = ()
    # How it is driven, and why so: it stands in the results.
    setting: str
    is_async = False
    # Does its receiver ask without end, at the price of a CPU, in every case?
    polls = False
    # What alone is measured of it; None: every case.
    cases: tuple[Case, ...] | None = None
    module: str

    def own(self, cases: Iterable[Case]) -> tuple[Case, ...]:
        """Of these cases, those that are measured of it."""
        return tuple(case for case in cases if self.cases is None or case in self.cases)

    def seconds(self, case: Case, is_quick: bool) -> float:
        """How long `case` is measured in one run."""
        return case.seconds(is_quick)

    def why_absent(self) -> str | None:
        """Why it cannot run here, with the remedy; None if it can."""
        missing = [name for name in self.distributions if not _is_installed(name)]
        return f"not installed: {', '.join(missing)}; `make bench-ring` installs it" if missing else None

    def settled(self, case: Case) -> AbstractContextManager[None]:
        """Make the machine as `case` wants it, for every process of a session. Runs in the harness, first."""
        return nullcontext()

    def serve(self, seat: Seat) -> AbstractContextManager[None]:
        """Hold what the processes need around them: a broker, segments. Runs in the harness."""
        return nullcontext()

    def start(self, commands: list[list[str]], seat: Seat, log: int) -> list[subprocess.Popen[bytes]]:
        """Start the processes of all seats; a system with its own launcher has it do so."""
        return [
            subprocess.Popen(command, cwd=REPOSITORY, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            for command in commands
        ]

    @abstractmethod
    def connect(self, seat: Seat) -> Any:
        """Its Endpoint (a coroutine for an AsyncEndpoint) in this process, once the others are there."""

    def notes(self) -> list[str]:
        """What else its runs gave, in sentences for the results."""
        return []


def _is_installed(distribution: str) -> bool:
    try:
        importlib.metadata.distribution(distribution)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True
