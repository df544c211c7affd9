"""From setup to teardown: who ends when, and what always runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from laboratory import harness

from rtmesh import Node, every, on
from rtmesh.node.tracebacks import failure_of


class Life(Node):
    """Notes what is called; raises where it is told to."""

    raises_in = ""

    def __init__(self) -> None:
        self.life: list[str] = []
        type(self).last = self

    def note(self, moment: str) -> None:
        self.life.append(moment)
        if moment == self.raises_in:
            raise ZeroDivisionError(moment)

    def setup(self) -> None:
        self.note("setup")

    def start(self) -> None:
        self.note("start")

    @on("bins")
    def each(self, bins) -> None:
        self.note("each")

    def teardown(self) -> None:
        self.note("teardown")


def test_a_life_goes_from_setup_to_teardown() -> None:
    with harness(Life, service="Sink") as node:
        node.feed("bins")

    assert node.instance.life == ["setup", "start", "each", "teardown"]


@pytest.mark.parametrize("moment", ["setup", "start", "each"])
def test_teardown_runs_after_an_exception(moment: str) -> None:
    failing = type("Failing", (Life,), {"raises_in": moment})

    with pytest.raises(ZeroDivisionError), harness(failing, service="Sink") as node:
        node.feed("bins")

    assert failing.last.life[-1] == "teardown"
    assert failing.last.life[-2] == moment


def test_a_node_ends_when_its_inputs_have_ended_and_drained() -> None:
    with harness(Life, service="Sink") as node:
        node.feed("bins")
        assert not node.ended

        node.end("bins")

        assert node.ended


class WithLatest(Node):
    @on("bins")
    def each(self, bins) -> None:
        self.inputs.target.latest()


def test_latest_inputs_do_not_count_for_the_end() -> None:
    with harness(WithLatest) as node:
        node.end("bins")

        assert node.ended


class Finishing(Node):
    @on("bins")
    def each(self, bins) -> None:
        self.outputs.velocity.send(gain=1.0)
        self.finish()
        self.outputs.velocity.send(gain=2.0)


def test_finish_ends_the_node_after_the_step() -> None:
    with harness(Finishing) as node:
        node.feed("bins")
        assert node.ended

        node.feed("bins")

        assert [message.gain for message in node.sent("velocity")] == [1.0, 2.0]


class Pacing(Node):
    def setup(self) -> None:
        self.ticks = 0

    @every(hz=100)
    def tick(self) -> None:
        self.ticks += 1

    @on("bins")
    def each(self, bins) -> None: ...


def test_a_node_with_every_goes_on_after_its_inputs_until_the_graph_drains() -> None:
    with harness(Pacing) as node:
        node.end("bins")
        node.advance(ms=20)
        assert not node.ended

        node.drain()
        node.advance(ms=20)

        assert node.ended
        assert node.instance.ticks == 2


def test_draining_leaves_a_node_its_inputs() -> None:
    with harness(Pacing) as node:
        node.drain()
        assert not node.ended

        node.end("bins")

        assert node.ended


class Burst(Node):
    def start(self) -> None:
        for number in range(3):
            self.outputs.velocity.send(gain=float(number))


def test_a_source_that_sends_in_start_ends_after_it() -> None:
    with harness(Burst, service="Source") as node:
        assert node.ended
        assert len(node.sent("velocity")) == 3


def test_a_node_that_only_serves_methods_goes_on_until_the_graph_drains() -> None:
    class Serving(Node):
        def Double(self, request):
            return type(request)(value=2 * request.value)

    with harness(Serving) as node:
        assert not node.ended
        assert node.call("Double", {"value": 2}).value == 4

        node.drain()

        assert node.ended


def test_a_node_knows_who_and_where_it_is(tmp_path: Path) -> None:
    with harness(Burst, service="Source", name="pointer", graph="cursor", folder=tmp_path) as node:
        assert (node.instance.name, node.instance.graph_name) == ("pointer", "cursor")
        assert node.instance.folder == tmp_path
        assert node.instance.clock.now_ns() == node.now_ns
        assert node.instance.log.name == "cursor.pointer"


class Broken(Node):
    @on("bins")
    def each(self, bins) -> None:
        try:
            self.helper()
        except KeyError as error:
            raise ValueError("no weights") from error

    def helper(self) -> None:
        raise KeyError("weights")


def test_a_failure_is_told_from_the_users_frames_on() -> None:
    with harness(Broken) as node, pytest.raises(ValueError, match="no weights") as raised:
        node.feed("bins")

    error = raised.value
    while not error.__traceback__.tb_frame.f_code.co_filename.endswith("engine.py"):
        error.__traceback__ = error.__traceback__.tb_next
    failure = failure_of(error)

    assert failure.reason == "ValueError: no weights"
    assert "in each" in failure.detail
    assert "in helper" in failure.detail
    assert "engine.py" not in failure.detail
