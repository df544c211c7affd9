"""A system under test whose two processes are on two hosts."""

from __future__ import annotations

import contextlib
import json
import subprocess
from collections.abc import Iterator
from typing import Any, NamedTuple

from bench.awake import kept_awake
from bench.environment import REPOSITORY
from bench.net.link import Link, loopback
from bench.ring.cases import Case
from bench.ring.endpoint import Seat, System

PLACES = "places.json"


class Places(NamedTuple):
    """The addresses of the hosts, as a process of a session finds them."""

    left: str
    right: str

    def own(self, seat: Seat) -> str:
        """Of the host that this process is on."""
        return self.left if seat.is_sender else self.right


class NetSystem(System):
    """Seat 0 is on the left host, seat 1 on the right one."""

    # Set by the harness before a session.
    link: Link = loopback()
    # The first of the cases that are measured just now.
    case: Case

    @contextlib.contextmanager
    def settled(self, case: Case) -> Iterator[None]:
        """Whatever is started on a host meanwhile, relays and brokers too, keeps to that host's CPU."""
        self.case = case
        if not case.is_awake:
            yield
            return
        shared, self.link = self.link, self.link.apart()
        try:
            with kept_awake():
                yield
        finally:
            self.link = shared

    def start(self, commands: list[list[str]], seat: Seat, log: int) -> list[subprocess.Popen[bytes]]:
        self.write_places(seat)
        return [self.spawn(self.link.hosts[min(i, 1)].inside(each), log) for i, each in enumerate(commands)]

    def write_places(self, seat: Seat) -> None:
        """Where the processes of a session look them up."""
        places = Places(*(host.address for host in self.link.hosts))
        (seat.folder / PLACES).write_text(json.dumps(places))

    def spawn(self, command: list[str], log: int, **options: Any) -> subprocess.Popen[bytes]:
        """A child of the harness that writes into the session's log."""
        streams = {"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log}
        return subprocess.Popen(command, **{"cwd": REPOSITORY, **streams, **options})


def read_places(seat: Seat) -> Places:
    """The inverse of write_places."""
    return Places(*json.loads((seat.folder / PLACES).read_text()))
