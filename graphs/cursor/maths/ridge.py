"""Ridge regression from the newest bins of spikes to a velocity. NumPy only.

A decoder is made of `weights` float32[2, window, units], oldest bin first, and `offset` float32[2]:
velocity = sum over window and units of weights * counts, plus offset.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

ALPHAS = np.logspace(2, 5, 4)
FOLDS = 3


@dataclass(frozen=True)
class Decoding:
    """A fitted decoder.

    Attributes:
        weights: float32[2, window, units], oldest bin first.
        offset: float32[2].
        gain: the fitted velocity is the real one times this.
        alpha: the penalty that cross-validation chose.
        about: what else is told of it in its file, such as the recording that it was fitted on.
    """

    weights: Floats
    offset: Floats
    gain: float
    alpha: float
    about: dict[str, Any] = field(default_factory=dict)

    @property
    def window(self) -> int:
        """Bins that a velocity is decoded from."""
        return int(self.weights.shape[1])

    @property
    def units(self) -> int:
        """Neurons in a bin."""
        return int(self.weights.shape[2])

    def predict(self, features: Floats) -> Floats:
        """Velocities [bins, 2] for features [bins, window * units]."""
        return features @ self.weights.reshape(2, -1).T + self.offset


def histories(counts: NDArray[Any], window: int, segments: NDArray[Any] | None = None) -> Floats:
    """The features of each bin: itself and the bins before it, oldest first.

    Args:
        counts: [bins, units].
        segments: [bins]; bins of another segment count as zero, as those before the first do.
    Returns:
        float32[bins, window * units].
    """
    bins, units = counts.shape
    segments = np.zeros(bins, np.int64) if segments is None else np.asarray(segments)
    features = np.zeros((bins, window, units), np.float32)
    for age in range(min(window, bins)):
        same = segments[age:] == segments[: bins - age]
        features[age:, window - 1 - age] = counts[: bins - age] * same[:, None]
    return features.reshape(bins, window * units)


def fit(features: Floats, targets: NDArray[Any], window: int, gain: float = 1.0) -> Decoding:
    """Fit velocities [bins, 2]; the penalty is that of ALPHAS with the best R2 in cross-validation."""
    targets = np.asarray(targets, np.float32) * np.float32(gain)
    folds = np.array_split(np.arange(len(features)), FOLDS)
    scores = np.mean([_fold_scores(features, targets, fold) for fold in folds], axis=0)
    alpha = float(ALPHAS[int(np.argmax(scores))])
    ((coefficients, offset),) = _solve(features, targets, [alpha])
    weights = coefficients.T.reshape(2, window, -1).astype(np.float32)
    return Decoding(weights, offset.astype(np.float32), gain, alpha)


def r2(truth: NDArray[Any], predicted: NDArray[Any]) -> NDArray[np.float64]:
    """The share of the variance that is predicted, one for each column; 1 is perfect."""
    truth = np.asarray(truth, np.float64)
    residual = ((truth - predicted) ** 2).sum(axis=0)
    return np.asarray(1 - residual / ((truth - truth.mean(axis=0)) ** 2).sum(axis=0))


def save(path: Path, decoding: Decoding) -> None:
    """Write a decoder. The file is there whole, or as it was before."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.stem}.partial.npz")
    fields = {name: getattr(decoding, name) for name in ("weights", "offset", "gain", "alpha")}
    np.savez_compressed(partial, **fields, **decoding.about)
    partial.replace(path)


def load(path: Path) -> Decoding:
    """Read a decoder that save() wrote. ValueError says what is wrong with the file."""
    try:
        arrays = dict(np.load(path))
        weights, offset = arrays.pop("weights"), arrays.pop("offset")
        gain, alpha = float(arrays.pop("gain")), float(arrays.pop("alpha"))
    except FileNotFoundError:
        raise
    except (OSError, ValueError, TypeError, EOFError, KeyError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} holds no decoder ({error}): make it anew") from error
    return Decoding(weights, offset, gain, alpha, {name: array.item() for name, array in arrays.items()})


def _fold_scores(features: Floats, targets: Floats, fold: NDArray[np.int64]) -> list[float]:
    """R2 on `fold` of fits on all the rest, one for each of ALPHAS."""
    rest = np.ones(len(features), bool)
    rest[fold] = False
    solutions = _solve(features[rest], targets[rest], list(ALPHAS))
    return [float(r2(targets[fold], features[fold] @ c + offset).mean()) for c, offset in solutions]


def _solve(features: Floats, targets: Floats, alphas: list[float]) -> list[tuple[Floats, Floats]]:
    """Coefficients [features, 2] and offset [2] for each penalty; the offset is not penalized."""
    centre, target_centre = features.mean(axis=0), targets.mean(axis=0)
    centred = features - centre
    gram, moment = centred.T @ centred, centred.T @ (targets - target_centre)
    diagonal = np.arange(len(gram))
    solutions = []
    for alpha in alphas:
        penalized = gram.copy()
        penalized[diagonal, diagonal] += np.float32(alpha)
        coefficients = np.linalg.solve(penalized, moment)
        solutions.append((coefficients, target_centre - centre @ coefficients))
    return solutions
