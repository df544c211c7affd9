"""What a node sends: headers, origins, limits, waiting."""

from __future__ import annotations

import numpy as np
import pytest
from laboratory import harness

from rtmesh import InvalidArgumentError, Node, OutputLimitError, every, on
from rtmesh.common.origins import origin_id


class Relay(Node):
    def start(self) -> None:
        self.outputs.events.send(text="first")

    @on("bins")
    def each(self, bins) -> None:
        self.outputs.velocity.send(values=bins.values * 2, gain=bins.gain)

    @every(hz=100)
    def tick(self) -> None:
        self.outputs.events.send(text="tick")

    def Double(self, request):
        self.outputs.events.send(text="called")
        return type(request)(value=2 * request.value)


def test_the_header_counts_from_one_and_tells_when() -> None:
    with harness(Relay) as node:
        node.feed("bins", values=np.ones(2))
        node.stall(ms=3)
        node.feed("bins", values=np.ones(2))

        headers = [message.header for message in node.sent("velocity")]
        assert [header.sequence for header in headers] == [1, 2]
        assert [header.epoch for header in headers] == [1, 1]
        assert headers[1].publish_time_ns - headers[0].publish_time_ns == 3_000_000


def test_the_origin_of_the_triggering_message_is_carried_on() -> None:
    with harness(Relay) as node:
        node.feed("bins", origin=17, values=np.ones(2))
        node.stall(ms=3)
        node.feed("bins", origin=17, values=np.ones(2))

        first, second = (message.header for message in node.sent("velocity"))
        assert first.origin == second.origin == origin_id("test", "feed", "origin")
        assert (second.origin_epoch, second.origin_sequence) == (1, 17)
        assert second.origin_time_ns == first.origin_time_ns == first.publish_time_ns


def test_start_every_and_methods_begin_new_origins() -> None:
    with harness(Relay) as node:
        node.feed("bins", origin=17, values=np.ones(2))
        node.advance(ms=10)
        node.call("Double", {"value": 1})

        for message in node.sent("events"):
            header = message.header
            assert header.origin == origin_id("test", "node", "events")
            assert header.origin_sequence == header.sequence
            assert header.origin_epoch == header.epoch
            assert header.origin_time_ns == header.publish_time_ns


def test_a_node_that_meets_its_own_origin_begins_a_new_one() -> None:
    with harness(Relay) as node:
        node.feed("bins", values=np.ones(2), origin=node.sent("events")[0])

        header = node.sent("velocity")[0].header
        assert header.origin == origin_id("test", "node", "velocity")
        assert header.origin_sequence == 1


class Pair(Node):
    @every(hz=100)
    def tick(self) -> None:
        for gain in (1.0, 2.0):
            self.outputs.velocity.send(gain=gain)
            self.outputs.events.send(text=f"{gain}")


def test_what_a_step_sends_beside_a_new_origin_goes_with_it() -> None:
    with harness(Pair) as node:
        node.advance(ms=10)
        velocities = [message.header for message in node.sent("velocity")]
        events = [message.header for message in node.sent("events")]

    own = origin_id("test", "node", "velocity")
    assert [(header.origin, header.origin_sequence) for header in velocities] == [(own, 1), (own, 2)]
    assert [(header.origin, header.origin_sequence) for header in events] == [(own, 1), (own, 2)]
    assert [header.sequence for header in events] == [1, 2]


class Forwarder(Node):
    @on("bins")
    def each(self, bins) -> None:
        self.outputs.velocity.send(bins)


def test_a_whole_message_can_be_sent_on_and_gets_a_new_header() -> None:
    with harness(Forwarder, name="second") as node:
        node.feed("bins", values=np.arange(3), label="x")
        node.feed_message("bins", node.sent("velocity")[0])

        (sent,) = node.sent("velocity")
        assert sent.label == "x"
        assert list(sent.values) == [0, 1, 2]
        assert sent.header.sequence == 2


def test_a_protobuf_message_can_be_sent() -> None:
    class Plain(Node):
        @on("bins")
        def each(self, bins) -> None:
            self.outputs.velocity.send(bins.proto())

    with harness(Plain) as node:
        node.feed("bins", gain=4.0)

        assert node.sent("velocity")[0].gain == 4.0


class Sender(Node):
    """Sends what the test gives it."""

    arguments: tuple = ()
    fields: dict = {}

    @on("bins")
    def each(self, bins) -> None:
        self.outputs.velocity.send(*self.arguments, **self.fields)


def test_a_message_above_max_bytes_names_the_key_of_the_graph_file() -> None:
    with harness(Sender, name="decoder", max_bytes=1000) as node:
        node.instance.fields = {"values": np.zeros(1000, np.uint8)}

        with pytest.raises(OutputLimitError) as told:
            node.feed("bins")

        assert "nodes.decoder.outputs.velocity.max_bytes" in str(told.value)
        assert "(1000 bytes)" in str(told.value)
        assert node.sent("velocity") == []


def test_a_message_and_fields_together_are_refused() -> None:
    with harness(Sender) as node:
        node.instance.arguments, node.instance.fields = (object(),), {"gain": 1.0}

        with pytest.raises(TypeError, match="a message or its fields"):
            node.feed("bins")


def test_an_unknown_field_is_told_by_name() -> None:
    with harness(Sender) as node:
        node.instance.fields = {"gian": 1.0}

        with pytest.raises(TypeError, match="gian"):
            node.feed("bins")


def test_in_setup_it_is_told_that_nothing_can_be_sent_before_what_else_is_wrong() -> None:
    class Early(Node):
        def setup(self) -> None:
            self.outputs.velocity.send(gian=1.0)

    with pytest.raises(RuntimeError, match=r"setup\(\) cannot send"), harness(Early):
        pass


class Trying(Node):
    @on("bins")
    def each(self, bins) -> None:
        self.report(sent=self.outputs.velocity.try_send(gain=1.0))


def test_try_send_says_whether_it_sent() -> None:
    with harness(Trying) as node:
        node.hold("velocity")
        node.feed("bins")
        assert node.result == {"sent": False}

        node.hold("velocity", False)
        node.feed("bins")

        assert node.result == {"sent": True}
        assert [message.header.sequence for message in node.sent("velocity")] == [1]


def test_a_send_that_would_wait_for_ever_fails_the_test() -> None:
    with harness(Sender) as node:
        node.hold("velocity")

        with pytest.raises(AssertionError, match="send\\(\\) would wait"):
            node.feed("bins")


@pytest.mark.parametrize("moment", ["setup", "teardown"])
def test_nothing_is_sent_before_start_or_in_teardown(moment: str) -> None:
    def send(self) -> None:
        self.outputs.velocity.send(gain=1.0)

    sender = type("Untimely", (Sender,), {moment: send})

    with pytest.raises(RuntimeError, match=f"output velocity: {moment}\\(\\) cannot send"), harness(sender):
        pass


def test_an_unknown_port_is_told_with_those_there_are() -> None:
    class Indirect(Node):
        @on("bins")
        def each(self, bins) -> None:
            getattr(self, bins.label).velocty  # noqa: B018

    with harness(Indirect) as node:
        with pytest.raises(AttributeError, match="no output 'velocty'; its outputs: velocity, events"):
            node.feed("bins", label="outputs")
        with pytest.raises(AttributeError, match="no input 'velocty'; its inputs: bins, target"):
            node.feed("bins", label="inputs")


def test_a_reported_result_takes_what_numpy_gives() -> None:
    class Reporter(Node):
        @on("bins")
        def each(self, bins) -> None:
            self.report(r2=np.float32(0.5), trials=np.int64(3), path=bins.values, bad=np.nan)

    with harness(Reporter) as node:
        assert node.result is None

        node.feed("bins", values=np.arange(2))

        assert node.result == {"r2": 0.5, "trials": 3, "path": [0, 1], "bad": None}


def test_limits_are_invalid_arguments() -> None:
    assert issubclass(OutputLimitError, InvalidArgumentError)
