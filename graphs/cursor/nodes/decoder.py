"""Decoder: a velocity from the newest bins of spikes."""

from __future__ import annotations

from typing import Any

import numpy as np
from maths import ridge
from maths.history import History

from rtmesh import Node, on


class Decoder(Node):
    """Ridge filter over the last `window` bins. The weights come from a calibration."""

    defaults = {"window": 15, "gain": 3.0, "weights": "data/weights.npz"}

    def setup(self) -> None:
        decoding = self._load()
        self.weights, self.offset = decoding.weights.reshape(2, -1), decoding.offset
        self.fitted_gain = decoding.gain
        self.units = decoding.units
        self.history = History(decoding.window, decoding.units)

    def configure(self, parameters: Any) -> None:
        fixed = ("window", "weights")
        if any(getattr(parameters, name) != getattr(self.parameters, name) for name in fixed):
            raise ValueError("only the gain of a running decoder can be changed: start the graph anew")

    @on("bins")
    def decode(self, bins: Any) -> None:
        if len(bins.counts) != self.units:
            raise ValueError(
                f"a bin has {len(bins.counts)} units, the weights in {self.parameters.weights} are for "
                f"{self.units}: fit weights to this recording, or calibrate anew"
            )
        newest = self.history.push(bins.counts, bins.segment).reshape(-1)
        velocity = (self.weights @ newest + self.offset) * np.float32(self.parameters.gain / self.fitted_gain)
        self.outputs.velocity.send(vx=velocity[0], vy=velocity[1])

    def _load(self) -> ridge.Decoding:
        path = self.folder / self.parameters.weights
        try:
            decoding = ridge.load(path)
        except FileNotFoundError:
            raise FileNotFoundError(
                f"there are no weights at {path}: "
                "`meshctl up graphs/cursor/calibration.yaml` makes those of the cursor graph"
            ) from None
        if decoding.window != self.parameters.window:
            raise ValueError(
                f"the weights in {path} are for a window of {decoding.window} bins, the parameter says "
                f"{self.parameters.window}: set `window: {decoding.window}`, or calibrate anew"
            )
        return decoding
