"""Each node of the rig graph, run alone; and all of them in a row on the recording."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import numpy as np
import pytest
from nodes.bins import Bins
from nodes.check import Check
from nodes.features import Features
from nodes.headstage import Headstage
from nodes.power import BandPower
from nodes.reference import Reference
from nodes.threshold import Threshold
from signals.frames import CALIBRATION_FRAMES, CHANNELS, SAMPLES
from signals.recording import DELAY, Recording

from rtmesh.node.errors import ParametersRefusedError
from rtmesh.node.testing import NodeHarness


@pytest.fixture
def rig(harness):
    """Run a node of the rig graph."""

    def make(node, **options) -> NodeHarness:
        return harness(node, package="rig", **options)

    return make


@contextmanager
def listening(rig, multiple: float, rms: float) -> Iterator[NodeHarness]:
    """A threshold that has measured its RMS on a square wave."""
    quiet = np.tile(np.array([rms, -rms], np.float32), (CHANNELS, SAMPLES // 2))
    with rig(Threshold, parameters={"multiple": multiple}) as threshold:
        for _ in range(CALIBRATION_FRAMES):
            threshold.feed("frames", samples=quiet)
        yield threshold


def test_the_headstage_plays_the_muscle_later_on_each_channel_and_again(rig, rig_folder) -> None:
    muscle = np.load(rig_folder / "data" / "emg_30s.npz")["samples"]

    with rig(Headstage, parameters={"seconds": 1.002}) as headstage:
        headstage.advance(s=2)
        frames = [message.samples for message in headstage.sent("frames")]

    assert len(frames) == 1002 and headstage.ended and headstage.result == {"frames": 1002}
    assert all(frame.dtype == np.int16 and frame.shape == (256, 30) for frame in frames)
    assert np.array_equal(np.concatenate([frame[0] for frame in frames[:1000]]), muscle)
    assert np.array_equal(frames[3][7], muscle[3 * SAMPLES + 7 * DELAY :][:SAMPLES])
    assert np.array_equal(frames[1001], frames[1])


def test_a_headstage_that_was_late_sends_what_is_due_at_once(rig) -> None:
    with rig(Headstage, parameters={"rate_hz": 100}) as headstage:
        headstage.advance(ms=20)
        headstage.stall(ms=95)
        headstage.advance(ms=5)

        assert len(headstage.sent("frames")) == 12


@pytest.mark.parametrize("parameters", [{"seconds": -1}, {"seconds": float("inf")}])
def test_a_headstage_refuses_a_time_that_is_none(rig, parameters) -> None:
    with pytest.raises(ValueError, match="give 0 s"), rig(Headstage, parameters=parameters):
        pass


def test_without_its_recording_the_headstage_says_which_file_is_missing(rig, tmp_path) -> None:
    with pytest.raises(FileNotFoundError, match=r"emg_30s\.npz"), rig(Headstage, folder=tmp_path):
        pass


def test_the_reference_is_the_mean_of_all_channels(rig) -> None:
    raw = np.zeros((CHANNELS, SAMPLES), np.int16)
    raw[0], raw[:, 3] = 256, 7

    with rig(Reference) as reference:
        reference.feed("frames", samples=raw)
        (message,) = reference.sent("referenced")

    assert message.samples.dtype == np.float32
    assert np.array_equal(message.samples[:, 0], [255] + [-1] * 255)
    assert not message.samples[:, 3].any()


def test_a_threshold_counts_falls_and_nothing_before_it_knows_the_rms(rig) -> None:
    samples = np.zeros((CHANNELS, SAMPLES), np.float32)
    samples[1, [4, 5, 9]] = -9, -9, -8.5  # falls twice: 4 and 5 are one
    samples[2, 4] = -7.5
    with listening(rig, multiple=4, rms=2) as threshold:
        assert not np.any([message.counts for message in threshold.sent("crossings")])

        threshold.feed("frames", samples=samples)
        (message,) = threshold.sent("crossings")

    assert message.counts.dtype == np.uint8
    assert message.counts.tolist() == [0, 2] + [0] * 254


def test_a_fall_over_the_edge_of_a_frame_is_counted_once(rig) -> None:
    end, start = np.zeros((2, CHANNELS, SAMPLES), np.float32)
    end[:, -1] = start[:, 0] = -9
    with listening(rig, multiple=4, rms=2) as threshold:
        threshold.sent("crossings")
        for samples in (end, start, start):
            threshold.feed("frames", samples=samples)
        counts = [int(message.counts[0]) for message in threshold.sent("crossings")]

    assert counts == [1, 0, 1]


@pytest.mark.parametrize(("cycles", "expected"), [(2, 0.5), (4, 0.0)])
def test_the_power_of_a_sine_is_half_its_square_in_its_band_only(rig, cycles: int, expected: float) -> None:
    sine = np.sin(2 * np.pi * cycles * np.arange(SAMPLES) / SAMPLES + 0.4).astype(np.float32)

    with rig(BandPower, parameters={"low_hz": 1000, "high_hz": 4000}) as power:
        power.feed("frames", samples=np.tile(sine, (CHANNELS, 1)))
        (message,) = power.sent("power")

    assert message.power.dtype == np.float32
    assert message.power == pytest.approx(np.full(CHANNELS, expected), abs=1e-5)


@pytest.mark.parametrize("band", [{"low_hz": 4000}, {"low_hz": 0}, {"high_hz": 16000}])
def test_a_band_that_a_frame_cannot_tell_is_refused(rig, band) -> None:
    with pytest.raises(ValueError, match="give whole kHz"), rig(BandPower, parameters=band):
        pass


@pytest.mark.parametrize("node", [Headstage, Threshold, BandPower, Check])
def test_what_the_check_counts_with_cannot_be_changed_while_it_runs(rig, node) -> None:
    changes = {Headstage: "rate_hz", Threshold: "multiple", BandPower: "low_hz", Check: "multiples"}
    name = changes[node]
    with rig(node) as running, pytest.raises(ParametersRefusedError, match="start the graph anew"):
        running.configure(**{name: [9.0] if name == "multiples" else 2000.0})


class Bench:
    """Every node of the graph, fed by hand."""

    def __init__(self, nodes: dict[str, NodeHarness]) -> None:
        self.nodes = nodes

    def play(self, recording: Recording, numbers: range, changed: dict[int, np.ndarray]) -> None:
        for number in numbers:
            raw = changed.get(number, recording.frame(number - 1))
            self.nodes["reference"].feed("frames", origin=number, samples=raw)
            self.pass_on("reference", "referenced", [(name, "frames") for name in BRANCHES])
            for name, (port, target) in BRANCHES.items():
                self.pass_on(name, port, [("features", target)])
            self.pass_on("features", "features", [("bins", "features")])
        self.nodes["bins"].end("features")
        self.pass_on("bins", "bins", [("check", "bins")])

    def pass_on(self, name: str, port: str, targets: list[tuple[str, str]]) -> None:
        for message in self.nodes[name].sent(port):
            fields = {field: message[field] for field in message.fields}
            for target, input_ in targets:
                self.nodes[target].feed_message(input_, fields, origin=message)


BRANCHES = {
    "threshold3": ("crossings", "first_crossings"),
    "threshold4": ("crossings", "second_crossings"),
    "threshold5": ("crossings", "third_crossings"),
    "low": ("power", "low_power"),
    "high": ("power", "high_power"),
}


def check_of(rig, rig_folder, numbers: range, changed: dict[int, np.ndarray]) -> dict:
    """What the check reports of some frames that went through all nodes."""
    with ExitStack() as stack:
        nodes = {
            "reference": rig(Reference),
            "low": rig(BandPower, parameters={"low_hz": 1000, "high_hz": 4000}),
            "high": rig(BandPower, parameters={"low_hz": 4000, "high_hz": 9000}),
            "features": rig(Features),
            "bins": rig(Bins),
            "check": rig(Check),
        }
        for multiple in (3, 4, 5):
            nodes[f"threshold{multiple}"] = rig(Threshold, parameters={"multiple": multiple})
        for node in nodes.values():
            stack.enter_context(node)
        Bench(nodes).play(Recording(rig_folder), numbers, changed)
    return nodes["check"].result


def test_the_check_finds_the_nodes_right_over_two_rounds_of_the_recording(rig, rig_folder) -> None:
    result = check_of(rig, rig_folder, range(1, 2101), {})

    assert (result["frames"], result["missing"], result["out_of_order"], result["wrong"]) == (2100, 0, 0, 0)
    assert result["crossings"] > 10_000


def test_the_check_sees_one_changed_sample(rig, rig_folder) -> None:
    changed = Recording(rig_folder).frame(19).copy()
    changed[77, 5] += 40

    result = check_of(rig, rig_folder, range(1, 41), {20: changed})

    assert result["wrong"] == 1 and result["missing"] == 0


def test_the_check_counts_what_is_missing_and_out_of_order(rig) -> None:
    def bin_of(first: int, last: int, frames: int) -> dict:
        crossings, power = np.zeros((3, CHANNELS), np.uint16), np.zeros((2, CHANNELS), np.float32)
        spans = {"first_frame": first, "last_frame": last, "frames": frames}
        return {**spans, "crossings": crossings, "power": power}

    with rig(Check) as check:
        for spans in [(1, 20, 20), (23, 40, 17), (31, 40, 10)]:
            check.feed("bins", **bin_of(*spans))

    result = check.result
    assert (result["frames"], result["bins"], result["frames_a_bin"]) == (47, 3, [10, 20])
    assert (result["missing"], result["out_of_order"], result["wrong"]) == (3, 1, 3)
