"""Fitting and decoding, and the loop that they close."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from maths import ridge
from maths.counts import Counter
from maths.history import History
from maths.steering import Pilot
from maths.trials import CentreOut, Look, Rules


def test_a_history_holds_the_bins_that_the_fit_saw() -> None:
    counts = np.arange(24, dtype=np.uint8).reshape(8, 3)
    segments = np.array([0, 0, 0, 0, 1, 1, 2, 2])

    history = History(window=3, units=3)
    pushed = [history.push(row, segment).flatten() for row, segment in zip(counts, segments)]

    assert np.array_equal(pushed, ridge.histories(counts, 3, segments))
    assert not pushed[4][:6].any()


def test_a_window_longer_than_the_recording_is_filled_up_with_zeros() -> None:
    features = ridge.histories(np.ones((2, 1)), window=4)

    assert features.tolist() == [[0, 0, 0, 1], [0, 0, 1, 1]]


def test_ridge_finds_what_is_linear() -> None:
    random = np.random.default_rng(1)
    features = random.normal(scale=30, size=(900, 8)).astype(np.float32)
    targets = features @ random.normal(size=(8, 2)) + [5, -2]

    fitted = ridge.fit(features, targets, window=2)

    assert fitted.weights.shape == (2, 2, 4) and fitted.alpha == 100
    assert ridge.r2(targets, fitted.predict(features)).min() > 0.999


def test_r2_is_one_for_the_truth_and_zero_for_its_mean() -> None:
    truth = np.array([[1.0, 4.0], [3.0, 0.0]])

    assert ridge.r2(truth, truth).tolist() == [1, 1]
    assert ridge.r2(truth, np.array([2.0, 2.0])).tolist() == [0, 0]


def test_a_decoder_reads_back_as_it_was_written(tmp_path: Path) -> None:
    weights = np.arange(12, dtype=np.float32).reshape(2, 2, 3)
    written = ridge.Decoding(
        weights, np.zeros(2, np.float32), 3.0, 100.0, {"recording": "ab", "last_trial": 88}
    )

    ridge.save(tmp_path / "new" / "weights.npz", written)
    read = ridge.load(tmp_path / "new" / "weights.npz")

    assert np.array_equal(read.weights, weights) and (read.window, read.units) == (2, 3)
    assert (read.gain, read.alpha, read.about) == (3.0, 100.0, written.about)


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04 cut off"])
def test_a_file_without_a_decoder_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "weights.npz"
    path.write_bytes(content)

    with pytest.raises(ValueError, match=r"weights\.npz holds no decoder"):
        ridge.load(path)


def test_calibration_explains_more_than_nine_tenths(calibration, decoding) -> None:
    features, targets = calibration

    assert ridge.r2(targets[4800:], decoding.predict(features[4800:])).min() > 0.95


@pytest.mark.parametrize("delay_bins", [1, 5])
def test_the_pilot_succeeds_in_most_trials_through_the_decoder(brain, decoding, delay_bins: int) -> None:
    neurons, pilot, counter = brain(seed=3), Pilot(), Counter()
    history, task = History(15, 192), CentreOut(Rules(), seed=42)
    seen = [(task.cursor, None)] * delay_bins
    outcomes = []
    for bin_number in range(8500):  # 85 s
        spikes = np.zeros(192)
        for _ in range(2):  # two samples of the pointer make a bin
            spikes += neurons.spikes(*counter.count(pilot.velocity(*seen[0])), samples=5)
        (velocity,) = decoding.predict(history.push(spikes).reshape(1, -1))
        outcomes.append(task.move(*velocity, now_ns=bin_number * 10_000_000))
        goal = None if task.look is Look.OFF else task.target
        seen = [*seen[1:], (task.cursor, goal)]

    ended = [outcome for outcome in outcomes if outcome]
    assert len(ended) >= 10
    assert sum(outcome.success for outcome in ended[:10]) >= 8


def test_counts_lose_nothing_by_rounding() -> None:
    counter = Counter()

    counted = [counter.count(np.array([0.3, -0.7])) for _ in range(1000)]

    assert np.allclose(np.sum(counted, axis=0), [300, -700], atol=1)


def test_the_pilot_waits_then_heads_for_the_target_within_its_top_speed() -> None:
    pilot = Pilot()

    velocities = np.array([pilot.velocity((0, 0), (400, 0)) for _ in range(200)])

    assert not velocities[:28].any()
    assert velocities[-1, 0] == velocities[:, 0].max() == pytest.approx(400 * 0.012, rel=0.01)
    assert np.hypot(*pilot.velocity((-960, -540), (960, 540))) < 6
    assert not velocities[:, 1].any()


def test_the_pilot_rests_without_a_target() -> None:
    pilot = Pilot()

    assert not any(pilot.velocity((100, 100), None).any() for _ in range(100))
