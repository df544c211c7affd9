"""The simulated neurons, and the cues that they are calibrated with."""

from __future__ import annotations

import math

import numpy as np
import pytest
from maths.cues import cue_velocity
from maths.pace import times_real_time
from maths.tuning import Population


@pytest.fixture
def population() -> Population:
    return Population.draw(neurons=192, max_velocity=25.0, seed=42)


def test_neurons_rest_below_twenty_hertz_and_have_unit_tuning(population: Population) -> None:
    resting = population.rates_hz(0, 0)

    assert resting.dtype == np.float32 and resting.shape == (192,)
    assert resting.min() >= 0 and resting.max() < 20
    assert np.allclose(np.hypot(*population.tuning.T), 1)


def test_rates_stay_between_silence_and_a_hundred_hertz(population: Population) -> None:
    for angle in np.linspace(0, 2 * np.pi, 16):
        rates = population.rates_hz(1000 * math.cos(angle), 1000 * math.sin(angle))
        assert rates.min() >= 0 and rates.max() <= 100.001


def test_a_rate_is_what_the_formula_says(population: Population) -> None:
    drive = population.tuning @ [10, -5] / (math.sqrt(2) * 25)
    expected = population.modulation_hz * drive + population.resting_rate_hz

    assert np.allclose(population.rates_hz(10, -5), np.maximum(expected, 0), atol=1e-4)


def test_the_same_seed_gives_the_same_neurons(population: Population) -> None:
    again, other = Population.draw(192, 25.0, 42), Population.draw(192, 25.0, 43)

    assert np.array_equal(again.tuning, population.tuning)
    assert not np.array_equal(other.tuning, population.tuning)


def test_a_cue_lasts_a_hundred_samples_and_peaks_in_its_middle() -> None:
    cue = cue_velocity(0, peak=25.0)

    assert cue.shape == (100, 2) and cue.dtype == np.int16
    assert cue[:, 0].max() == cue[50, 0] == 25 and cue[0, 0] == 0
    assert not cue[:, 1].any()


def test_cues_go_in_eight_directions_in_turn() -> None:
    angles = [
        math.degrees(math.atan2(dy, dx)) % 360 for dx, dy in (cue_velocity(n, 1000.0)[50] for n in range(9))
    ]

    assert np.allclose(angles, [0, 45, 90, 135, 180, 225, 270, 315, 0], atol=0.1)


def test_speeds_are_numbers_or_max() -> None:
    assert times_real_time("1") == 1 and times_real_time("0.5") == 0.5
    assert times_real_time("max") == math.inf


@pytest.mark.parametrize("speed", ["", "fast", "0", "-1", "1e9", "inf", "nan"])
def test_other_speeds_are_refused_by_name(speed: str) -> None:
    with pytest.raises(ValueError, match=f"speed '{speed}'.*or max"):
        times_real_time(speed)
