# ruff: noqa: E501 - the words of the format, as a block
"""Whatever stands in the file, the answer is a graph or a GraphError with at least one problem."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rtmesh.graph.load import LoadedGraph
from rtmesh.graph.problems import GraphError

Check = Callable[..., LoadedGraph]

bounded = settings(
    max_examples=200,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

WORDS = [
    "rtmesh", "nodes", "source", "filter", "source.samples", "rig.v1.Filter", "rig.v1.Sample", "inputs", "samples",
    "from", "queue", "latest", "when_full", "parameters", "rate", "gains", "limits", "names", "p99", "8ms", "4KiB",
    "<<", "&a", "*a", "!!int", "- ", "? ", ": ", "{", "}", "[", "]", "'", '"', "|", ">", "#", "%", "\n", "\n  ",
    "\t", "null", "true", "0x", ".inf", ".nan", "1e999", "-1", "65537", "\0", "\u2028", "é", "\ud800", "..", "/",
]  # fmt: skip

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=20),
    st.sampled_from(WORDS),
)
keys = st.sampled_from(WORDS) | st.text(max_size=5)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(WORDS) | st.text(max_size=5), inner)
    ),
    max_leaves=8,
)


def gives_a_graph_or_problems(check: Check, text: str) -> None:
    try:
        loaded = check(text)
    except GraphError as error:
        assert all(problem.text and problem.to_proto() for problem in error.problems)
        assert all(problem.text and problem.to_proto() for problem in error.problems)
    else:
        assert loaded.graph.SerializeToString()


def places(value: Any, path: tuple = ()) -> list[tuple]:
    """The path of every value within."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(inner for key, item in items for inner in places(item, (*path, key)))]


def replaced(value: Any, path: tuple, new: Any) -> Any:
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = replaced(value[path[0]], path[1:], new)
    return copy


def as_plain(text: str) -> Any:
    from ruamel.yaml import YAML

    return json.loads(json.dumps(YAML(typ="safe", pure=True).load(text)))


@bounded
@given(text=st.text(max_size=200))
def test_any_text(check: Check, text: str) -> None:
    gives_a_graph_or_problems(check, text)


@bounded
@given(words=st.lists(st.sampled_from(WORDS), max_size=40))
def test_any_words_of_the_format(check: Check, words: list[str]) -> None:
    gives_a_graph_or_problems(check, "".join(words))


@bounded
@given(data=st.data())
def test_a_good_graph_with_a_piece_cut_out_or_put_in(check: Check, good: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(good)))
    end = data.draw(st.integers(start, min(len(good), start + 30)))
    piece = data.draw(st.sampled_from(WORDS) | st.text(max_size=5))
    gives_a_graph_or_problems(check, good[:start] + piece + good[end:])


@bounded
@given(data=st.data())
def test_a_good_graph_with_other_values_anywhere(check: Check, good: str, data: st.DataObject) -> None:
    graph = as_plain(good)
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(places(graph)))
        graph = replaced(graph, path, data.draw(values))
    gives_a_graph_or_problems(check, json.dumps(graph))


@bounded
@given(
    key=st.text(max_size=20) | st.sampled_from(["source.rate", "source.limits.low", "."]),
    text=st.text(max_size=40),
)
def test_any_override(check: Check, good: str, key: str, text: str) -> None:
    try:
        check(good, {key: text})
    except GraphError as error:
        assert all(problem.text and problem.to_proto() for problem in error.problems)
