"""Parameters and methods, between two steps."""

from __future__ import annotations

import pytest
from laboratory import harness

from rtmesh import Node, NodeDefinitionError
from rtmesh.common.errors import UnimplementedError
from rtmesh.node.calls import INVALID_ARGUMENT, OK, UNIMPLEMENTED, UNKNOWN
from rtmesh.node.errors import ParametersRefusedError


class Tunable(Node):
    defaults = {"window": 15, "weights": [1.0, 2.0], "table": {"a": 1}, "limits": {"low": 1, "high": 5}}

    def setup(self) -> None:
        self.window_in_setup = self.parameters.window

    def configure(self, parameters) -> None:
        if parameters.window < 0:
            raise ValueError(f"window is {parameters.window}: give 0 or more")
        self.seen = (self.parameters.window, parameters.window)

    def Double(self, request):
        if request.value < 0:
            raise LookupError("nothing below 0")
        return type(request)(value=2 * request.value) if request.value else None


def test_the_graphs_parameters_lie_over_the_defaults() -> None:
    with harness(Tunable, parameters={"window": 0, "label": "x"}) as node:
        assert node.instance.window_in_setup == 0
        assert node.parameters.label == "x"
        assert list(node.parameters.weights) == [1.0, 2.0]


def test_parameters_are_there_in_the_constructor() -> None:
    class Eager(Tunable):
        def __init__(self) -> None:
            self.window = self.parameters.window

    with harness(Eager) as node:
        assert node.instance.window == 15


def test_what_is_unset_keeps_and_zero_is_a_value() -> None:
    with harness(Tunable) as node:
        assert node.configure(label="y").window == 15
        assert node.configure(window=0).label == "y"
        assert node.parameters.window == 0


def test_a_list_or_map_replaces_when_it_is_not_empty_and_a_message_when_it_is_set() -> None:
    with harness(Tunable) as node:
        node.configure(weights=[3.0], table={"b": 2}, limits={"low": 2})

        assert list(node.parameters.weights) == [3.0]
        assert dict(node.parameters.table) == {"b": 2}
        assert (node.parameters.limits.low, node.parameters.limits.high) == (2, 0)

        node.configure(weights=[], window=1)

        assert list(node.parameters.weights) == [3.0]


def test_an_empty_request_reads_and_changes_nothing() -> None:
    with harness(Tunable) as node:
        read = node.configure()
        read.window = 99

        assert node.parameters.window == 15
        assert not hasattr(node.instance, "seen")


def test_the_hook_sees_the_new_beside_the_old() -> None:
    with harness(Tunable) as node:
        node.configure(window=3)

        assert node.instance.seen == (15, 3)


def test_a_refused_set_changes_nothing() -> None:
    with harness(Tunable) as node:
        with pytest.raises(ParametersRefusedError, match="window is -1"):
            node.configure(window=-1, label="z")

        assert node.parameters.window == 15
        assert node.parameters.label == ""


def test_defaults_that_do_not_fit_are_told() -> None:
    class Misfit(Tunable):
        defaults = {"window": "wide"}

    with pytest.raises(NodeDefinitionError, match=r"Misfit\.defaults: window"):
        harness(Misfit)


def test_defaults_without_configure_are_told() -> None:
    with pytest.raises(NodeDefinitionError, match="its contract has no Configure"):
        harness(Tunable, service="Sink")


def test_a_method_gets_the_request_and_returns_the_response() -> None:
    with harness(Tunable) as node:
        assert node.call("Double", {"value": 4}).value == 8


def test_what_a_method_raises_is_raised_in_the_test() -> None:
    with harness(Tunable) as node, pytest.raises(LookupError, match="nothing below 0"):
        node.call("Double", {"value": -1})


def test_a_method_that_returns_something_else_is_told() -> None:
    with harness(Tunable) as node, pytest.raises(TypeError, match=r"returned NoneType, not lab\.v1\.Number"):
        node.call("Double", {"value": 0})


def test_a_method_that_the_class_lacks_is_unimplemented() -> None:
    with harness(Tunable) as node, pytest.raises(UnimplementedError, match="Tunable has no method Forgotten"):
        node.call("Forgotten", {"value": 0})


@pytest.mark.parametrize(
    ("method", "fields", "code", "text"),
    [
        ("Double", {"value": 4}, OK, ""),
        ("Double", {"value": -1}, UNKNOWN, "LookupError: nothing below 0"),
        ("Forgotten", {"value": 1}, UNIMPLEMENTED, "Tunable has no method Forgotten"),
        ("Configure", {"window": -1}, INVALID_ARGUMENT, "window is -1: give 0 or more"),
    ],
)
def test_to_those_outside_exceptions_become_codes(method: str, fields: dict, code: int, text: str) -> None:
    with harness(Tunable) as node:
        request = node._engine.request_class(method)(**fields)

        reply = node._engine.reply(method, request.SerializeToString())

        assert reply.code == code
        assert reply.message.startswith(text)


def test_to_those_outside_an_unknown_method_is_unimplemented_and_garbage_an_invalid_argument() -> None:
    with harness(Tunable) as node:
        assert node._engine.reply("Halve", b"").code == UNIMPLEMENTED
        assert node._engine.reply("Double", b"\xff").code == INVALID_ARGUMENT
