"""A mesh of daemons on loopback, as a laboratory runs it, and `meshctl` against it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from running import MESHCTL, REPOSITORY, until

MESHD = [sys.executable, "-c", "from rtmesh.cli.meshd import main; main()"]


class Mesh:
    """The daemons; each can be killed and started again. Everything lives in `folder`."""

    def __init__(self, folder: Path, root: Path = REPOSITORY) -> None:
        self.folder = folder
        self.root = root
        self.address = ""
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def start_scheduler(self) -> None:
        """Start it, on the address it had before if it had one."""
        listen = self.address or "127.0.0.1:0"
        self._spawn("scheduler", self._scheduler_command(listen))
        out = self.folder / "scheduler.out"
        found = until(
            lambda: (
                re.findall(r"^listening (\S+)$", out.read_text(), re.MULTILINE) or self._is_dead("scheduler")
            ),
            20,
            "the scheduler's address",
        )
        assert found is not True, (self.folder / "scheduler.err").read_text()
        self.address = found[-1]

    def start_machine(self, name: str) -> None:
        command = ["--machine", name, "--scheduler", self.address, "--insecure", "--root", str(self.root)]
        self._spawn(name, [*MESHD, *command, "--dir", str(self.folder / "run")])

    def kill(self, name: str, number: int = signal.SIGKILL) -> int:
        """Send a signal to a daemon and wait for its end; its exit status."""
        process = self.processes.pop(name)
        process.send_signal(number)
        return process.wait(20)

    def meshctl(self, *arguments: str, status: int | None = 0, timeout_s: float = 60) -> str:
        """Run a verb; its stdout. With `status` None any exit status will do."""
        done = self.run(*arguments, timeout_s=timeout_s)
        assert status is None or done.returncode == status, f"{arguments}: {done.stdout}{done.stderr}"
        return done.stdout

    def run(self, *arguments: str, timeout_s: float = 60) -> subprocess.CompletedProcess[str]:
        return self.carry_out(self._meshctl_command(arguments), timeout_s)

    def carry_out(self, command: Sequence[str], timeout_s: float) -> subprocess.CompletedProcess[str]:
        """Run a command as who works with this mesh does."""
        return subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            cwd=self.root,
            env=self.environment(),
            check=False,
        )

    def environment(self) -> dict[str, str]:
        """That of who works with this mesh."""
        contexts = str(self.folder / "contexts.toml")
        return os.environ | {"MESHCTL_SCHEDULER": self.address, "MESHCTL_CONFIG": contexts}

    def get(self, *arguments: str) -> Any:
        """`meshctl get … -o json`, parsed."""
        return json.loads(self.meshctl("get", *arguments, "-o", "json"))

    def node(self, graph: str, name: str) -> dict[str, Any]:
        return next(node for node in self.get("nodes", graph) if node["node"] == name)

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.err").read_text()

    def close(self) -> None:
        """End machines first, so that they end their runs; then the scheduler."""
        for name in sorted(self.processes, key=lambda name: name == "scheduler"):
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.processes[name].terminate()
                self.processes[name].wait(20)
            self.processes[name].kill()
            self.processes[name].wait(10)
        self.processes.clear()

    def _scheduler_command(self, listen: str) -> Sequence[str]:
        command = ["scheduler", "--listen", listen, "--insecure", "--state", str(self.folder / "state")]
        return [*MESHCTL, *command]

    def _meshctl_command(self, arguments: Sequence[str]) -> Sequence[str]:
        return [*MESHCTL, *arguments]

    def _spawn(self, name: str, command: Sequence[str]) -> None:
        with (self.folder / f"{name}.out").open("wb") as out, (self.folder / f"{name}.err").open("ab") as err:
            self.processes[name] = subprocess.Popen(command, stdout=out, stderr=err, stdin=subprocess.DEVNULL)

    def _is_dead(self, name: str) -> bool:
        return self.processes[name].poll() is not None


@contextlib.contextmanager
def mesh(folder: Path, *machines: str, root: Path = REPOSITORY) -> Iterator[Mesh]:
    """A scheduler and these machines, joined; nothing of them is left afterwards."""
    made = Mesh(folder, root)
    try:
        made.start_scheduler()
        for machine in machines:
            made.start_machine(machine)
        until(lambda: len(connected(made)) == len(machines), 30, f"{machines} to join")
        yield made
    finally:
        made.close()


def connected(made: Mesh) -> list[str]:
    """Names of the machines that are joined."""
    return [machine["machine"] for machine in made.get("machines") if machine["connected"]]
