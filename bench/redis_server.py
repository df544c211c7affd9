"""A redis-server of a benchmark's own, without persistence. Needs no client: any environment may load it."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from bench.processes import kill

REMEDY = "redis-server is not installed; remedy: apt-get install redis-server"
LOG = "redis.log"
Start = Callable[[list[str], int], "subprocess.Popen[bytes]"]


def why_no_server() -> str | None:
    """None if there is one."""
    return None if shutil.which("redis-server") else REMEDY


def server_version() -> str:
    """As it names itself; "absent" if there is none."""
    if why_no_server():
        return "absent"
    told = subprocess.run(["redis-server", "--version"], capture_output=True, text=True, check=False).stdout
    return next((word.removeprefix("v=") for word in told.split() if word.startswith("v=")), "unknown")


def start_here(command: list[str], log: int) -> subprocess.Popen[bytes]:
    """On this host."""
    return subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)


@contextlib.contextmanager
def serving(folder: Path, words: Sequence[str], start: Start = start_here) -> Iterator[None]:
    """While the block runs, told by `words` where to listen; it may not listen yet when the block begins."""
    quiet = ["--save", "", "--appendonly", "no", "--daemonize", "no", "--dir", str(folder)]
    with (folder / LOG).open("wb") as log:
        process = start(["redis-server", *words, *quiet], log.fileno())
    try:
        yield
    finally:
        kill(process)
