"""@on and @every, run by the harness."""

from __future__ import annotations

import numpy as np
import pytest
from laboratory import harness

from rtmesh import Node, every, on


class Recorder(Node):
    """Keeps what it was called with."""

    def setup(self) -> None:
        self.calls: list[object] = []


class Single(Recorder):
    @on("bins")
    def each(self, bins) -> None:
        self.calls.append((bins.label, bins.values.sum()))


def test_on_is_called_once_for_each_message_in_order() -> None:
    with harness(Single) as node:
        node.feed("bins", label="a", values=np.ones(3))
        node.feed("bins", label="b", values=np.zeros(3))

        assert node.instance.calls == [("a", 3.0), ("b", 0.0)]


class Joined(Recorder):
    @on("bins", "target", join="origin")
    def both(self, bins, target) -> None:
        self.calls.append((bins.label, target.label))
        self.outputs.events.send(text="joined")


def test_a_join_is_called_with_the_messages_of_one_origin() -> None:
    with harness(Joined) as node:
        node.feed("bins", origin=1, label="a1")
        node.feed("bins", origin=2, label="a2")
        node.feed("target", origin=2, label="b2")

        assert node.instance.calls == [("a2", "b2")]
        assert node.unjoined == 1
        assert node.sent("events")[0].header.origin_sequence == 2


def test_a_join_holds_a_block_input_whose_queue_waits() -> None:
    with harness(Joined, queue=2) as node:
        for origin in (1, 2, 3):
            node.feed("bins", origin=origin, label=f"a{origin}")
        assert node.unjoined == 0

        for origin in (1, 2, 3):
            node.feed("target", origin=origin, label=f"b{origin}")

        assert node.instance.calls == [("a1", "b1"), ("a2", "b2"), ("a3", "b3")]


def test_a_join_of_strangers_counts_them_and_goes_on() -> None:
    with harness(Joined, queue=2) as node:
        for _ in range(10):
            node.feed("bins")
            node.feed("target")
        node.end("bins")
        node.end("target")

        assert node.ended
        assert node.unjoined == 20


def test_a_join_ends_when_all_its_inputs_have_ended() -> None:
    with harness(Joined) as node:
        node.feed("bins", origin=1)
        node.end("bins")
        assert not node.ended
        node.feed("target", origin=1)
        assert len(node.instance.calls) == 1

        node.end("target")

        assert node.ended


class Tens(Recorder):
    @on("bins", window=10)
    def ten(self, window) -> None:
        self.calls.append((window.count, window.is_partial, window.values.shape))
        self.outputs.velocity.send(gain=window.gain.sum())


def test_a_window_of_ten_messages_is_exactly_ten() -> None:
    with harness(Tens) as node:
        for number in range(25):
            node.feed("bins", values=np.zeros(4), gain=float(number))
        assert node.instance.calls == [(10, False, (10, 4))] * 2

        node.end("bins")

        assert node.instance.calls[2:] == [(5, True, (5, 4))]
        assert node.ended
        assert [message.gain for message in node.sent("velocity")] == [45.0, 145.0, 110.0]


def test_a_window_by_count_carries_the_origin_of_its_last_message() -> None:
    with harness(Tens) as node:
        for number in range(10):
            node.feed("bins", origin=number, values=np.zeros(4))

        assert node.sent("velocity")[0].header.origin_sequence == 9


class Spans(Recorder):
    @on("bins", window="20ms")
    def span(self, window) -> None:
        self.calls.append(window.count)
        self.outputs.events.send(text="closed")


def test_a_window_by_time_is_closed_by_the_first_message_past_it_and_carries_its_origin() -> None:
    with harness(Spans) as node:
        for number in range(5):
            node.feed("bins", origin=number)
            node.advance(ms=5)

        assert node.instance.calls == [4]
        assert node.sent("events")[0].header.origin_sequence == 4


class Ticking(Recorder):
    defaults = {"rate": 100.0}

    @every(hz="parameter:rate")
    def tick(self) -> None:
        self.calls.append(self.clock.now_ns())


def test_every_is_called_at_absolute_deadlines() -> None:
    with harness(Ticking) as node:
        begin = node.now_ns

        node.advance(ms=14)
        node.advance(ms=16)

        assert [time - begin for time in node.instance.calls] == [10_000_000, 20_000_000, 30_000_000]
        assert node.overruns == 0


def test_missed_deadlines_are_skipped_and_counted_without_drift() -> None:
    with harness(Ticking) as node:
        begin = node.now_ns

        node.stall(ms=37)
        node.advance(ms=5)

        assert [time - begin for time in node.instance.calls] == [37_000_000, 40_000_000]
        assert node.overruns == 2


def test_a_rate_is_read_again_when_the_parameters_change() -> None:
    with harness(Ticking) as node:
        node.advance(ms=10)
        node.configure(rate=1000.0)
        node.advance(ms=5)

        assert len(node.instance.calls) == 6


class Periodic(Recorder):
    @every(period="5ms")
    def tick(self) -> None:
        self.calls.append("tick")


def test_every_takes_a_period() -> None:
    with harness(Periodic) as node:
        node.advance(ms=20)

        assert len(node.instance.calls) == 4


class Fast(Recorder):
    @every()
    def next(self) -> None:
        self.calls.append("next")
        if len(self.calls) == 5:
            self.finish()


def test_every_without_a_rate_runs_whenever_nothing_else_is_due() -> None:
    with harness(Fast) as node:
        assert node.run(steps=3) == 3
        assert not node.ended

        assert node.run() == 2
        assert node.ended


class Switchable(Recorder):
    defaults = {"label": "max", "rate": 100.0}

    @every(hz=lambda parameters: float("inf") if parameters.label == "max" else parameters.rate)
    def tick(self) -> None:
        self.calls.append("tick")


def test_a_rate_may_be_a_function_of_the_parameters() -> None:
    with harness(Switchable) as fast:
        assert fast.run(steps=7) == 7
    with harness(Switchable, parameters={"label": "paced"}) as paced:
        paced.advance(ms=30)
        assert len(paced.instance.calls) == 3


def test_a_new_rate_in_setup_waits_for_the_start() -> None:
    class Early(Ticking):
        def configure(self, parameters) -> None:
            self.seen = parameters.rate

    with harness(Early) as node:
        node.configure(rate=50.0)
        node.advance(ms=40)

        assert node.instance.seen == 50.0
        assert len(node.instance.calls) == 2


class Mixed(Recorder):
    stall = None

    @every(period="1ms")
    def tick(self) -> None:
        self.calls.append("tick")
        self.stall(ms=2)

    @on("bins")
    def one(self, bins) -> None:
        self.calls.append("bins")

    @on("target")
    def other(self, target) -> None:
        self.calls.append("target")


def test_an_every_that_is_always_late_leaves_every_other_step_to_messages() -> None:
    with harness(Mixed) as node:
        node.instance.stall = node.stall
        engine = node._engine
        for ring in node._inputs.values():
            message = node._types["bins"].encode({}).to_bytes(node._header("bins", 1))
            for _ in range(2):
                ring.feed(message)
        node.stall(ms=1)

        for _ in range(8):
            engine.step()

        assert node.instance.calls == ["tick", "bins", "tick", "target", "tick", "bins", "tick", "target"]


class Looking(Recorder):
    @on("bins")
    def each(self, bins) -> None:
        target = self.inputs.target.latest()
        self.calls.append(target.label if target else None)


def test_latest_is_none_first_and_then_the_newest_again_and_again() -> None:
    with harness(Looking) as node:
        node.feed("bins")
        node.feed("target", label="old")
        node.feed("target", label="new")
        node.feed("bins")
        node.feed("bins")

        assert node.instance.calls == [None, "new", "new"]


class Misled(Node):
    @on("bins")
    def each(self, bins) -> None:
        self.inputs.bins.latest()


def test_latest_is_refused_on_an_input_that_has_an_on() -> None:
    with harness(Misled) as node, pytest.raises(RuntimeError, match="input bins calls each"):
        node.feed("bins")
