"""Plans of the good graph, and of small ones made by hand, on one to three machines."""

from __future__ import annotations

import pytest

from rtmesh.common.origins import origin_id
from rtmesh.graph.plan import edge_name, place_nodes, plan_run, required_machines
from rtmesh.graph.problems import PlanError
from rtmesh.v1 import graph_pb2, plan_pb2

BLOCK = graph_pb2.WHEN_FULL_BLOCK
LATEST = graph_pb2.WHEN_FULL_LATEST
DROP_OLDEST = graph_pb2.WHEN_FULL_DROP_OLDEST


def chain(*machines: str, queue: int = 64, when_full: int = BLOCK) -> graph_pb2.Graph:
    """Nodes n0 -> n1 -> ..., each with an input `in` and an output `out`, on these machines ("": any)."""
    graph = graph_pb2.Graph(name="chain", folder="/graphs/chain", python_path=["lib"], descriptors=b"d")
    for place, machine in enumerate(machines):
        node = graph.nodes.add(name=f"n{place}", machine=machine)
        node.inputs.add(name="in", max_bytes=100)
        node.outputs.add(name="out", max_bytes=200)
        if place:
            graph.edges.add(
                from_node=f"n{place - 1}",
                from_port="out",
                to_node=f"n{place}",
                to_port="in",
                when_full=when_full,
                queue=queue,
                hold_absent_ms=15_000,
            )
    return graph


def machine_of(plan: plan_pb2.RunPlan, name: str) -> plan_pb2.MachinePlan:
    [found] = [machine for machine in plan.machines if machine.machine == name]
    return found


def ring_of(machine: plan_pb2.MachinePlan, name: str) -> plan_pb2.RingPlan:
    [found] = [ring for ring in machine.rings if ring.name == name]
    return found


def node_of(machine: plan_pb2.MachinePlan, name: str) -> plan_pb2.NodePlan:
    [found] = [node for node in machine.nodes if node.node.name == name]
    return found


def names(items) -> list[str]:
    return [item.name for item in items]


def test_on_one_machine_every_edge_is_a_ring() -> None:
    plan = plan_run(chain("", "", ""), "run1", ["a"])

    [machine] = plan.machines
    assert (plan.graph, plan.run) == ("chain", "run1")
    assert names(machine.rings) == ["n0.out", "n0.in", "n1.out", "n2.out"]
    assert not machine.egress and not machine.ingress
    assert {edge.transport for edge in plan.edges} == {graph_pb2.TRANSPORT_RING}
    assert {edge.from_machine for edge in plan.edges} == {"a"}


def test_a_machine_gets_all_it_needs_to_run_its_part() -> None:
    [machine] = plan_run(chain(""), "run1", ["a"]).machines

    assert (machine.graph, machine.run, machine.folder) == ("chain", "run1", "/graphs/chain")
    assert list(machine.python_path) == ["lib"]
    assert machine.descriptors == b"d"


def test_every_machine_is_told_which_code_it_must_have() -> None:
    graph = chain("a", "b")
    graph.files.add(path="nodes.py", sha256=bytes(32))

    plan = plan_run(graph, "run1", ["a", "b"])

    assert [list(machine.files) for machine in plan.machines] == [list(graph.files)] * 2


def test_a_node_without_a_machine_goes_where_fewest_nodes_are_of_all_graphs() -> None:
    graph = chain("", "", "", "b")

    placement = place_nodes(graph, ["a", "b", "c"], {"a": 2, "gone": 9})

    assert placement == {"n0": "c", "n1": "b", "n2": "c", "n3": "b"}
    assert plan_run(graph, "run1", ["a", "b", "c"], {"a": 2}).machines[0].machine == "b"


def test_nodes_are_bound_to_the_rings_of_their_machine() -> None:
    [machine] = plan_run(chain("", ""), "run1", ["a"]).machines

    writer, reader = machine.nodes
    assert [(binding.port, binding.ring) for binding in writer.outputs] == [("out", "n0.out")]
    assert reader.inputs[0] == plan_pb2.InputBinding(port="in", ring="n0.out", reader=0, when_full=BLOCK)


def test_an_edge_between_machines_is_two_rings_and_a_stream() -> None:
    plan = plan_run(chain("a", "b", queue=100), "run1", ["a", "b"])

    left, right = machine_of(plan, "a"), machine_of(plan, "b")
    name = "n0.out -> n1.in"
    assert names(left.rings) == ["n0.out", "n0.in"]
    assert names(right.rings) == ["n1.out", "n1.in"]
    assert list(left.egress) == [
        plan_pb2.EgressPlan(edge=name, ring="n0.out", reader=0, when_full=BLOCK, to_machine="b")
    ]
    assert list(right.ingress) == [
        plan_pb2.IngressPlan(edge=name, ring="n1.in", from_machine="a", when_full=BLOCK, queue=100)
    ]
    assert node_of(right, "n1").inputs[0].ring == "n1.in"
    assert not node_of(right, "n1").inputs[0].is_free
    [edge] = plan.edges
    assert edge_name(edge.edge) == name
    assert edge.transport == graph_pb2.TRANSPORT_GRPC
    assert (edge.from_machine, edge.to_machine) == ("a", "b")


@pytest.mark.parametrize(("max_bytes", "own_lane"), [(64 * 1024, False), (64 * 1024 + 1, True)])
def test_an_edge_of_large_messages_has_a_lane_of_its_own_on_both_sides(
    max_bytes: int, own_lane: bool
) -> None:
    graph = chain("a", "b")
    graph.nodes[0].outputs[0].max_bytes = max_bytes

    plan = plan_run(graph, "run1", ["a", "b"])

    assert machine_of(plan, "a").egress[0].own_lane is own_lane
    assert machine_of(plan, "b").ingress[0].own_lane is own_lane


def test_the_queue_of_a_crossing_edge_is_the_same_on_both_sides() -> None:
    plan = plan_run(chain("a", "b", queue=100, when_full=DROP_OLDEST), "run1", ["a", "b"])

    egress = ring_of(machine_of(plan, "a"), "n0.out").readers[0]
    ingress = ring_of(machine_of(plan, "b"), "n1.in").readers[0]
    assert egress == ingress
    assert egress == plan_pb2.ReaderPlan(
        name="n1.in", when_full=DROP_OLDEST, queue=100, hold=4, hold_absent_ms=15_000
    )


def test_an_input_without_an_edge_is_fed_by_its_service() -> None:
    [machine] = plan_run(chain(""), "run1", ["a"]).machines

    assert node_of(machine, "n0").inputs[0] == plan_pb2.InputBinding(
        port="in", ring="n0.in", reader=0, when_full=BLOCK, is_free=True
    )
    ring = ring_of(machine, "n0.in")
    assert (ring.slot_bytes, ring.spare_readers) == (100, 0)
    assert list(ring.readers) == [
        plan_pb2.ReaderPlan(name="n0.in", when_full=BLOCK, queue=64, hold=4, hold_absent_ms=0)
    ]


@pytest.mark.parametrize(
    ("queue", "entries"), [(1, 16), (16, 16), (17, 32), (64, 64), (65, 128), (65536, 65536)]
)
def test_a_ring_has_a_power_of_two_of_entries(queue: int, entries: int) -> None:
    [machine] = plan_run(chain("", "", queue=queue), "run1", ["a"]).machines
    assert ring_of(machine, "n0.out").entries == entries


def test_a_ring_is_as_long_as_its_longest_reader_asks() -> None:
    graph = chain("", "", queue=20)
    graph.edges.add(
        from_node="n0",
        from_port="out",
        to_node="n0",
        to_port="in",
        when_full=LATEST,
        queue=1,
        hold_absent_ms=1,
    )
    [machine] = plan_run(graph, "run1", ["a"]).machines

    ring = ring_of(machine, "n0.out")
    assert ring.entries == 32
    assert names(ring.readers) == ["n1.in", "n0.in"]
    assert [binding.reader for node in machine.nodes for binding in node.inputs] == [1, 0]
    assert ring.spare_readers == 4


def test_an_output_nobody_reads_has_a_ring_for_taps() -> None:
    [machine] = plan_run(chain(""), "run1", ["a"]).machines

    ring = ring_of(machine, "n0.out")
    assert (ring.entries, ring.slot_bytes, ring.spare_readers) == (16, 200, 4)
    assert not ring.readers


def test_readers_near_and_far_share_the_ring_of_an_output() -> None:
    graph = chain("a", "a", "b")
    graph.edges[1].from_node = "n0"
    plan = plan_run(graph, "run1", ["a", "b"])

    left = machine_of(plan, "a")
    assert names(ring_of(left, "n0.out").readers) == ["n1.in", "n2.in"]
    assert node_of(left, "n1").inputs[0].reader == 0
    assert left.egress[0].reader == 1


def test_three_machines_get_their_parts_and_no_more() -> None:
    plan = plan_run(chain("a", "b", "c"), "run1", ["c", "b", "a", "idle"])

    assert [machine.machine for machine in plan.machines] == ["c", "b", "a"]
    assert [[node.node.name for node in machine.nodes] for machine in plan.machines] == [
        ["n2"],
        ["n1"],
        ["n0"],
    ]
    middle = machine_of(plan, "b")
    assert [stream.edge for stream in middle.ingress] == ["n0.out -> n1.in"]
    assert [stream.edge for stream in middle.egress] == ["n1.out -> n2.in"]


def test_budgets_are_measured_where_their_end_is_published(graph: graph_pb2.Graph) -> None:
    plan = plan_run(graph, "run1", ["left", "right"])

    origins = {ring.name: list(ring.budget_origins) for machine in plan.machines for ring in machine.rings}
    assert origins.pop("sink.target") == [origin_id("rig", "source", "samples")]
    assert not any(origins.values())


def test_budgets_keep_their_order() -> None:
    graph = chain("", "")
    for start in ("n0", "n1"):
        graph.budgets.add(from_node=start, from_port="out", to_node="n1", to_port="out")
    [machine] = plan_run(graph, "run1", ["a"]).machines

    expected = [origin_id("chain", "n0", "out"), origin_id("chain", "n1", "out")]
    assert list(ring_of(machine, "n1.out").budget_origins) == expected


def test_a_node_that_names_no_machine_goes_where_fewest_are() -> None:
    graph = chain("b", "", "", "", "b")
    assert place_nodes(graph, ["b", "a"]) == {"n0": "b", "n1": "a", "n2": "a", "n3": "a", "n4": "b"}


def test_of_machines_with_as_few_nodes_the_first_by_name_is_chosen() -> None:
    assert place_nodes(chain("", "", ""), ["c", "a", "b"]) == {"n0": "a", "n1": "b", "n2": "c"}


def test_the_same_graph_and_machines_give_the_same_plan(graph: graph_pb2.Graph) -> None:
    first = plan_run(graph, "run1", ["left", "right"])
    assert first == plan_run(graph, "run1", ["left", "right"])
    assert first.SerializeToString(deterministic=True) == plan_run(
        graph, "run1", ["left", "right"]
    ).SerializeToString(deterministic=True)


def test_the_machines_a_graph_names_are_required(graph: graph_pb2.Graph) -> None:
    assert required_machines(graph) == ["left", "right"]
    assert required_machines(chain("", "b", "", "b")) == ["b"]
    assert required_machines(chain("")) == []


def test_a_machine_that_has_not_joined_is_named(graph: graph_pb2.Graph) -> None:
    with pytest.raises(PlanError) as caught:
        plan_run(graph, "run1", ["left", "rihgt"])

    [problem] = caught.value.problems
    assert str(problem) == (
        "right: nodes.sink.machine: machine right has not joined; "
        "start `meshd --machine right`; did you mean rihgt?"
    )
    assert problem.to_proto().path == "nodes.sink.machine"


def test_without_machines_there_is_no_plan() -> None:
    with pytest.raises(PlanError, match="no machine has joined; start `meshd` on one"):
        plan_run(chain(""), "run1", [])


def test_every_ring_a_node_or_relay_is_bound_to_exists(graph: graph_pb2.Graph) -> None:
    for machines in (["left", "right"], ["left", "middle", "right"]):
        for machine in plan_run(graph, "run1", machines).machines:
            rings = {ring.name: ring for ring in machine.rings}
            assert len(rings) == len(machine.rings)
            readers = [(binding.ring, binding.reader) for node in machine.nodes for binding in node.inputs]
            readers += [(egress.ring, egress.reader) for egress in machine.egress]
            assert sorted(readers) == sorted(
                (ring.name, number) for ring in machine.rings for number in range(len(ring.readers))
            )
            writers = [binding.ring for node in machine.nodes for binding in node.outputs]
            writers += [ingress.ring for ingress in machine.ingress]
            writers += [b.ring for node in machine.nodes for b in node.inputs if b.is_free]
            assert sorted(writers) == sorted(rings)
