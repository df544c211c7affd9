"""The test of BRAND's paper: one block of raw samples a millisecond, from node to node."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np

from rtmesh import Node, every, on

SHAPE = (1024, 30)


class Source(Node):
    """Sends a block at a steady rate, `count` of them."""

    def setup(self) -> None:
        self.block = np.ones(SHAPE, np.int16)
        self.remaining = self.parameters.count

    @every(hz="parameter:rate_hz")
    def tick(self) -> None:
        self.outputs.blocks.send(data=self.block, times_ns=[time.monotonic_ns()])
        self.remaining -= 1
        if not self.remaining:
            self.finish()


class Hop(Node):
    """Hands each block on."""

    @on("blocks")
    def hand_on(self, message: Any) -> None:
        arrived_ns = time.monotonic_ns()
        self.outputs.passed.send(data=message.data, times_ns=[*message.times_ns, arrived_ns])


class Sink(Node):
    """Writes down when each block was sent and came to each hop: rows of int64, its number first."""

    def setup(self) -> None:
        self.rows: list[list[int]] = []

    @on("blocks")
    def take(self, message: Any) -> None:
        arrived_ns = time.monotonic_ns()
        data = message.data
        assert data.shape == SHAPE
        self.rows.append([message.header.origin_sequence, *message.times_ns, arrived_ns])

    def teardown(self) -> None:
        Path(self.parameters.path).write_bytes(np.array(self.rows, np.int64).tobytes())
