"""Binner: adds up spikes."""

from __future__ import annotations

from typing import Any

import numpy as np

from rtmesh import Node, on

LARGEST_BIN = 127  # spikes of one neuron, as counts are int8


class Binner(Node):
    """A bin is exactly `bin_size` spike messages, whenever they come. Its origin is that of the last."""

    defaults = {"bin_size": 10}

    def setup(self) -> None:
        self.configure(self.parameters)
        self.messages = self.first_count = 0

    def configure(self, parameters: Any) -> None:
        if not 0 < parameters.bin_size <= LARGEST_BIN:
            raise ValueError(f"bin_size {parameters.bin_size}: give 1 to {LARGEST_BIN}, as counts are int8")

    @on("spikes")
    def add(self, message: Any) -> None:
        if self.messages == 0:
            self.first_count, self.size = message.count, self.parameters.bin_size
            self.counts = np.zeros_like(message.spikes)
        self.counts += message.spikes
        self.messages += 1
        if self.messages == self.size:
            self._send(message.count)

    def _send(self, last_count: int) -> None:
        self.outputs.bins.send(
            counts=self.counts, messages=self.messages, first_count=self.first_count, last_count=last_count
        )
        self.messages = 0
