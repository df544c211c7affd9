"""Run `meshctl up` as a user does, in a process of its own, and look at what it runs."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import psutil

T = TypeVar("T")
GRAPHS = Path(__file__).parent.parent / "e2e" / "graphs"
REPOSITORY = GRAPHS.parent.parent.parent
# -P: as the installed command, which does not look for modules in the working folder.
MESHCTL = [sys.executable, "-P", "-c", "from rtmesh.cli.meshctl import main; main()"]


class Up:
    """A running `meshctl up`; `wait` gives its exit status, output and summary."""

    def __init__(self, graph: Path, *arguments: str, folder: Path, env: Mapping[str, str]) -> None:
        self._summary_path = folder / "summary.json"
        self._out, self._err = folder / "out.txt", folder / "err.txt"
        command = [*MESHCTL, "up", str(graph), "--summary", str(self._summary_path), *arguments]
        with self._out.open("w") as out, self._err.open("w") as err:
            self.process = subprocess.Popen(
                command, stdout=out, stderr=err, stdin=subprocess.DEVNULL, cwd=folder, env=os.environ | env
            )

    @property
    def out(self) -> str:
        return self._out.read_text()

    @property
    def err(self) -> str:
        return self._err.read_text()

    @property
    def summary(self) -> dict[str, Any]:
        summary: dict[str, Any] = json.loads(self._summary_path.read_text())
        return summary

    def edge(self, target: str) -> dict[str, Any]:
        """The summary of the edge that ends at NODE.PORT."""
        return next(edge for edge in self.summary["edges"] if edge["to"] == target)

    def wait(self, timeout_s: float = 60) -> int:
        try:
            return self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running after {timeout_s} s\n{self.out}\n{self.err}") from None

    def until_said(self, text: str, timeout_s: float = 60) -> None:
        """Wait until stderr holds `text`."""
        until(lambda: text in self.err or self.process.poll() is not None, timeout_s, f"{text!r} in stderr")
        assert text in self.err, self.out + self.err

    def stop(self) -> None:
        self.process.send_signal(signal.SIGINT)

    def find(self, *parts: str) -> psutil.Process:
        """The process below this command whose command line has all `parts`."""
        return until(lambda: self._find(*parts), 20, f"a process with {parts}")

    def find_loop(self, node: str) -> psutil.Process:
        return self.find("rtmesh.node.loop", f"/{node}.json")

    def find_service(self, node: str) -> psutil.Process:
        return self.find("rtmesh.node.service", f"/{node}.json")

    def machine_folder(self, machine: str) -> Path:
        """Where the meshd of a machine keeps its files."""
        line = self.find("rtmesh.machine", f"--machine {machine} ").cmdline()
        return Path(line[line.index("--dir") + 1]) / machine

    def processes(self) -> list[psutil.Process]:
        """This command and all below it."""
        with contextlib.suppress(psutil.NoSuchProcess):
            parent = psutil.Process(self.process.pid)
            return [parent, *parent.children(recursive=True)]
        return []

    def close(self) -> None:
        """End everything, however it stands."""
        everything = self.processes()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(10)
        until(lambda: not living(everything), 10, "the end of all its processes")

    def _find(self, *parts: str) -> psutil.Process | None:
        for process in self.processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                line = " ".join(process.cmdline())
                if all(part in line for part in parts):
                    return process
        return None


@contextlib.contextmanager
def up(graph: Path, *arguments: str, folder: Path, env: Mapping[str, str] | None = None) -> Iterator[Up]:
    """Run `meshctl up GRAPH ARGUMENTS`; nothing of it is left afterwards."""
    running = Up(graph, *arguments, folder=folder, env=env or {})
    try:
        yield running
    finally:
        running.close()


def run_up(
    graph: Path,
    *arguments: str,
    folder: Path,
    timeout_s: float = 60,
    env: Mapping[str, str] | None = None,
) -> tuple[int, Up]:
    """Run to the end; the exit status and what was said."""
    with up(graph, *arguments, folder=folder, env=env) as running:
        return running.wait(timeout_s), running


def command_lines(process_ids: Iterable[int]) -> dict[int, str]:
    """Of those that are there; empty for one that has ended and is not reaped yet."""
    found = {}
    for process_id in process_ids:
        try:
            found[process_id] = " ".join(psutil.Process(process_id).cmdline())
        except psutil.ZombieProcess:
            found[process_id] = ""
        except psutil.NoSuchProcess:
            continue
    return found


def living(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Those that still run; a zombie, which nobody may be there to reap, does not."""
    return [process for process in processes if process.is_running() and not _is_zombie(process)]


def _is_zombie(process: psutil.Process) -> bool:
    try:
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def until(condition: Callable[[], T], timeout_s: float, what: str) -> T:
    """Wait for a state of the outside world that nobody tells us of; the value that came true."""
    value = comes_true(condition, timeout_s)
    assert value, f"waited {timeout_s} s for {what}"
    return value


def comes_true(condition: Callable[[], T], timeout_s: float) -> T:
    """The same, without a word if it stays untrue: the last value."""
    deadline = time.monotonic() + timeout_s
    while not (value := condition()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return value
