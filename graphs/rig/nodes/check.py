"""Check: whether every frame came into a bin, once, in order, and unchanged."""

from __future__ import annotations

from typing import Any

import numpy as np
from signals.expected import Expected
from signals.recording import Recording

from rtmesh import Node, on

# The powers are sums of squares in float32: at least ten times what rounding makes of them.
TOLERANCE = 2e-3


class Check(Node):
    """Compares each bin with the recording. Crossings must be equal, powers to what float32 can do.

    Its result: `frames` in all `bins`, frames `missing` between them, bins `out_of_order`, and bins with
    `wrong` contents. The smallest and the largest bin tell how even time was.
    """

    defaults = {"multiples": [3.0, 4.0, 5.0], "band_edges_hz": [1000.0, 4000.0, 9000.0]}

    def setup(self) -> None:
        self.frames = self.bins = self.missing = self.out_of_order = self.wrong = self.last = 0
        self.crossings = self.largest = 0
        self.smallest = 1 << 32
        multiples, edges_hz = list(self.parameters.multiples), list(self.parameters.band_edges_hz)
        self.expected = Expected(Recording(self.folder), multiples, edges_hz)

    def configure(self, parameters: Any) -> None:
        raise ValueError("a running check cannot be changed: start the graph anew")

    @on("bins")
    def compare(self, bin_: Any) -> None:
        first, last, frames = bin_.first_frame, bin_.last_frame, bin_.frames
        crossings = bin_.crossings
        self.bins += 1
        self.frames += frames
        self.missing += max(first - self.last - 1, 0) + last - first + 1 - frames
        self.out_of_order += first <= self.last
        self.wrong += not (
            np.array_equal(crossings, self.expected.crossings(first, last))
            and np.allclose(bin_.power, self.expected.power(first, last), rtol=TOLERANCE, atol=TOLERANCE)
        )
        self.last = last
        self.crossings += int(crossings.sum())
        self.smallest, self.largest = min(self.smallest, frames), max(self.largest, frames)

    def teardown(self) -> None:
        self.report(
            frames=self.frames,
            bins=self.bins,
            missing=self.missing,
            out_of_order=self.out_of_order,
            wrong=self.wrong,
            crossings=self.crossings,
            frames_a_bin=[self.smallest, self.largest] if self.bins else None,
        )
