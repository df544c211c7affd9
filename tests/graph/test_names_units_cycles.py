"""The small pure parts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtmesh.graph.cycles import find_cycles, reachable_nodes, spell_out
from rtmesh.graph.names import did_you_mean, snake_case
from rtmesh.graph.problems import Problem, join_path
from rtmesh.graph.units import format_duration, parse_duration_ns, parse_size_bytes
from rtmesh.v1 import graph_pb2


@pytest.mark.parametrize(
    ("rpc", "port"),
    [
        ("Bins", "bins"),
        ("TargetPosition", "target_position"),
        ("LFPPower", "lfp_power"),
        ("RawLFP", "raw_lfp"),
        ("Band2Power", "band2_power"),
        ("already_snake", "already_snake"),
        ("A", "a"),
    ],
)
def test_a_port_is_its_rpc_in_snake_case(rpc: str, port: str) -> None:
    assert snake_case(rpc) == port


def test_the_nearest_name_is_offered_and_else_all() -> None:
    assert did_you_mean("velocty", ["velocity", "bins"]) == "did you mean velocity?"
    assert did_you_mean("zzz", ["velocity", "bins"]) == "known: velocity, bins"
    assert did_you_mean("zzz", []) == ""


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("15s", 15_000_000_000),
        ("200ms", 200_000_000),
        ("5m", 300_000_000_000),
        ("1h", 3_600_000_000_000),
        ("8us", 8_000),
        ("1.5 s", 1_500_000_000),
        ("0", 0),
        ("0.001us", 1),
    ],
)
def test_durations_are_read_exactly(text: str, nanoseconds: int) -> None:
    assert parse_duration_ns(text) == nanoseconds


@pytest.mark.parametrize(
    "text", ["", "s", "15", "15 sec", "-1s", "1e3s", "1,5s", "0.0001us", "٣s", "1s1s", "9" * 50 + "s"]
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_duration_ns(text)


@pytest.mark.parametrize(("text", "size"), [("4KiB", 4096), ("1.5MiB", 1 << 19 | 1 << 20), ("4096", 4096)])
def test_sizes_are_read_exactly(text: str, size: int) -> None:
    assert parse_size_bytes(text) == size


@given(st.integers(0, 10**9))
def test_a_duration_reads_back_as_it_was_written(milliseconds: int) -> None:
    assert parse_duration_ns(format_duration(milliseconds)) == milliseconds * 1_000_000


def test_a_problem_leaves_out_what_it_has_not() -> None:
    assert str(Problem("a:1:2", "b.c", "is odd", "make it even")) == "a:1:2: b.c: is odd; make it even"
    assert str(Problem("", "", "is odd")) == "is odd"
    assert join_path("latency", "[0]", "from") == "latency[0].from"


def edges(*pairs: str) -> list[graph_pb2.Edge]:
    """ "ab" is an edge from a.o to b.i."""
    return [
        graph_pb2.Edge(from_node=start, from_port="o", to_node=end, to_port=f"i{place}")
        for place, (start, end) in enumerate(pairs)
    ]


def test_a_cycle_is_spelled_out() -> None:
    [cycle] = find_cycles(edges("ab", "bc", "ca", "cd"))
    assert spell_out(cycle) == "a.o -> b.i0, b.o -> c.i1, c.o -> a.i2"


def test_a_node_that_feeds_itself_is_a_cycle() -> None:
    assert [spell_out(cycle) for cycle in find_cycles(edges("aa", "ab"))] == ["a.o -> a.i0"]


def test_cycles_that_share_no_edge_are_all_found() -> None:
    assert len(find_cycles(edges("ab", "ba", "bc", "cb", "de", "ed"))) == 3


def test_without_a_cycle_nothing_is_found() -> None:
    assert find_cycles(edges("ab", "ac", "bd", "cd")) == []


def test_only_what_an_output_feeds_is_reached_from_it() -> None:
    graph = edges("ab", "bc", "xa")
    assert reachable_nodes(graph, "a", "o") == {"b", "c"}
    assert reachable_nodes(graph, "a", "other") == set()
    assert reachable_nodes(edges("ab", "ba"), "a", "o") == {"a", "b"}


@given(st.lists(st.tuples(st.sampled_from("abcde"), st.sampled_from("abcde")), max_size=12))
def test_without_the_edges_of_the_found_cycles_there_is_none(pairs: list[tuple[str, str]]) -> None:
    graph = edges(*("".join(pair) for pair in pairs))
    cycles = find_cycles(graph)

    for cycle in cycles:
        assert all(edge.to_node == after.from_node for edge, after in zip(cycle, [*cycle[1:], cycle[0]]))
    left = [edge for edge in graph if not any(edge in cycle for cycle in cycles)]
    assert find_cycles(left) == []
