"""dora: its own command starts the nodes, and its daemon carries small messages, shared memory large ones."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
from dora import Node

from bench.environment import REPOSITORY
from bench.ring.endpoint import PATIENCE_S, Endpoint, Message, Seat, System

QUEUE = 4000
SETTLE_S = 1.0
# How it says that `timeout` has passed.
TIMED_OUT = "timed out"


class DoraEndpoint(Endpoint):
    """Sends arrow arrays of bytes; the received one lies in shared memory if it is large."""

    def __init__(self) -> None:
        self._node = Node()
        # Its barrier lets all nodes begin at once; what follows settles the subscriptions.
        time.sleep(SETTLE_S)
        self._held: Any = None

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
        flow = write_flow(seat, commands)
        run, nothing = [dora(), "run", str(flow)], subprocess.DEVNULL
        return [
            subprocess.Popen(run, cwd=seat.folder, env=environment(), stdin=nothing, stdout=log, stderr=log)
        ]

    def connect(self, seat: Seat) -> DoraEndpoint:
        return DoraEndpoint()


def dora() -> str:
    """Its command: that of this environment, if there is one."""
    paths = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return shutil.which("dora", path=paths) or "dora"


def environment() -> dict[str, str]:
    """Its nodes run in folders of their own, and find the benchmark all the same."""
    paths = [str(REPOSITORY), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}


def write_flow(seat: Seat, commands: list[list[str]], machines: Sequence[str] = ()) -> Path:
    """The dataflow of a session, each node on its machine if there are several."""
    nodes = [_node(seat, index, command) for index, command in enumerate(commands)]
    for node, machine in zip(nodes, machines):
        node["deploy"] = {"machine": machine}
    flow = seat.folder / "dataflow.yml"
    # JSON is YAML.
    flow.write_text(json.dumps({"nodes": nodes}))
    return flow


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
