"""A class that does not fit its contract or its graph is told so before setup, all at once."""

from __future__ import annotations

import pytest
from laboratory import LAB_PROTO, harness

from rtmesh import Node, NodeDefinitionError, every, on
from rtmesh.graph.contract import Contract
from rtmesh.node.definition import Definition
from rtmesh.node.parameters import initial_parameters
from rtmesh.node.proto_files import find_service
from rtmesh.v1.graph_pb2 import WHEN_FULL_BLOCK, WHEN_FULL_DROP_OLDEST, WHEN_FULL_LATEST


def problems_of(node_class: type[Node], bins: int = WHEN_FULL_BLOCK, target: int = WHEN_FULL_LATEST) -> str:
    """What is wrong with a lab.v1.Filter, a line each; empty if nothing is."""
    contract = Contract.of(find_service("lab.v1.Filter", [LAB_PROTO]))
    parameters = initial_parameters(node_class, contract.parameters, b"")
    policies = {"bins": bins, "target": target}
    outputs = dict.fromkeys(("velocity", "events"))
    try:
        Definition.of(node_class).check(contract, policies, outputs, parameters)
    except NodeDefinitionError as error:
        return str(error)
    return ""


class Fitting(Node):
    @on("bins")
    def decode(self, bins) -> None:
        self.inputs.target.latest()


def test_a_class_that_fits_has_no_problems() -> None:
    assert problems_of(Fitting) == ""


def no_rate(parameters) -> float:
    return 0.0


class Wrong(Node):
    @on("bin")
    def first(self, bins) -> None:
        self.outputs.velocty.send()

    @on("bins", window=0)
    def second(self, bins) -> None: ...

    @on("bins", "target")
    def third(self, bins, target) -> None: ...

    @every(hz=0)
    def fourth(self) -> None: ...

    @every(hz="parameter:speed")
    def fifth(self) -> None: ...

    @every(period="5 parsecs")
    def sixth(self) -> None: ...

    @every(hz=1, period="1s")
    def seventh(self) -> None: ...

    @every(hz=no_rate)
    def eighth(self) -> None: ...


@pytest.mark.parametrize(
    "problem",
    [
        "Wrong.first: @on('bin'): lab.v1.Filter has no input 'bin'; inputs: bins, target",
        "Wrong.second: @on('bins', window=0) has no usable window: 0 messages: take at least 1",
        "Wrong.third: @on('bins', 'target') has several inputs: add join=\"origin\"",
        "Wrong.third: @on('bins', 'target'): input 'bins' calls second already",
        "Wrong.fourth: @every(hz=0): a rate of 0.0 Hz",
        "Wrong.fifth: @every(hz='parameter:speed'): lab.v1.FilterParameters has no parameter 'speed'",
        "Wrong.sixth: @every(period='5 parsecs'): ",
        "Wrong.seventh: @every(hz=1, period='1s'): give hz or period, not both",
        "Wrong.eighth: @every(hz=no_rate): a rate of 0.0 Hz",
        "Wrong.first: self.outputs.velocty: lab.v1.Filter has no output 'velocty'; outputs: velocity, events",
    ],
)
def test_everything_wrong_is_told_at_once(problem: str) -> None:
    assert problem in problems_of(Wrong, target=WHEN_FULL_DROP_OLDEST)


def test_an_on_of_a_latest_input_is_refused() -> None:
    assert "Fitting.decode: input 'bins' has `when_full: latest`" in problems_of(
        Fitting, bins=WHEN_FULL_LATEST
    )


def test_a_block_input_without_on_is_refused_because_it_would_hold_its_writer() -> None:
    told = problems_of(Fitting, target=WHEN_FULL_BLOCK)

    assert told.startswith("Fitting: input 'target' has `when_full: block` but no @on")
    assert "`when_full: latest`" in told


def test_a_drop_oldest_input_without_on_may_be_read_by_latest() -> None:
    assert problems_of(Fitting, target=WHEN_FULL_DROP_OLDEST) == ""


def test_joins_and_windows_of_the_wrong_shape_are_refused() -> None:
    class Shapes(Node):
        @on("bins", join="origin")
        def one(self, bins) -> None: ...

        @on("target", "target", join="sequence", window="20ms")
        def other(self, a, b) -> None: ...

    told = problems_of(Shapes, target=WHEN_FULL_DROP_OLDEST)

    assert "@on('bins', join='origin') joins, so it needs two inputs or more" in told
    assert "names an input twice" in told
    assert 'can only join by "origin"' in told
    assert "cannot window a join" in told


def test_a_harness_refuses_such_a_class_before_setup() -> None:
    class Misspelt(Node):
        def __init__(self) -> None:
            raise AssertionError("never made")

        @on("bin")
        def decode(self, bins) -> None: ...

    with pytest.raises(NodeDefinitionError, match=r"Misspelt\.decode"):
        harness(Misspelt)


def test_a_subclass_may_replace_a_decorated_method() -> None:
    class Replaced(Fitting):
        @on("target")
        def decode(self, target) -> None: ...

    assert Definition.of(Replaced).triggering_inputs == {"target"}


def test_decorators_are_refused_where_they_cannot_be_meant() -> None:
    with pytest.raises(TypeError, match=r'write @on\("INPUT"\)'):

        @on
        def bare(self) -> None: ...

    with pytest.raises(TypeError, match="has @on\\('bins'\\) already"):

        @every(hz=1)
        @on("bins")
        def both(self) -> None: ...


def test_a_node_on_its_own_says_how_to_run_it() -> None:
    with pytest.raises(RuntimeError, match=r"rtmesh\.node\.testing\.NodeHarness"):
        Node().finish()
