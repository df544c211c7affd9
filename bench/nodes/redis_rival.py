"""Runs BRAND's own test on Redis: a server of its own, and the processes of `chain_redis.py`."""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from bench.nodes.hops import Chain, read_chain
from bench.processes import kill
from bench.redis_server import LOG, serving, why_no_server

HERE = Path(__file__).parent
# The rivals' pins stay out of the project's own environment.
RIVALS_PYTHON = HERE.parent.parent / ".venv-bench" / "bin" / "python"
PATIENCE_S = 30
# Two nodes, p50 of interleaved runs of 3 s: 253 to 268 us; as BRAND has it (exact trimming, a connection
# from the pool, the array's bytes copied anew) 293 to 362.
REDIS_SETTING = (
    "Unix socket, no persistence, redis-py with hiredis and one connection a process, bytes undecoded, "
    "MAXLEN ~, a node hands on the bytes that it got (a fifth faster than exact trimming, pooled connections "
    "and a copy); no faster: its I/O threads, all its processes on one CPU or the server on one of its own, "
    "protocol 2, the parser in Python, a command put together by hand"
)


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
    return read_chain(path, nodes, count)


@contextlib.contextmanager
def _server(folder: Path) -> Iterator[str]:
    """A Redis that keeps everything in memory; the path of its socket."""
    if (reason := why_no_server()) or not RIVALS_PYTHON.exists():
        raise RivalMissingError(reason or "the client of Redis is missing: make bench-nodes")
    socket = folder / "redis.sock"
    with serving(folder, ["--port", "0", "--unixsocket", str(socket)]):
        deadline = time.monotonic() + PATIENCE_S
        while not socket.exists():
            if time.monotonic() > deadline:
                raise RuntimeError(f"redis-server does not start: {(folder / LOG).read_text()[-400:]}")
            time.sleep(0.02)
        yield str(socket)


@contextlib.contextmanager
def _process(role: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([str(RIVALS_PYTHON), str(HERE / "chain_redis.py"), *role])
    try:
        yield process
    finally:
        kill(process)
