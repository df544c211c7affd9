"""A mesh on the hosts of a laboratory: a scheduler on one, a meshd on each, `meshctl` at a desk."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from leftovers import creator
from mesh import MESHD, Mesh, connected
from running import MESHCTL, REPOSITORY, until

from lab.box import Box
from lab.clocks import ClockError, clock_errors
from lab.faults import Faults
from lab.network import DESK, HOSTS, Network
from rtmesh.common.processes import is_alive
from rtmesh.shm import list_segments

SCHEDULER_PORT, DATA_PORT = 7400, 7401
SCHEDULER = "scheduler"
JOIN_TIMEOUT_S = 30


class Lab(Mesh):
    """The mesh; each daemon can be killed and started again, and every cable has its faults.

    Everything ends with the process that made it, however that ends.

    Args:
        hosts: their names; the scheduler runs on the first.
        root: below which every machine finds graphs.
        box: one that another process has built; default: one of this process's own.
    """

    def __init__(
        self, hosts: Sequence[str] = HOSTS, *, root: Path = REPOSITORY, box: Box | None = None
    ) -> None:
        self.box = box or Box.own()
        super().__init__(self.box.folder, root)
        self.network = Network(self.box, hosts)
        self.faults = Faults(self.network)
        self.scheduler_host = hosts[0]
        self.address = f"{self.network.address(self.scheduler_host)}:{SCHEDULER_PORT}"

    def build(self) -> None:
        """Hosts and cables, without any daemon."""
        self.network.build()
        self.folder.mkdir(mode=0o700)

    def start_machine(self, name: str, *, outlives: bool = False) -> None:
        """Start a host's meshd.

        Args:
            outlives: what it runs goes on when it is killed, as on a computer of its own; `close` ends it.
        """
        address = self.network.address(name)
        command = ["--machine", name, "--scheduler", self.address, "--insecure", "--root", str(self.root)]
        command += ["--listen", f"{address}:{DATA_PORT}", "--dir", str(self.folder / "run")]
        self._spawn(name, [*MESHD, *command, *([] if outlives else _ends_with_us())])

    def start(self, machines: Sequence[str] = ()) -> None:
        """The scheduler and a meshd on these hosts (default: all); returns when they are joined."""
        self.start_scheduler()
        wanted = set(machines or self.network.hosts)
        for host in sorted(wanted):
            self.start_machine(host)
        until(lambda: set(connected(self)) == wanted, JOIN_TIMEOUT_S, f"{sorted(wanted)} to join")

    def cut_power(self, host: str) -> None:
        """A host says nothing more, and nothing runs on it any more."""
        self.faults.cut_silently(host)
        self.box.kill(host)
        self.processes.pop(host).wait(JOIN_TIMEOUT_S)

    def clock_errors(self) -> dict[str, ClockError]:
        """How far the mesh time of each machine is off from the scheduler's, in truth."""
        return clock_errors(self.network, self.scheduler_host)

    def inside(self, host: str, *command: str, timeout_s: float = 60) -> subprocess.CompletedProcess[str]:
        """Run a command on a host, or at the desk."""
        return self.carry_out(self.network.inside(host, *command), timeout_s)

    def segments(self) -> list[str]:
        """What machines of these names hold in /dev/shm: also those of another laboratory."""
        prefixes = [f"rtmesh.{os.getuid()}.{host}." for host in self.network.hosts]
        return [name for prefix in prefixes for name in list_segments(prefix)]

    def left_segments(self) -> list[str]:
        """Of these, those whose maker is dead."""
        makers = {name: creator(name) for name in self.segments()}
        return [name for name, maker in makers.items() if maker is not None and not is_alive(*maker)]

    def close(self) -> None:
        """End every daemon in order, then whatever is left, and remove the hosts."""
        try:
            self.faults.close()
            super().close()
        finally:
            self.box.remove()

    def _scheduler_command(self, listen: str) -> Sequence[str]:
        command = [sys.executable, "-m", "rtmesh.scheduler", "--listen", listen, "--insecure"]
        return [*command, "--state", str(self.folder / "state"), *_ends_with_us()]

    def _meshctl_command(self, arguments: Sequence[str]) -> Sequence[str]:
        return self.network.inside(DESK, *MESHCTL, *arguments)

    def _spawn(self, name: str, command: Sequence[str]) -> None:
        host = self.scheduler_host if name == SCHEDULER else name
        super()._spawn(name, self.network.inside(host, *command))


@contextlib.contextmanager
def lab(
    hosts: Sequence[str] = HOSTS, *, machines: Sequence[str] = (), root: Path = REPOSITORY
) -> Iterator[Lab]:
    """A laboratory with a meshd on these hosts (default: all), joined; nothing of it is left afterwards."""
    made = Lab(hosts, root=root)
    try:
        made.build()
        made.start(machines)
        yield made
    finally:
        made.close()


def _ends_with_us() -> list[str]:
    return ["--die-with-parent", str(os.getpid())]
