"""Fit: learns the decoder from bins and the velocity that was cued."""

from __future__ import annotations

from typing import Any

import numpy as np
from maths import ridge

from rtmesh import Node, on

HELD_OUT = 0.25


class Fit(Node):
    """Collects `bins` bins, fits on the first three quarters, reports R2 on the last, writes the weights."""

    defaults = {"bins": 6400, "window": 15, "gain": 3.0, "weights": "data/weights.npz"}

    def setup(self) -> None:
        self.counts: list[np.ndarray] = []
        self.velocities: list[tuple[int, int]] = []

    def configure(self, parameters: Any) -> None:
        raise ValueError("a running fit cannot be changed: start the graph anew")

    @on("bins", "velocity", join="origin")
    def collect(self, bins: Any, velocity: Any) -> None:
        self.counts.append(np.array(bins.counts))
        self.velocities.append((velocity.dx, velocity.dy))
        if len(self.counts) == self.parameters.bins:
            self._fit()

    def teardown(self) -> None:
        if len(self.counts) < self.parameters.bins:
            self.log.error("%d of %d bins came: nothing was fitted", len(self.counts), self.parameters.bins)

    def _fit(self) -> None:
        window, gain = self.parameters.window, self.parameters.gain
        features = ridge.histories(np.array(self.counts), window)
        velocities = np.array(self.velocities, np.float32)
        fitted = round(len(features) * (1 - HELD_OUT))
        decoding = ridge.fit(features[:fitted], velocities[:fitted], window, gain)
        r2_x, r2_y = ridge.r2(velocities[fitted:] * gain, decoding.predict(features[fitted:]))
        path = self.folder / self.parameters.weights
        ridge.save(path, decoding)
        self.log.info("R2 %.3f (x), %.3f (y); weights in %s", r2_x, r2_y, path)
        self.report(
            r2=(r2_x + r2_y) / 2,
            r2_x=r2_x,
            r2_y=r2_y,
            alpha=decoding.alpha,
            bins=len(features),
            weights=str(path),
        )
