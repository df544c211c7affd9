"""Features: puts together again what five nodes made of one frame."""

from __future__ import annotations

from typing import Any

import numpy as np
from signals.frames import CHANNELS

from rtmesh import Node, on


class Features(Node):
    """One message for each frame of which all five have come."""

    def setup(self) -> None:
        self.crossings = np.zeros((3, CHANNELS), np.uint8)
        self.power = np.zeros((2, CHANNELS), np.float32)

    @on("first_crossings", "second_crossings", "third_crossings", "low_power", "high_power", join="origin")
    def put_together(self, first: Any, second: Any, third: Any, low: Any, high: Any) -> None:
        crossings, power = self.crossings, self.power
        crossings[0], crossings[1], crossings[2] = first.counts, second.counts, third.counts
        power[0], power[1] = low.power, high.power
        self.outputs.features.send(crossings=crossings, power=power)
