"""Values as people write them, and the message they become."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from google.protobuf import descriptor_pool

from rtmesh.graph.parameters import build_parameters
from rtmesh.graph.problems import ParameterError
from rtmesh.graph.protos import compile_protos, pool_of


@pytest.fixture(scope="module")
def pool(data: Path) -> descriptor_pool.DescriptorPool:
    return pool_of(compile_protos(["rig/v1/rig.proto"], [data]))


@pytest.fixture(scope="module")
def descriptor(pool: descriptor_pool.DescriptorPool):
    """rig.v1.SourceParameters, which has a field of each kind."""
    return pool.FindMessageTypeByName("rig.v1.SourceParameters")


def test_every_kind_of_value_fits(descriptor) -> None:
    message = build_parameters(
        descriptor,
        {
            "rate": -5,
            "mode": "MODE_EXACT",
            "gains": [1, 2.5],
            "limits": {"low": 1},
            "names": {"1": "one", "-2": "minus two"},
            "device": "/dev/input",
            "key": "AAEC",
            "dry": False,
            "seed": (1 << 64) - 1,
            "drift": 1e300,
            "level": 0.5,
            "windows": [{"low": 1}, {}],
            "by_name": {"a": {"high": 2}},
            "warm_up": {"seconds": 3},
            "modes": ["MODE_FAST", "MODE_UNSPECIFIED"],
            "flags": {"true": 1, "false": -1},
        },
    )

    assert message.rate == -5
    assert message.mode == 2
    assert list(message.gains) == [1.0, 2.5]
    assert message.names == {1: "one", -2: "minus two"}
    assert message.key == b"\0\1\2"
    assert message.HasField("dry") and message.dry is False
    assert message.seed == (1 << 64) - 1
    assert message.WhichOneof("trigger") == "level"
    assert [window.low for window in message.windows] == [1.0, 0.0]
    assert message.by_name["a"].high == 2.0
    assert message.warm_up.seconds == 3
    assert list(message.modes) == [1, 0]
    assert message.flags == {True: 1, False: -1}


def test_what_is_not_given_stays_unset(descriptor) -> None:
    assert build_parameters(descriptor, {}).ByteSize() == 0


def test_an_empty_message_is_set(descriptor) -> None:
    assert build_parameters(descriptor, {"limits": {}}).HasField("limits")


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan, 3.4028234663852886e38])
def test_a_float_takes_what_float32_has(descriptor, value: float) -> None:
    taken = build_parameters(descriptor, {"level": value}).level
    assert taken == pytest.approx(value, nan_ok=True)


BAD = [
    ({"rate": True}, "rate: is the bool true; expected int32"),
    ({"rate": 1.0}, "rate: is the number 1.0; expected int32"),
    ({"rate": None}, "rate: is nothing; expected int32; remove it, or give it a value"),
    ({"rate": [1]}, "rate: is a list; expected int32"),
    ({"rate": 1 << 31}, "rate: is the number 2147483648; out of range for int32"),
    ({"rate": 10**5000}, "rate: is a very large number; out of range for int32"),
    ({"seed": -1}, "seed: is the number -1; out of range for uint64; choose from 0 to 18446744073709551615"),
    ({"drift": "x"}, "drift: is the text 'x'; expected double"),
    ({"drift": 10**400}, "drift: is out of range for double"),
    (
        {"level": 1e39},
        "level: is 1e+39; out of range for float; declare it double",
    ),
    ({"dry": "yes"}, "dry: is the text 'yes'; expected bool"),
    ({"dry": 1}, "dry: is the number 1; expected bool"),
    ({"device": 3}, "device: is the number 3; expected string; put it in quotes"),
    ({"device": {}}, "device: is a mapping; expected string"),
    ({"device": "\ud800"}, "device: has a character that no string can hold"),
    ({"key": "no base64!"}, "key: is the text 'no base64!'; expected bytes; write them in base64"),
    ({"mode": "FAST"}, "mode: is the text 'FAST'; expected a name of rig.v1.Mode; did you mean MODE_FAST?"),
    (
        {"mode": 1},
        "mode: is the number 1; expected a name of rig.v1.Mode; known: MODE_UNSPECIFIED, MODE_FAST",
    ),
    ({"gains": 1}, "gains: is the number 1; expected a list of float"),
    ({"gains": [1, None]}, "gains[1]: is nothing; expected float"),
    ({"limits": 3}, "limits: is the number 3; expected a mapping (rig.v1.Limits)"),
    ({"windows": [{"low": "x"}]}, "windows[0].low: is the text 'x'; expected float"),
    ({"names": [1]}, "names: is a list; expected a mapping"),
    ({"names": {"x": "y"}}, "names.x: is the text 'x'; expected int32"),
    ({"names": {"--1": "y"}}, "names.--1: is the text '--1'; expected int32"),
    ({"names": {"²": "y"}}, "names.²: is the text '²'; expected int32"),
    ({"names": {"1": 2}}, "names.1: is the number 2; expected string"),
    ({"flags": {"1": 2}}, "flags.1: is the text '1'; expected bool"),
    ({"by_name": {"a": {"mid": 1}}}, "by_name.a.mid: rig.v1.Limits has no field 'mid'"),
    ({"line": "a", "level": 1}, "level: excludes line, which is also given; give one of them"),
]


@pytest.mark.parametrize(("values", "problem"), BAD, ids=[problem[:60] for _, problem in BAD])
def test_a_value_that_does_not_fit_is_told_with_its_path(descriptor, values, problem: str) -> None:
    with pytest.raises(ParameterError) as caught:
        build_parameters(descriptor, values)

    assert len(caught.value.problems) == 1
    assert str(caught.value).startswith(problem)


def test_every_misfit_is_told_at_once(descriptor) -> None:
    with pytest.raises(ParameterError) as caught:
        build_parameters(descriptor, {"rate": "a", "gains": ["b", "c"], "limits": {"low": "d"}, "x": 1})

    assert [problem.path for problem in caught.value.parameters] == [
        ("rate",),
        ("gains", "[0]"),
        ("gains", "[1]"),
        ("limits", "low"),
        ("x",),
    ]
