"""Each node of the cursor graph, run alone."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from maths import ridge
from maths.cues import cue_velocity
from maths.trials import Look
from nodes.binner import Binner
from nodes.cues import Cues
from nodes.decoder import Decoder
from nodes.display import Display
from nodes.fit import Fit
from nodes.pointer import Pointer
from nodes.simulator import Simulator
from nodes.spiker import Spiker
from nodes.task import Task

from rtmesh import NodeDefinitionError
from rtmesh.node.errors import ParametersRefusedError


def write_weights(path: Path, window: int = 2, units: int = 3, gain: float = 3.0) -> np.ndarray:
    weights = np.arange(2 * window * units, dtype=np.float32).reshape(2, window, units)
    ridge.save(path, ridge.Decoding(weights, np.array([1, -1], np.float32), gain, 100.0))
    return weights


def test_the_pointer_plays_its_recording_200_times_a_second_and_again(harness, cursor_folder) -> None:
    recorded = np.load(cursor_folder / "data" / "hand_movement_200hz.npz")["velocity"]

    with harness(Pointer) as pointer:
        pointer.advance(s=len(recorded) / 200 + 1)
        played = [(sample.dx, sample.dy) for sample in pointer.sent("velocity")]

    assert np.array_equal(played, np.concatenate([recorded, recorded[:200]]))


def test_the_pointer_reads_a_device(harness, tmp_path: Path) -> None:
    path = tmp_path / "mouse"
    os.mkfifo(path)

    with harness(Pointer, parameters={"source": "evdev", "path": str(path)}) as pointer:
        pointer.advance(ms=5)
        assert [sample.dx for sample in pointer.sent("velocity")] == [0]


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({"source": "browser"}, "source 'browser': give recording, evdev or autopilot"),
        ({"source": "evdev"}, "needs `path`"),
        ({"source": "evdev", "path": "/dev/input/none"}, "there is no device /dev/input/none"),
        ({"path": "data/none.npz"}, r"there is no recording .*data/none\.npz"),
        ({"path": "graph.yaml"}, r"graph\.yaml is no \.npz file"),
    ],
)
def test_a_pointer_without_its_source_says_why(harness, parameters, told: str) -> None:
    with pytest.raises((ValueError, OSError), match=told), harness(Pointer, parameters=parameters):
        pass


def test_the_autopilot_steers_to_the_target_while_one_is_shown(harness) -> None:
    with harness(Pointer, parameters={"source": "autopilot"}) as pointer:
        pointer.feed("cursor", x=100, y=0)
        pointer.feed("target", x=100, y=400, state=Look.OFF.value)
        pointer.advance(s=1)
        assert not any(sample.dy for sample in pointer.sent("velocity"))

        pointer.feed("target", x=100, y=400, state=Look.ON.value)
        pointer.advance(s=1)
        steered = pointer.sent("velocity")

    assert steered[-1].dy > 3 and not any(sample.dx for sample in steered)


def test_cues_are_the_same_at_any_speed_and_end(harness) -> None:
    with (
        harness(Cues, parameters={"cues": 2}) as fast,
        harness(Cues, parameters={"cues": 2, "speed": "1"}) as real,
    ):
        fast.run()
        real.advance(s=3)

        assert fast.ended and real.ended
        played = [[(sample.dx, sample.dy) for sample in cues.sent("velocity")] for cues in (fast, real)]

    assert played[0] == played[1]
    assert np.array_equal(played[0], np.concatenate([cue_velocity(0, 25.0), cue_velocity(1, 25.0)]))


def test_cues_refuse_a_speed_that_is_none(harness) -> None:
    with (
        pytest.raises(NodeDefinitionError, match="speed 'fast'"),
        harness(Cues, parameters={"speed": "fast"}),
    ):
        pass


def test_the_simulator_gives_the_rates_of_a_velocity(harness) -> None:
    with harness(Simulator) as simulator:
        simulator.feed("velocity", dx=10, dy=-3)
        (message,) = simulator.sent("rates")

        assert message.rates.dtype == np.float32
        assert np.array_equal(message.rates, simulator.instance.population.rates_hz(10, -3))


def test_the_spiker_sends_five_samples_for_each_message_of_rates(harness) -> None:
    with harness(Spiker) as spiker:
        for _ in range(2):
            spiker.feed("rates", rates=np.array([0.0, 1000.0, 500.0], np.float32))
        sent = spiker.sent("spikes")

    assert [message.count for message in sent] == list(range(1, 11))
    assert [message.header.origin_sequence for message in sent] == [1] * 5 + [2] * 5
    spikes = np.array([message.spikes for message in sent])
    assert spikes.dtype == np.int8 and (spikes[:, 0] == 0).all() and (spikes[:, 1] == 1).all()


def test_spikes_come_as_often_as_the_rate_says(harness) -> None:
    with harness(Spiker) as spiker:
        spiker.feed_message("rates", {"rates": np.full(20_000, 50.0, np.float32)})
        spikes = np.array([message.spikes for message in spiker.sent("spikes")])

    assert spikes.mean() == pytest.approx(0.05, rel=0.05)


def test_the_spiker_refuses_rates_that_do_not_fit(harness) -> None:
    with pytest.raises(ValueError, match="rate 1000 is no multiple of input_rate 300"):
        harness(Spiker, parameters={"input_rate": 300}).__enter__()


def test_a_bin_is_exactly_ten_spike_messages(harness) -> None:
    with harness(Binner) as binner:
        for count in range(1, 26):
            binner.feed("spikes", count=count, spikes=np.array([1, 0, count % 2], np.int8))
        first, second = binner.sent("bins")

    assert first.counts.dtype == np.int8
    assert first.counts.tolist() == second.counts.tolist() == [10, 0, 5]
    assert (first.messages, first.first_count, first.last_count) == (10, 1, 10)
    assert (second.messages, second.first_count, second.last_count) == (10, 11, 20)
    assert second.header.origin_sequence == 20


def test_a_new_bin_size_begins_with_the_next_bin(harness) -> None:
    with harness(Binner) as binner:
        binner.feed("spikes", count=1, spikes=np.ones(2, np.int8))
        binner.configure(bin_size=3)
        for count in range(2, 14):
            binner.feed("spikes", count=count, spikes=np.ones(2, np.int8))

        assert [message.messages for message in binner.sent("bins")] == [10, 3]
        with pytest.raises(ParametersRefusedError, match="bin_size 0"):
            binner.configure(bin_size=0)


def test_the_decoder_weighs_its_window(harness, tmp_path: Path) -> None:
    weights = write_weights(tmp_path / "data" / "weights.npz")
    older, newer = np.array([1, 2, 0]), np.array([0, 1, 5])

    with harness(Decoder, folder=tmp_path, parameters={"window": 2}) as decoder:
        decoder.feed("bins", counts=older.astype(np.int8))
        decoder.feed("bins", counts=newer.astype(np.int8))
        _, velocity = decoder.sent("velocity")

    expected = weights[:, 0] @ older + weights[:, 1] @ newer + [1, -1]
    assert (velocity.vx, velocity.vy) == tuple(expected)


def test_a_new_segment_makes_the_decoder_forget(harness, tmp_path: Path) -> None:
    weights = write_weights(tmp_path / "data" / "weights.npz")
    counts = np.ones(3, np.uint8)

    with harness(Decoder, folder=tmp_path, parameters={"window": 2}) as decoder:
        decoder.feed("bins", counts=counts, segment=0)
        decoder.feed("bins", counts=counts, segment=1)
        first, second = decoder.sent("velocity")

    assert first.vx == second.vx == weights[0, 1].sum() + 1


def test_the_gain_of_a_running_decoder_can_be_changed(harness, tmp_path: Path) -> None:
    write_weights(tmp_path / "data" / "weights.npz", gain=3.0)

    with harness(Decoder, folder=tmp_path, parameters={"window": 2}) as decoder:
        decoder.feed("bins", counts=np.zeros(3, np.int8))
        decoder.configure(gain=6.0)
        decoder.feed("bins", counts=np.zeros(3, np.int8))

        assert [velocity.vx for velocity in decoder.sent("velocity")] == [1, 2]
        with pytest.raises(ParametersRefusedError, match="only the gain"):
            decoder.configure(window=3)


def test_a_decoder_without_weights_says_which_command_makes_them(harness, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"`meshctl up graphs/cursor/calibration\.yaml` makes"):
        harness(Decoder, folder=tmp_path).__enter__()


def test_a_decoder_refuses_weights_of_another_window(harness, tmp_path: Path) -> None:
    write_weights(tmp_path / "data" / "weights.npz")

    with pytest.raises(ValueError, match="for a window of 2 bins, the parameter says 15"):
        harness(Decoder, folder=tmp_path).__enter__()


def test_a_decoder_refuses_bins_of_other_units(harness, tmp_path: Path) -> None:
    write_weights(tmp_path / "data" / "weights.npz")

    with (
        pytest.raises(ValueError, match=r"a bin has 187 units, the weights in data/weights\.npz are for 3"),
        harness(Decoder, folder=tmp_path, parameters={"window": 2}) as decoder,
    ):
        decoder.feed("bins", counts=np.zeros(187, np.uint8))


def test_fit_joins_bins_with_cues_and_writes_weights_that_the_decoder_takes(harness, tmp_path: Path) -> None:
    random = np.random.default_rng(5)
    velocities = random.integers(-25, 25, size=(400, 2))
    parameters = {"bins": 400, "window": 2}
    with harness(Fit, folder=tmp_path, parameters=parameters, queue=400) as fit:
        for origin, (dx, dy) in enumerate(velocities, start=1):
            fit.feed("velocity", origin=origin, dx=int(dx), dy=int(dy))
        for origin, velocity in enumerate(velocities, start=1):
            noise = random.poisson(1, size=4)
            counts = np.concatenate([velocity + 50, 50 - velocity]) + noise
            fit.feed("bins", origin=origin, counts=counts.astype(np.int8))
        result = fit.result

    assert result["bins"] == 400 and result["r2"] > 0.95 and fit.unjoined == 0
    assert result["r2"] == pytest.approx((result["r2_x"] + result["r2_y"]) / 2)
    with harness(Decoder, folder=tmp_path, parameters={"window": 2}) as decoder:
        decoder.feed("bins", counts=np.array([60, 40, 40, 60], np.int8))
        (velocity,) = decoder.sent("velocity")
    assert velocity.vx == pytest.approx(30, abs=5) and velocity.vy == pytest.approx(-30, abs=5)


def test_a_fit_that_got_too_little_reports_and_writes_nothing(harness, tmp_path: Path) -> None:
    with harness(Fit, folder=tmp_path) as fit:
        fit.feed("velocity", origin=1, dx=1)
        fit.feed("bins", origin=1, counts=np.ones(4, np.int8))

    assert fit.result is None and not list(tmp_path.iterdir())


def test_the_task_tells_cursor_and_target_for_each_velocity_and_each_trial(harness) -> None:
    parameters = {"initial_wait_s": 0, "hold_s": 0.5}
    with harness(Task, parameters=parameters) as task:
        assert task.result["trials"] == 0 and task.result["mean_time_to_target_s"] is None
        task.feed("velocity")
        task.feed("velocity")
        (_, target) = task.sent("target")
        task.sent("cursor")
        task.advance(ms=250)
        task.feed("velocity", vx=target.x, vy=target.y)
        task.advance(ms=510)
        task.feed("velocity")
        (first, last), targets, (trial,) = task.sent("cursor"), task.sent("target"), task.sent("trial")

    assert (first.x, first.y, first.radius) == (target.x, target.y, 25) == (last.x, last.y, 25)
    assert [each.state for each in targets] == [Look.OVER.value, Look.OFF.value]
    assert trial.success and trial.number == 1 and (trial.target_x, trial.target_y) == (target.x, target.y)
    assert trial.go_cue_time_ns < trial.end_time_ns == task.now_ns
    assert (task.result["trials"], task.result["successes"]) == (1, 1)
    assert task.result["mean_time_to_target_s"] == trial.time_to_target_s == 0


def test_a_task_refuses_rules_that_cannot_be(harness) -> None:
    with harness(Task) as task, pytest.raises(ParametersRefusedError, match=r"hold_s -1\.0"):
        task.configure(hold_s=-1)


def test_the_display_draws_the_newest_on_its_screen(harness, tmp_path: Path) -> None:
    path = tmp_path / "screen"
    parameters = {"screen": str(path), "columns": 41, "rows": 11}
    with harness(Display, parameters=parameters) as display:
        display.feed("cursor", x=-960, y=540)
        display.feed("cursor", x=960, y=-540)
        display.feed("target", x=0, y=0, state=Look.ON.value)
        display.advance(ms=100)
        frames = display.sent("frame")

    title, *picture = path.read_text().removeprefix("\x1b[H").splitlines()
    assert title.startswith("cursor ( +960,  -540)   target (   +0,    +0) on")
    assert picture[-2] == "|" + " " * 38 + "+|" and picture[5][20] == "O" and len(picture) == 11
    assert [frame.number for frame in frames] == [1, 2, 3]


def test_a_display_without_a_screen_logs_one_frame_a_second(
    harness, capfd: pytest.CaptureFixture[str]
) -> None:
    with harness(Display) as display:
        display.advance(s=3)
        assert len(display.sent("frame")) == 90

    assert capfd.readouterr().out.count("cursor (none)") == 3


def test_a_screen_that_cannot_be_drawn_on_is_named(harness, tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"cannot draw on .*none/tty.*\$\(tty\)"):
        harness(Display, parameters={"screen": str(tmp_path / "none" / "tty")}).__enter__()
