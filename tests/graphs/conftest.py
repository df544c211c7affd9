"""What the tests of the example graphs share."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rtmesh import Node
from rtmesh.node.testing import NodeHarness

GRAPHS = Path(__file__).parent.parent.parent / "graphs"
CURSOR, REACH, RIG = GRAPHS / "cursor", GRAPHS / "reach", GRAPHS / "rig"

# As `python_path` of the reach graph has it.
sys.path[:0] = [str(REACH), str(CURSOR), str(RIG)]

from maths import ridge  # noqa: E402
from maths.cues import cue_velocity  # noqa: E402
from maths.tuning import Population  # noqa: E402

Harness = Callable[..., NodeHarness]


@pytest.fixture
def cursor_folder() -> Path:
    return CURSOR


@pytest.fixture
def reach_folder() -> Path:
    return REACH


@pytest.fixture
def rig_folder() -> Path:
    return RIG


@pytest.fixture
def harness() -> Harness:
    """Run a node of one of the graphs: harness(Binner, parameters={...})."""

    def make(node: type[Node], *, package: str = "cursor", **options: Any) -> NodeHarness:
        options.setdefault("folder", GRAPHS / package)
        return NodeHarness(
            node,
            service=f"{package}.v1.{node.__name__}",
            protos=[f"{package}/v1/{package}.proto"],
            include=[CURSOR, REACH, RIG],
            **options,
        )

    return make


class Brain:
    """The simulated neurons without a graph: a bin of spikes for the hand's velocity."""

    def __init__(self, seed: int) -> None:
        self.population = Population.draw(neurons=192, max_velocity=25.0, seed=42)
        self._random = np.random.default_rng(seed)

    def spikes(self, dx: float, dy: float, samples: int) -> np.ndarray:
        probability = self.population.rates_hz(dx, dy) / 1000
        return (self._random.random((samples, len(probability))) < probability).sum(axis=0)


@pytest.fixture(scope="session")
def brain() -> type[Brain]:
    return Brain


@pytest.fixture(scope="session")
def calibration() -> tuple[np.ndarray, np.ndarray]:
    """Features and targets of 64 cues: what the calibration graph collects, from other spikes."""
    brain = Brain(seed=7)
    velocities = np.concatenate([cue_velocity(cue, peak=25.0) for cue in range(64)])
    counts = np.array([brain.spikes(dx, dy, samples=10) for dx, dy in velocities])
    return ridge.histories(counts, 15), velocities * 3.0


@pytest.fixture(scope="session")
def decoding(calibration: tuple[np.ndarray, np.ndarray]) -> ridge.Decoding:
    """A decoder fitted on the first three quarters of them."""
    features, targets = calibration
    return ridge.fit(features[:4800], targets[:4800] / 3.0, window=15, gain=3.0)
