"""What a good graph becomes."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from rtmesh.graph.load import LoadedGraph, load_graph
from rtmesh.graph.protos import message_class, pool_of
from rtmesh.v1 import graph_pb2


def parameters_of(graph: graph_pb2.Graph, node: str):
    """The parameters of a node, read with the protos that the graph carries."""
    [found] = [each for each in graph.nodes if each.name == node]
    pool = pool_of(graph.descriptors)
    return message_class(pool, "rig.v1.SourceParameters").FromString(found.parameters)


def edge_of(graph: graph_pb2.Graph, to_port: str) -> graph_pb2.Edge:
    [found] = [each for each in graph.edges if f"{each.to_node}.{each.to_port}" == to_port]
    return found


def test_a_folder_or_its_file_loads_the_same(data: Path, good: str) -> None:
    loaded = load_graph(data)

    assert loaded.graph == load_graph(data / "graph.yaml").graph
    assert loaded.folder == data
    assert loaded.graph.folder == str(data)
    assert loaded.graph.source == good
    assert loaded.graph.name == "rig"
    assert list(loaded.graph.python_path) == ["lib"]
    assert loaded.graph.drain_timeout_ms == 1000


def test_what_a_node_declares_is_what_it_gets(graph: graph_pb2.Graph) -> None:
    sink = graph.nodes[2]
    assert list(sink.command) == ["./sink", "--fast"]
    assert (sink.service, sink.run, sink.machine) == ("rig.v1.Sink", "", "right")
    assert sink.restart == graph_pb2.Restart(when=graph_pb2.RESTART_WHEN_ON_FAILURE, most=3, backoff_ms=100)
    assert sink.when_failed == graph_pb2.WHEN_FAILED_CONTINUE
    assert (sink.setup_timeout_ms, sink.step_timeout_ms) == (120_000, 500)


def test_what_a_node_does_not_declare_has_its_default(graph: graph_pb2.Graph) -> None:
    node = graph.nodes[1]
    assert node.machine == ""
    assert node.restart == graph_pb2.Restart(when=graph_pb2.RESTART_WHEN_NEVER, most=5, backoff_ms=200)
    assert node.when_failed == graph_pb2.WHEN_FAILED_STOP_GRAPH
    assert (node.setup_timeout_ms, node.step_timeout_ms, node.spin_us) == (60_000, 5_000, 0)


def test_a_node_may_spin_for_as_long_as_it_says(data: Path, good: str, tmp_path: Path) -> None:
    folder = shutil.copytree(data, tmp_path / "graph")
    (folder / "graph.yaml").write_text(good.replace("step_timeout: 500ms", "spin: 50us"))

    assert load_graph(folder / "graph.yaml").graph.nodes[2].spin_us == 50


def test_ports_and_methods_come_from_the_contract(graph: graph_pb2.Graph) -> None:
    source, node, _ = graph.nodes
    assert [(port.name, port.rpc, port.type) for port in node.inputs] == [
        ("samples", "Samples", "rig.v1.Sample"),
        ("target", "Target", "rig.v1.TargetPoint"),
        ("manual_gain", "ManualGain", "rig.v1.Level"),
    ]
    assert [port.name for port in node.outputs] == ["levels"]
    assert [(method.name, method.response_type) for method in source.methods] == [
        ("Configure", "rig.v1.SourceParameters"),
        ("Calibrate", "rig.v1.CalibrateResponse"),
    ]


def test_an_input_takes_messages_as_large_as_its_output_sends(graph: graph_pb2.Graph) -> None:
    source, node, _ = graph.nodes
    assert source.outputs[0].max_bytes == 4096
    assert [port.max_bytes for port in node.inputs] == [4096, 65536, 65536]


def test_edges_have_their_policies_and_defaults(graph: graph_pb2.Graph) -> None:
    short = edge_of(graph, "filter.samples")
    assert (short.from_node, short.from_port) == ("source", "samples")
    assert (short.when_full, short.queue, short.hold_absent_ms) == (graph_pb2.WHEN_FULL_BLOCK, 64, 15_000)

    latest = edge_of(graph, "filter.target")
    assert (latest.when_full, latest.queue) == (graph_pb2.WHEN_FULL_LATEST, 1)

    full = edge_of(graph, "sink.levels")
    assert (full.when_full, full.queue, full.hold_absent_ms) == (graph_pb2.WHEN_FULL_BLOCK, 100, 2_000)


def test_budgets_are_in_microseconds(graph: graph_pb2.Graph) -> None:
    [budget] = graph.budgets
    assert budget == graph_pb2.LatencyBudget(
        from_node="source", from_port="samples", to_node="sink", to_port="target", p99_us=8000
    )


def test_parameters_are_the_configure_message(graph: graph_pb2.Graph) -> None:
    parameters = parameters_of(graph, "source")
    assert parameters.rate == 200
    assert parameters.mode == 1
    assert list(parameters.gains) == [1.0, 2.0]
    assert parameters.limits.low == -1.0
    assert parameters.names == {1: "one"}
    assert not parameters.HasField("seed")


def test_overrides_win_over_the_file(check: Callable[..., LoadedGraph], good: str) -> None:
    overrides = {
        "source.rate": "100",
        "source.device": "12",
        "source.gains": "[3]",
        "source.limits.high": "7",
        "source.names": "{2: two}",
        "source.line": "'quoted'",
    }
    parameters = parameters_of(check(good, overrides).graph, "source")

    assert parameters.rate == 100
    assert parameters.device == "12"
    assert list(parameters.gains) == [3.0]
    assert (parameters.limits.low, parameters.limits.high) == (-1.0, 7.0)
    assert parameters.names == {2: "two"}
    assert parameters.line == "quoted"


def test_an_override_of_a_string_may_be_empty_or_no_yaml(
    check: Callable[..., LoadedGraph], good: str
) -> None:
    overrides = {"source.device": "", "source.line": "@[x: *y"}
    parameters = parameters_of(check(good, overrides).graph, "source")

    assert parameters.HasField("device") and parameters.device == ""
    assert parameters.line == "@[x: *y"


def test_anchors_and_merges_work(check: Callable[..., LoadedGraph], good: str) -> None:
    text = good.replace(
        "limits: {low: -1}", "limits: &limits {low: -1}, windows: [{<<: *limits, high: 2}, *limits]"
    )
    parameters = parameters_of(check(text).graph, "source")

    assert [(window.low, window.high) for window in parameters.windows] == [(-1.0, 2.0), (-1.0, 0.0)]


def test_what_is_kept_has_no_source_positions(graph: graph_pb2.Graph, data: Path) -> None:
    assert b"Nothing feeds this input" not in graph.descriptors
    assert str(data).encode() not in graph.descriptors


def test_unchecked_says_what_only_others_know(check: Callable[..., LoadedGraph], good: str) -> None:
    assert check(good).unchecked == [
        "nodes.sink.command: ./sink is looked for on its machine",
        "whether the nodes' code can be imported is asked of the machines before anything starts",
    ]


def test_unchecked_tells_of_a_cycle_that_only_stop_ends(check: Callable[..., LoadedGraph], good: str) -> None:
    text = good.replace("when_full: latest", "when_full: drop_oldest").replace("nodes.filter:", "elsewhere:")
    notes = check(text).unchecked

    assert "nodes.filter.run: elsewhere:Filter is not in this folder; its machine looks for it" in notes
    assert (
        "cycle sink.target -> filter.target, filter.levels -> sink.levels: "
        "if every node in it takes its input with @on, it ends only by stop"
    ) in notes


def test_unchecked_names_the_module_that_may_have_been_meant(
    check: Callable[..., LoadedGraph], good: str
) -> None:
    notes = check(good.replace("nodes.filter:", "nodes.fliter:")).unchecked

    sentence = "nodes.filter.run: nodes.fliter:Filter is not in this folder; its machine looks for it"
    assert f"{sentence}; did you mean nodes.filter?" in notes


def test_unchecked_tells_of_a_budget_that_may_begin_nowhere(
    check: Callable[..., LoadedGraph], good: str
) -> None:
    notes = check(good.replace("from: source.samples, to", "from: filter.levels, to")).unchecked

    assert (
        "latency from filter.levels: only the code tells whether filter begins origins there (@every, start)"
    ) in notes


@pytest.mark.parametrize("folder", ["cursor", "reach", "rig"])
def test_the_example_graphs_load(folder: str, repository: Path) -> None:
    files = sorted((repository / "graphs" / folder).glob("*.yaml"))

    assert files
    for file in files:
        assert load_graph(file).graph.name
