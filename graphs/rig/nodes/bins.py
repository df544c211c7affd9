"""Bins: adds up 20 ms."""

from __future__ import annotations

from typing import Any

import numpy as np

from rtmesh import Node, on


class Bins(Node):
    """A bin is what began within 20 ms: 20 frames, give or take a few as they came."""

    @on("features", window="20ms")
    def add_up(self, window: Any) -> None:
        frames = [header.origin_sequence for header in window.headers]
        self.outputs.bins.send(
            crossings=window.crossings.sum(axis=0, dtype=np.uint16),
            power=window.power.sum(axis=0),
            first_frame=frames[0],
            last_frame=frames[-1],
            frames=len(frames),
        )
