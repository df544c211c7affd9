"""Two nodes that send one message to and fro; the first measures."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np

from rtmesh import Node, on

SHAPE = (1024, 30)


class Pinger(Node):
    """Sends, waits for what comes back, sends again: from before send() to inside the callback, halved."""

    def setup(self) -> None:
        self.remaining = self.parameters.warm_up + self.parameters.count
        self.times_ns: list[int] = []

    def start(self) -> None:
        self.throw()

    def throw(self) -> None:
        self.sent_ns = time.perf_counter_ns()
        self.outputs.ping.send(value=1.5, flag=True)

    def look(self, message: Any) -> None:
        assert message.value == 1.5

    @on("pong")
    def catch(self, message: Any) -> None:
        self.look(message)
        self.times_ns.append(time.perf_counter_ns() - self.sent_ns)
        self.remaining -= 1
        if self.remaining:
            self.throw()
        else:
            self.finish()

    def teardown(self) -> None:
        half_ns = np.array(self.times_ns[self.parameters.warm_up :], np.int64) // 2
        Path(self.parameters.path).write_bytes(half_ns.tobytes())


class Ponger(Node):
    """Sends back what it gets."""

    @on("ping")
    def back(self, message: Any) -> None:
        self.outputs.pong.send(value=message.value, flag=message.flag)


class TensorPinger(Pinger):
    """Pinger with an array."""

    def setup(self) -> None:
        super().setup()
        self.block = np.ones(SHAPE, np.int16)

    def throw(self) -> None:
        self.sent_ns = time.perf_counter_ns()
        self.outputs.ping.send(data=self.block)

    def look(self, message: Any) -> None:
        look_at_ends(message.data)


class TensorPonger(Node):
    """Sends back an array of its own; looks at both ends of the one it gets."""

    def setup(self) -> None:
        self.block = np.ones(SHAPE, np.int16)

    @on("ping")
    def back(self, message: Any) -> None:
        look_at_ends(message.data)
        self.outputs.pong.send(data=self.block)


def look_at_ends(data: Any) -> None:
    assert data[0, 0] + data[-1, -1] == 2
