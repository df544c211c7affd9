"""What a graph takes of shared memory is known from its file, to the byte."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rtmesh.common import control
from rtmesh.common.memory import control_bytes, ring_layout
from rtmesh.graph.load import load_graph
from rtmesh.graph.memory import ANY_MACHINE, graph_memory, graph_problems, human_bytes, machine_memory
from rtmesh.graph.plan import plan_run
from rtmesh.graph.problems import GraphError
from rtmesh.shm import create_ring, list_segments, unlink_segment
from rtmesh.v1 import graph_pb2

REPOSITORY = Path(__file__).parent.parent.parent
GRAPHS = [path.parent for path in (REPOSITORY / "graphs").glob("*/graph.yaml")]


@pytest.mark.parametrize("folder", GRAPHS, ids=lambda folder: folder.name)
def test_the_need_is_what_the_segments_take(folder):
    graph = load_graph(folder).graph
    prefix = f"rtmesh.{os.getuid()}.test-memory.{os.getpid()}"
    try:
        for memory, plan in zip(graph_memory(graph), plan_run(graph, "", machines_of(graph)).machines):
            layouts = [ring_layout(ring) for ring in plan.rings]
            for _ in plan.nodes:
                layouts += control.control_layouts("").values()
            for number, layout in enumerate(layouts):
                create_ring(f"{prefix}.{memory.machine}.{number}", layout)
            made = list_segments(f"{prefix}.{memory.machine}.")
            taken = sum(Path("/dev/shm", name).stat().st_blocks * 512 for name in made)
            assert (len(made), taken) == (len(layouts), memory.total_bytes)
    finally:
        for name in list_segments(prefix):
            unlink_segment(name)


def machines_of(graph: graph_pb2.Graph) -> list[str]:
    return [memory.machine for memory in graph_memory(graph)]


def edge(to: str) -> graph_pb2.Edge:
    block = graph_pb2.WHEN_FULL_BLOCK
    return graph_pb2.Edge(from_node="a", from_port="out", to_node=to, to_port="in", when_full=block, queue=4)


def fan_out(readers: int, max_bytes: int = 64) -> graph_pb2.Graph:
    port = graph_pb2.Port(name="out", max_bytes=max_bytes)
    nodes = [graph_pb2.Node(name="a", outputs=[port])]
    names = [f"b{number}" for number in range(readers)]
    nodes += [
        graph_pb2.Node(name=name, inputs=[graph_pb2.Port(name="in", max_bytes=max_bytes)]) for name in names
    ]
    return graph_pb2.Graph(name="g", nodes=nodes, edges=[edge(name) for name in names])


def test_the_largest_rings_come_first_and_are_named_by_their_edges():
    (memory,) = graph_memory(fan_out(2, 100_000))

    assert memory.machine == ANY_MACHINE
    assert memory.rings[0][0] == "a.out -> b0.in, b1.in"
    ring, control_rings = human_bytes(memory.rings[0][1]), human_bytes(memory.control_bytes)
    assert memory.largest() == f"a.out -> b0.in, b1.in {ring}, control rings of 3 nodes {control_rings}"


def test_more_readers_than_a_ring_has_is_a_problem_with_a_remedy():
    assert graph_problems(fan_out(28)) == []

    (problem,) = graph_problems(fan_out(29))

    assert problem.path.startswith("a.out -> b0.in") and "29 readers" in problem.text
    assert "fewer readers" in problem.remedy


def test_a_loaded_graph_with_a_ring_that_cannot_be_is_refused(tmp_path, monkeypatch):
    from rtmesh.graph import load

    monkeypatch.setattr(load, "graph_problems", lambda graph: graph_problems(fan_out(29)))

    with pytest.raises(GraphError, match="29 readers"):
        load_graph(GRAPHS[0])


def test_a_need_is_the_sum_of_its_parts():
    (part,) = plan_run(fan_out(1), "", ["m"]).machines
    memory = machine_memory(part)

    assert memory.total_bytes == sum(size for _, size in memory.rings) + memory.control_bytes
    assert all(size % 4096 == 0 for _, size in memory.rings)


def test_sixty_four_mib_of_a_container_hold_a_hundred_nodes():
    assert 100 * control_bytes() < 64 << 20


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (64 << 20, "64.0 MiB"), (3 << 40, "3.0 TiB")],
)
def test_sizes_are_told_for_people(size, text):
    assert human_bytes(size) == text
