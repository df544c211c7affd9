"""Reference: takes away what all channels have in common."""

from __future__ import annotations

from typing import Any

import numpy as np

from rtmesh import Node, on


class Reference(Node):
    """Common average reference. The mean of 256 whole numbers is exact in float32, and so is the rest."""

    @on("frames")
    def take_mean_away(self, frame: Any) -> None:
        samples = frame.samples.astype(np.float32)
        samples -= samples.mean(axis=0)
        self.outputs.referenced.send(samples=samples)
