"""Runs BRAND's own test on Redis: a server of its own, and the processes of `chain_redis.py`."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from bench.nodes.hops import Chain

HERE = Path(__file__).parent
# The rivals' pins stay out of the project's own environment.
RIVALS_PYTHON = HERE.parent.parent / ".venv-bench" / "bin" / "python"
PATIENCE_S = 30


class RivalMissingError(Exception):
    """A rival is not installed; says what would help."""


def run_redis(folder: Path, nodes: int, rate_hz: int, seconds: float) -> Chain:
    """One run. RuntimeError if a process fails; RivalMissingError."""
    count, path = int(rate_hz * seconds), folder / "rows"
    with _server(folder) as socket, contextlib.ExitStack() as open_:
        roles = [["sink", socket, str(nodes), str(path)]]
        roles += [["hop", socket, str(index)] for index in range(1, nodes)]
        processes = [open_.enter_context(_process(role)) for role in roles]
        time.sleep(1)  # all of them read before anything is sent
        processes.append(open_.enter_context(_process(["source", socket, str(rate_hz), str(count)])))
        for process in processes:
            if process.wait(seconds + PATIENCE_S):
                raise RuntimeError(f"{process.args}: exit status {process.returncode}")
    rows = np.frombuffer(path.read_bytes(), np.int64).reshape(-1, nodes + 2)
    return Chain(count, rows[:, 0], rows[:, 1:])


@contextlib.contextmanager
def _server(folder: Path) -> Iterator[str]:
    """A Redis that keeps everything in memory; the path of its socket."""
    program = shutil.which("redis-server")
    if program is None or not RIVALS_PYTHON.exists():
        raise RivalMissingError(
            "redis-server or its client is missing: apt-get install redis-server; make bench-nodes"
        )
    socket = str(folder / "redis.sock")
    settings = ["--port", "0", "--unixsocket", socket, "--save", "", "--appendonly", "no"]
    process = subprocess.Popen([program, *settings], stdout=subprocess.DEVNULL, cwd=folder)
    try:
        deadline = time.monotonic() + PATIENCE_S
        while not Path(socket).exists():
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("redis-server does not start")
            time.sleep(0.02)
        yield socket
    finally:
        process.terminate()
        process.wait(PATIENCE_S)


@contextlib.contextmanager
def _process(role: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([str(RIVALS_PYTHON), str(HERE / "chain_redis.py"), *role])
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(PATIENCE_S)
