"""The graph files load, and say where the loop runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from rtmesh.graph.load import LoadedGraph, load_graph
from rtmesh.v1.graph_pb2 import WHEN_FULL_BLOCK, WHEN_FULL_LATEST


@pytest.fixture
def cursor(cursor_folder: Path) -> LoadedGraph:
    return load_graph(cursor_folder / "graph.yaml")


def test_the_closed_loop_runs_on_three_machines(cursor: LoadedGraph) -> None:
    machines = {node.name: node.machine for node in cursor.graph.nodes}

    assert machines == {
        "pointer": "gpc",
        "simulator": "sim",
        "spiker": "sim",
        "binner": "brand",
        "decoder": "gpc",
        "task": "brand",
        "display": "gpc",
    }


def test_only_what_a_person_looks_at_may_be_skipped(cursor: LoadedGraph) -> None:
    latest = {edge.to_node for edge in cursor.graph.edges if edge.when_full == WHEN_FULL_LATEST}
    block = {edge.to_node for edge in cursor.graph.edges if edge.when_full == WHEN_FULL_BLOCK}

    assert latest == {"pointer", "display"}
    assert block == {"simulator", "spiker", "binner", "decoder", "task"}


def test_the_latency_from_pointer_to_cursor_has_a_budget(cursor: LoadedGraph) -> None:
    (budget,) = cursor.graph.budgets

    assert (budget.from_node, budget.from_port, budget.to_node, budget.to_port) == (
        "pointer",
        "velocity",
        "task",
        "cursor",
    )


def test_calibration_and_closed_loop_have_the_same_neurons_and_window(
    cursor: LoadedGraph, cursor_folder: Path
) -> None:
    calibration = load_graph(cursor_folder / "calibration.yaml")

    closed, open_ = ({node.name: node for node in loaded.graph.nodes} for loaded in (cursor, calibration))
    assert closed["simulator"].parameters == open_["simulator"].parameters
    assert closed["binner"].parameters == open_["binner"].parameters
    assert {node.machine for node in open_.values()} == {"gpc", "sim", "brand"}


def test_the_reach_graph_takes_the_decoder_of_the_cursor_graph(
    cursor: LoadedGraph, reach_folder: Path
) -> None:
    reach = load_graph(reach_folder / "graph.yaml", {"replay.speed": "max"})

    def decoder(loaded: LoadedGraph) -> str:
        return next(node.run for node in loaded.graph.nodes if node.name == "decoder")

    assert decoder(reach) == decoder(cursor) == "nodes.decoder:Decoder"
    assert list(reach.graph.python_path) == ["../cursor"]
    assert not any(node.machine for node in reach.graph.nodes)
