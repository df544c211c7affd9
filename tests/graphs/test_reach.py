"""The reach graph: its nodes, its recording and its decoder."""

from __future__ import annotations

import runpy
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from maths import ridge
from motor_cortex.recording import load_recording
from motor_cortex.running_r2 import RunningR2
from nodes.decoder import Decoder
from nodes.replay import Replay
from nodes.score import Score

from rtmesh.node.errors import NodeDefinitionError, ParametersRefusedError
from rtmesh.node.testing import NodeHarness

DECODER = {"window": 5, "gain": 1, "weights": "data/reach_decoder.npz"}


@pytest.fixture
def recording(reach_folder: Path) -> Path:
    return reach_folder / "data" / "reach_chewie_20131003_bin100ms.npz"


@pytest.fixture
def altered(recording: Path, tmp_path: Path) -> Callable[..., Path]:
    """Another recording: the project's with some arrays changed, or left out (None)."""

    def make(**changes: np.ndarray | float | None) -> Path:
        arrays = {**np.load(recording), **changes}
        path = tmp_path / "other.npz"
        np.savez(path, **{name: array for name, array in arrays.items() if array is not None})
        return path

    return make


def play(replay: NodeHarness, decoder: NodeHarness, score: NodeHarness) -> dict:
    """Run the graph's three nodes to the end; what score reports."""
    replay.run()
    assert replay.ended
    for bins, truth in zip(replay.sent("bins"), replay.sent("truth")):
        decoder.feed("bins", origin=bins, counts=bins.counts, segment=bins.segment)
        (velocity,) = decoder.sent("velocity")
        score.feed("velocity", origin=velocity, vx=velocity.vx, vy=velocity.vy)
        score.feed("truth", origin=truth, **{name: truth[name] for name in truth.fields})
    return score.result


def run_graph(harness, **parameters: str) -> dict:
    with (
        harness(Replay, package="reach", parameters={"speed": "max", **parameters}) as replay,
        harness(Decoder, folder=replay.instance.folder, parameters=DECODER) as decoder,
        harness(Score, package="reach") as score,
    ):
        return play(replay, decoder, score)


def test_velocity_is_decoded_in_the_trials_that_were_not_fitted(harness) -> None:
    result = run_graph(harness)

    assert result["r2_x"] > 0.7 and result["r2_y"] > 0.6
    assert (result["bins"], result["left_out"]) == (302, 953)


def test_all_trials_of_another_recording_are_scored(harness, altered) -> None:
    path = altered(target=None)

    result = run_graph(harness, recording=str(path))

    assert (result["bins"], result["left_out"]) == (1255, 0)


def test_the_committed_decoder_is_what_the_script_makes(reach_folder: Path) -> None:
    committed = ridge.load(reach_folder / "data" / "reach_decoder.npz")

    made = runpy.run_path(str(reach_folder / "fit_decoder.py"))["fit_decoder"]()

    assert np.allclose(made.weights, committed.weights, atol=1e-3)
    assert np.allclose(made.offset, committed.offset, atol=1e-3)
    assert (made.about, made.alpha, made.gain) == (committed.about, committed.alpha, committed.gain)


def test_the_committed_movement_is_what_the_script_makes(cursor_folder: Path) -> None:
    committed = np.load(cursor_folder / "data" / "hand_movement_200hz.npz")["velocity"]

    made = runpy.run_path(str(cursor_folder / "data" / "resample.py"))["movement"]()

    assert np.array_equal(made, committed)
    assert 24 < np.hypot(*committed.T).max() < 26


def test_replay_plays_ten_bins_a_second_and_faster_when_told(harness) -> None:
    with (
        harness(Replay, package="reach") as replay,
        harness(Replay, package="reach", parameters={"speed": "10"}) as fast,
    ):
        replay.advance(s=2)
        fast.advance(s=2)
        bins, truths = replay.sent("bins"), replay.sent("truth")

        assert (len(bins), len(truths), len(fast.sent("bins"))) == (20, 20, 200)
        assert bins[0].counts.dtype == np.uint8 and bins[0].counts.shape == (174,)
        assert (
            [truth.trial for truth in truths] == [message.segment for message in bins] == [0] * 11 + [1] * 9
        )


@pytest.mark.parametrize("speed", ["1e9", "0", "fast"])
def test_replay_refuses_a_speed_that_is_none_in_its_own_words(harness, speed: str) -> None:
    told = f"speed '{speed}': give a number above 0, up to 1000000, such as 10, or max"
    with (
        pytest.raises(NodeDefinitionError) as raised,
        harness(Replay, package="reach", parameters={"speed": speed}),
    ):
        pass
    assert str(raised.value) == f"Replay.play: @every(hz=rate_hz): {told}"

    with harness(Replay, package="reach") as replay, pytest.raises(ParametersRefusedError) as raised:
        replay.configure(speed=speed)
    assert str(raised.value) == told


def test_segments_count_the_cuts(altered) -> None:
    trial = np.repeat([5, 6, 5, 9], [300, 300, 300, 355])

    recorded = load_recording(altered(trial=trial))

    assert np.array_equal(recorded.segment, np.repeat([0, 1, 2, 3], [300, 300, 300, 355]))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"counts": None}, "is no recording .*counts"),
        ({"counts": np.zeros((1255, 174))}, r"counts is float64\[1255, 174\]"),
        ({"vel": np.zeros((1255, 3))}, r"vel is float64\[1255, 3\]"),
        ({"vel": np.full((1255, 2), np.nan)}, "vel is not finite"),
        ({"trial": np.zeros(7, np.uint8)}, r"trial is uint8\[7\]"),
        ({"bin_s": 0.05}, r"has bins of 0\.05 s"),
    ],
)
def test_a_recording_of_another_form_is_refused(altered, changes, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        load_recording(altered(**changes))


def test_a_recording_that_is_none_is_refused(tmp_path: Path, reach_folder: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"there is no recording .*none\.npz"):
        load_recording(tmp_path / "none.npz")
    with pytest.raises(ValueError, match=r"graph\.yaml is no recording"):
        load_recording(reach_folder / "graph.yaml")


def test_running_r2_is_that_of_the_whole() -> None:
    random = np.random.default_rng(3)
    truth, predicted = random.normal(2, 5, size=(2, 50, 2))
    running = RunningR2()
    assert np.isnan(running.r2).all()

    for pair in zip(truth, predicted):
        running.add(*pair)

    assert np.allclose(running.r2, ridge.r2(truth, predicted))
