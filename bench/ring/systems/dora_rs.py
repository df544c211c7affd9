"""dora: its own command starts the nodes, and its daemon carries small messages, shared memory large ones."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
from dora import Node

from bench.environment import REPOSITORY
from bench.ring.endpoint import PATIENCE_S, Message, Seat, System

QUEUE = 4000
SETTLE_S = 1.0
# How it says that `timeout` has passed.
TIMED_OUT = "timed out"


class DoraEndpoint:
    """Sends arrow arrays of bytes; the received one lies in shared memory if it is large."""

    def __init__(self) -> None:
        self._node = Node()
        # Its barrier lets all nodes begin at once; what follows settles the subscriptions.
        time.sleep(SETTLE_S)
        self._held: Any = None

    def begin(self, size: int, spin_ns: int) -> None:
        """Nothing to choose."""

    def send(self, message: Message) -> None:
        self._node.send_output("out", pyarrow.array(np.frombuffer(message, np.uint8)))

    def receive(self) -> Message | None:
        while (event := self._node.next(timeout=PATIENCE_S)) is not None:
            if event["type"] == "INPUT":
                self._held = event["value"]
                return self._held.to_numpy()
            if event["type"] == "ERROR" and TIMED_OUT in event["error"]:
                return None
            if event["type"] in ("STOP", "ERROR"):
                raise ConnectionError(f"dora ends the node: {str(event)[:200]}")
        return None

    def close(self) -> None:
        self._held = None


class DoraSystem(System):
    """One dataflow a session, run by `dora run`."""

    name = "dora"
    distributions = ("dora-rs", "dora-rs-cli", "pyarrow")
    setting = f"`dora run`, pyarrow arrays, queue_size {QUEUE}; the daemon is a third process"

    def start(self, commands: list[list[str]], seat: Seat, log: int) -> list[subprocess.Popen[bytes]]:
        dora = shutil.which("dora", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
        flow = seat.folder / "dataflow.yml"
        # JSON is YAML.
        flow.write_text(json.dumps({"nodes": [_node(seat, i, each) for i, each in enumerate(commands)]}))
        environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
        command = [dora or "dora", "run", str(flow)]
        return [
            subprocess.Popen(
                command, cwd=seat.folder, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        ]

    def connect(self, seat: Seat) -> DoraEndpoint:
        return DoraEndpoint()


def _node(seat: Seat, index: int, command: list[str]) -> dict[str, object]:
    source = "node0" if index else "node1" if seat.replies else None
    return {
        "id": f"node{index}",
        "path": command[0],
        "args": " ".join(command[1:]),
        "inputs": {"in": {"source": f"{source}/out", "queue_size": QUEUE}} if source else {},
        "outputs": ["out"],
    }


SYSTEM = DoraSystem()
