"""Messages as plain values and back, on messages with a field of every kind."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from google.protobuf.descriptor import Descriptor
from hypothesis import given
from hypothesis import strategies as st

from rtmesh.client.node_values import message_of, values_of
from rtmesh.common.errors import InvalidArgumentError
from rtmesh.common.tensors import DTYPES, to_array
from rtmesh.graph.protos import compile_protos, pool_of

PROTO = """
syntax = "proto3";
package every.v1;
import "rtmesh/v1/stream.proto";
message Every {
  rtmesh.v1.Header header = 1;
  int64 count = 2;
  optional float gain = 3;
  double ratio = 4;
  bool is_on = 5;
  string label = 6;
  bytes raw = 7;
  Mode mode = 8;
  repeated uint32 places = 9;
  map<string, Part> parts = 10;
  map<bool, int32> flags = 11;
  Part part = 12;
  repeated Part more = 13;
  rtmesh.v1.Tensor data = 14;
  oneof choice { int32 low = 15; string high = 16; }
}
message Part { float weight = 1; repeated rtmesh.v1.Tensor tensors = 2; }
enum Mode { MODE_UNSPECIFIED = 0; MODE_FAST = 1; }
"""


@pytest.fixture(scope="module")
def every(tmp_path_factory: pytest.TempPathFactory) -> Descriptor:
    folder = tmp_path_factory.mktemp("protos")
    (folder / "every.proto").write_text(PROTO)
    return pool_of(compile_protos(["every.proto"], [folder])).FindMessageTypeByName("every.v1.Every")


FULL: dict[str, Any] = {
    "count": 1 << 60,
    "gain": 0.1,
    "ratio": 0.1,
    "is_on": True,
    "label": "ß",
    "raw": "AAEC",
    "mode": "MODE_FAST",
    "places": [3, 1],
    "parts": {"a": {"weight": 0.5, "tensors": [{"dtype": "int16", "shape": [2], "data": [1, 2]}]}},
    "flags": {"true": -1},
    "part": {"weight": 2.0, "tensors": []},
    "more": [{"weight": 1.0, "tensors": []}],
    "data": {"dtype": "float32", "shape": [2, 2], "data": [[0.1, "NaN"], ["Infinity", "-Infinity"]]},
    "high": "h",
}


def test_values_of_a_message_are_json_and_make_the_same_message_again(every: Descriptor) -> None:
    message = message_of(every, FULL)

    values = values_of(message)

    assert {name: value for name, value in values.items() if value is not None} == FULL
    assert message_of(every, json.loads(json.dumps(values, allow_nan=False))) == message


def test_unset_fields_are_none_and_none_leaves_unset(every: Descriptor) -> None:
    values = values_of(message_of(every, {"gain": None, "data": None, "low": None}))

    assert [name for name, value in values.items() if value is None] == [
        "header",
        "gain",
        "part",
        "data",
        "low",
        "high",
    ]
    assert (values["count"], values["mode"], values["places"]) == (0, "MODE_UNSPECIFIED", [])


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
def test_a_single_number_that_json_lacks_comes_back_the_same(every: Descriptor, number: float) -> None:
    values = values_of(message_of(every, {"data": np.array(number, np.float16)}))

    np.testing.assert_array_equal(to_array(message_of(every, values).data), np.array(number, np.float16))


@given(st.sampled_from([*DTYPES.values()]), st.lists(st.integers(0, 3), max_size=3), st.randoms())
def test_an_array_of_any_type_and_shape_comes_back_the_same(
    every: Descriptor, dtype: np.dtype, shape: list[int], random: Any
) -> None:
    size = int(np.prod(shape))
    array = np.frombuffer(random.randbytes(size * dtype.itemsize), dtype).reshape(shape)
    array = array.view("u1") % 2 == 1 if dtype == np.bool_ else array
    values = json.loads(json.dumps(values_of(message_of(every, {"data": array})), allow_nan=False))

    again = to_array(message_of(every, values).data)

    assert again.dtype == dtype and again.shape == tuple(shape)
    np.testing.assert_array_equal(again, array)


@pytest.mark.parametrize(
    ("value", "dtype"),
    [([1, 2], "int64"), ([[1.5], [2]], "float64"), (7, "int64"), (np.ones(3, np.int8), "int8")],
)
def test_nested_lists_and_numpy_arrays_are_arrays(every: Descriptor, value: object, dtype: str) -> None:
    message = message_of(every, {"data": value})

    assert to_array(message.data).dtype == dtype
    np.testing.assert_array_equal(to_array(message.data), value)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"count": "7"}, "count: is the text '7'; expected int64"),
        ({"part": {"weight": []}}, "part.weight: is a list; expected float"),
        ({"data": [[1, 2], [3]]}, "data: is no array"),
        ({"data": ["x"]}, "data: is no array of numbers"),
        ({"data": {"dtype": "float8", "data": [1]}}, "data: has dtype 'float8'; known: bool, int8"),
        ({"data": {"dtyp": "int8"}}, "data: has no key 'dtyp'; an array has dtype, shape and data"),
        ({"data": {"dtype": "int8", "shape": [3], "data": [1]}}, "data: cannot reshape array of size 1"),
        ({"data": {"dtype": "int8", "data": "!"}}, "data: Only base64 data is allowed"),
        ({"data": {"dtype": "int8", "data": [300]}}, "data: has elements that int8 cannot hold"),
        ({"data": {"dtype": "complex64", "data": [1]}}, "give each element as [real, imaginary]"),
        ({"parts": {"a": {"tensors": [["x"]]}}}, "parts.a.tensors[0]: is no array of numbers"),
    ],
)
def test_what_does_not_fit_names_its_field(every: Descriptor, values: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidArgumentError) as raised:
        message_of(every, values)

    assert said in str(raised.value)


def test_all_that_does_not_fit_is_told_at_once(every: Descriptor) -> None:
    with pytest.raises(InvalidArgumentError) as raised:
        message_of(every, {"data": ["x"], "count": 0.5, "labl": "y"})

    assert len(str(raised.value).splitlines()) == 3


def test_without_data_an_array_keeps_type_and_shape(every: Descriptor) -> None:
    values = values_of(message_of(every, {"data": np.zeros((2, 3), np.uint8)}), with_data=False)

    assert values["data"] == {"dtype": "uint8", "shape": [2, 3]}


def test_a_tensor_that_is_broken_is_shown_not_raised(every: Descriptor) -> None:
    message: Any = message_of(every, {})
    message.data.shape.append(5)

    assert values_of(message)["data"] == {"dtype": 0, "shape": [5], "data": ""}
