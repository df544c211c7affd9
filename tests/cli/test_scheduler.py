"""`meshctl scheduler`: the daemon behind a verb."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from running import MESHCTL
from scheduler_process import short_folder
from small_graphs import chain

from rtmesh.client import Client


@pytest.fixture
def folder() -> Iterator[Path]:
    with short_folder() as folder:
        yield folder


def test_it_serves_until_it_is_asked_to_end_and_keeps_its_graphs(folder: Path) -> None:
    with Scheduler(folder) as scheduler, Client(scheduler.address) as client:
        run = client.apply(chain("cursor", "pointer@brand")).run
        assert scheduler.stop() == 0

    with Scheduler(folder) as scheduler, Client(scheduler.address) as client:
        assert client.get("cursor").run == run


def test_it_listens_on_a_free_port_if_told_that_this_is_insecure(folder: Path) -> None:
    with Scheduler(folder, "--insecure", listen="127.0.0.1:0") as scheduler:
        host, _, port = scheduler.address.rpartition(":")

        assert host == "127.0.0.1" and int(port) > 0
        with Client(scheduler.address) as client:
            assert client.list() == []


class Scheduler:
    """`meshctl scheduler`, in a process of its own; a context manager."""

    def __init__(self, folder: Path, *extra: str, listen: str = "") -> None:
        listen = listen or f"unix:{folder}/s.sock"
        self._command = [*MESHCTL, "scheduler", "--listen", listen, "--state", f"{folder}/state", *extra]

    def __enter__(self) -> Scheduler:
        self._process = subprocess.Popen(
            self._command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert self._process.stdout is not None
        word, self.address = self._process.stdout.readline().split()
        assert word == "listening"
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate(timeout=30)

    def stop(self) -> int:
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(30)
