"""Spiker: spikes drawn from firing rates."""

from __future__ import annotations

from typing import Any

import numpy as np

from rtmesh import Node, on


class Spiker(Node):
    """`rate / input_rate` spike messages for each message of rates: Binomial(1, rate_i / rate) a neuron."""

    defaults = {"rate": 1000, "input_rate": 200, "seed": 42}

    def setup(self) -> None:
        rate, input_rate = self.parameters.rate, self.parameters.input_rate
        if not input_rate or not rate or rate % input_rate:
            raise ValueError(f"rate {rate} is no multiple of input_rate {input_rate}")
        self.samples = rate // input_rate
        self.random = np.random.default_rng(self.parameters.seed)
        self.count = 0

    def configure(self, parameters: Any) -> None:
        raise ValueError("a running spiker cannot be changed: start the graph anew")

    @on("rates")
    def draw(self, rates: Any) -> None:
        probability = rates.rates / self.parameters.rate
        drawn = self.random.random((self.samples, len(probability))) < probability
        for spikes in drawn.astype(np.int8):
            self.count += 1
            self.outputs.spikes.send(count=self.count, spikes=spikes)
