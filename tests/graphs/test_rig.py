"""The rig graph as a whole: what it asks of a machine, and a run of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from running import run_up

from rtmesh.common.control import control_layouts
from rtmesh.graph.load import load_graph
from rtmesh.graph.plan import plan_run
from rtmesh.machine.rings import ring_layout
from rtmesh.v1.graph_pb2 import WHEN_FULL_BLOCK

MACHINES = {"graph.yaml": ["local"], "two_machines.yaml": ["acquisition", "analysis"]}


@pytest.mark.parametrize("file", MACHINES)
def test_no_edge_may_drop(rig_folder: Path, file: str) -> None:
    graph = load_graph(rig_folder / file).graph

    assert len(graph.edges) == 13
    assert {edge.when_full for edge in graph.edges} == {WHEN_FULL_BLOCK}


def test_both_graphs_run_the_same_nodes_alike(rig_folder: Path) -> None:
    one, two = (load_graph(rig_folder / file).graph for file in MACHINES)
    for node in two.nodes:
        node.machine = ""

    assert list(one.nodes) == list(two.nodes)
    assert list(one.edges) == list(two.edges)


@pytest.mark.parametrize("file", MACHINES)
def test_all_segments_of_a_run_stay_below_64_mib(rig_folder: Path, file: str) -> None:
    graph = load_graph(rig_folder / file).graph
    plan = plan_run(graph, "1", MACHINES[file])

    rings = sum(ring_layout(ring).size_bytes for machine in plan.machines for ring in machine.rings)
    control = sum(layout.size_bytes for layout in control_layouts("").values())

    assert rings + len(graph.nodes) * control < 64 << 20


@pytest.mark.parametrize("file", MACHINES)
def test_every_frame_comes_into_a_bin_once_in_order_and_unchanged(
    rig_folder: Path, file: str, tmp_path: Path
) -> None:
    status, said = run_up(rig_folder / file, "--set", "headstage.seconds=1.5", folder=tmp_path)

    assert status == 0, said.err
    nodes, edges = said.summary["nodes"], said.summary["edges"]
    checked = nodes["check"]["result"]
    assert nodes["headstage"]["result"] == {"frames": 1500}
    assert checked["frames"] == 1500 and checked["bins"] == sent_on(edges, "bins.bins")
    assert (checked["missing"], checked["out_of_order"], checked["wrong"]) == (0, 0, 0)
    assert checked["crossings"] > 1000 and nodes["features"]["unjoined"] == 0
    for edge in edges:
        assert edge["exact"] and edge["sent"] == edge["delivered"], edge
        assert edge["sent"] == (checked["bins"] if edge["from"] == "bins.bins" else 1500)
    crossing = [edge["to"] for edge in edges if edge["transport"] == "grpc"]
    assert len(crossing) == (5 if file == "two_machines.yaml" else 0)


def sent_on(edges: list[dict[str, Any]], output: str) -> int:
    return next(int(edge["sent"]) for edge in edges if edge["from"] == output)


def test_the_recording_is_an_excerpt_of_30_s(rig_folder: Path) -> None:
    samples = np.load(rig_folder / "data" / "emg_30s.npz")["samples"]

    assert samples.dtype == np.int16 and samples.shape == (30_000,)
    assert samples.min() > 2000 and samples.max() < 2100
