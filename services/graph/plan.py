"""A checked graph and the machines at hand -> one run: nodes placed, rings and streams laid out.

    edge on one machine      writer ──ring WRITER.PORT──> reader
    edge between machines    writer ──ring WRITER.PORT──> relay ══> relay ──ring READER.PORT──> reader
    input without an edge    service ──ring READER.PORT──> reader

Pure: no I/O, no clock; the same graph and machines give the same plan.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from rtmesh.common.origins import origin_id
from rtmesh.graph.names import did_you_mean
from rtmesh.graph.precedence import time_slices_us
from rtmesh.graph.problems import PlanError, Problem
from rtmesh.v1 import graph_pb2, plan_pb2

FEWEST_ENTRIES = 16
# Above this a message would keep the small edges that share a lane waiting.
LARGE_MESSAGE_BYTES = 64 * 1024
HOLD = 4
SPARE_READERS = 4
FREE_INPUT_QUEUE = 64

Placement = Mapping[str, str]


def edge_name(edge: graph_pb2.Edge) -> str:
    """The name of an edge everywhere: pointer.velocity -> simulator.velocity."""
    return f"{output_name(edge)} -> {input_name(edge)}"


def output_name(edge: graph_pb2.Edge) -> str:
    return f"{edge.from_node}.{edge.from_port}"


def input_name(edge: graph_pb2.Edge) -> str:
    return f"{edge.to_node}.{edge.to_port}"


def required_machines(graph: graph_pb2.Graph) -> list[str]:
    """The machines that the graph names, in file order; empty if it names none."""
    return list(dict.fromkeys(node.machine for node in graph.nodes if node.machine))


def plan_run(
    graph: graph_pb2.Graph, run: str, machines: Sequence[str], nodes_carried: Mapping[str, int] | None = None
) -> plan_pb2.RunPlan:
    """Plan one run.

    Args:
        graph: a checked graph.
        run: names the run, unique on the mesh.
        machines: names of the machines that have joined.
        nodes_carried: how many nodes of other graphs each machine carries.
    Raises:
        PlanError: a machine that the graph names is not among them, or there is none at all.
    """
    placement = place_nodes(graph, machines, nodes_carried)
    edges = [_edge_plan(edge, placement) for edge in graph.edges]
    used = [machine for machine in dict.fromkeys(machines) if machine in placement.values()]
    slices_us = time_slices_us(graph)
    carried = [_machine_plan(graph, run, machine, placement, edges, slices_us) for machine in used]
    return plan_pb2.RunPlan(graph=graph.name, run=run, machines=carried, edges=edges)


def place_nodes(
    graph: graph_pb2.Graph, machines: Sequence[str], nodes_carried: Mapping[str, int] | None = None
) -> dict[str, str]:
    """Machine of every node: the one it names, else the one with fewest nodes (of those, by name).

    The nodes that a machine carries for other graphs count like those of this one.
    """
    missing = [name for name in required_machines(graph) if name not in machines]
    if missing or not machines:
        raise PlanError(_missing_machines(graph, missing, machines))
    placement = {node.name: node.machine for node in graph.nodes if node.machine}
    load = Counter(nodes_carried or {})
    load.update(placement.values())
    for node in graph.nodes:
        if not node.machine:
            machine = min(machines, key=lambda name: (load[name], name))
            placement[node.name] = machine
            load[machine] += 1
    return placement


def _missing_machines(graph: graph_pb2.Graph, missing: list[str], machines: Sequence[str]) -> list[Problem]:
    if not missing:
        return [Problem("", "", "no machine has joined", "start `meshd` on one")]
    return [
        Problem(
            node.machine,
            f"nodes.{node.name}.machine",
            f"machine {node.machine} has not joined",
            f"start `meshd --machine {node.machine}`; {did_you_mean(node.machine, machines)}".rstrip("; "),
        )
        for node in graph.nodes
        if node.machine in missing
    ]


def _edge_plan(edge: graph_pb2.Edge, placement: Placement) -> plan_pb2.EdgePlan:
    from_machine, to_machine = placement[edge.from_node], placement[edge.to_node]
    transport = graph_pb2.TRANSPORT_RING if from_machine == to_machine else graph_pb2.TRANSPORT_GRPC
    return plan_pb2.EdgePlan(edge=edge, transport=transport, from_machine=from_machine, to_machine=to_machine)


def _machine_plan(
    graph: graph_pb2.Graph,
    run: str,
    machine: str,
    placement: Placement,
    edges: Sequence[plan_pb2.EdgePlan],
    slices_us: Mapping[str, int],
) -> plan_pb2.MachinePlan:
    nodes = [node for node in graph.nodes if placement[node.name] == machine]
    plan = plan_pb2.MachinePlan(
        machine=machine,
        graph=graph.name,
        run=run,
        folder=graph.folder,
        python_path=graph.python_path,
        descriptors=graph.descriptors,
        files=graph.files,
        nodes=[_node_plan(node, edges, slices_us[node.name]) for node in nodes],
    )
    for node in nodes:
        plan.rings.extend(_output_ring(graph, node, port) for port in node.outputs)
        plan.rings.extend(
            _filled_ring(node, port, edges) for port in node.inputs if _has_own_ring(node, port, edges)
        )
    crossing = [edge for edge in edges if edge.transport == graph_pb2.TRANSPORT_GRPC]
    plan.egress.extend(_egress(edge, edges, graph) for edge in crossing if edge.from_machine == machine)
    plan.ingress.extend(_ingress(edge, graph) for edge in crossing if edge.to_machine == machine)
    return plan


def _node_plan(node: graph_pb2.Node, edges: Sequence[plan_pb2.EdgePlan], slice_us: int) -> plan_pb2.NodePlan:
    outputs = [plan_pb2.OutputBinding(port=port.name, ring=_ring_name(node, port)) for port in node.outputs]
    inputs = [_input_binding(node, port, edges) for port in node.inputs]
    return plan_pb2.NodePlan(node=node, outputs=outputs, inputs=inputs, time_slice_us=slice_us)


def _input_binding(
    node: graph_pb2.Node, port: graph_pb2.Port, edges: Sequence[plan_pb2.EdgePlan]
) -> plan_pb2.InputBinding:
    feeding = _feeding(node, port, edges)
    binding = plan_pb2.InputBinding(port=port.name, ring=_ring_name(node, port))
    if feeding is None:
        binding.when_full, binding.is_free = graph_pb2.WHEN_FULL_BLOCK, True
        return binding
    binding.when_full = feeding.edge.when_full
    if feeding.transport == graph_pb2.TRANSPORT_RING:
        binding.ring, binding.reader = output_name(feeding.edge), _reader_number(feeding.edge, edges)
    return binding


def _feeding(
    node: graph_pb2.Node, port: graph_pb2.Port, edges: Sequence[plan_pb2.EdgePlan]
) -> plan_pb2.EdgePlan | None:
    name = _ring_name(node, port)
    return next((edge for edge in edges if input_name(edge.edge) == name), None)


def _reader_number(edge: graph_pb2.Edge, edges: Sequence[plan_pb2.EdgePlan]) -> int:
    """Place of an edge among those that leave its output: its reader in the output's ring."""
    leaving = [other.edge for other in edges if output_name(other.edge) == output_name(edge)]
    return [input_name(other) for other in leaving].index(input_name(edge))


def _has_own_ring(node: graph_pb2.Node, port: graph_pb2.Port, edges: Sequence[plan_pb2.EdgePlan]) -> bool:
    feeding = _feeding(node, port, edges)
    return feeding is None or feeding.transport == graph_pb2.TRANSPORT_GRPC


def _output_ring(graph: graph_pb2.Graph, node: graph_pb2.Node, port: graph_pb2.Port) -> plan_pb2.RingPlan:
    name = _ring_name(node, port)
    ring = _ring(name, port, [_reader(edge) for edge in graph.edges if output_name(edge) == name])
    ring.spare_readers = SPARE_READERS
    ring.budget_origins.extend(
        origin_id(graph.name, budget.from_node, budget.from_port)
        for budget in graph.budgets
        if f"{budget.to_node}.{budget.to_port}" == name
    )
    return ring


def _filled_ring(
    node: graph_pb2.Node, port: graph_pb2.Port, edges: Sequence[plan_pb2.EdgePlan]
) -> plan_pb2.RingPlan:
    """The ring of one input that a relay fills, or, without an edge, the node's service."""
    feeding = _feeding(node, port, edges)
    name = _ring_name(node, port)
    return _ring(name, port, [_reader(feeding.edge) if feeding is not None else _free_reader(name)])


def _ring(name: str, port: graph_pb2.Port, readers: Sequence[plan_pb2.ReaderPlan]) -> plan_pb2.RingPlan:
    longest = max([FEWEST_ENTRIES, *(reader.queue for reader in readers)])
    entries = 1 << (longest - 1).bit_length()
    return plan_pb2.RingPlan(name=name, entries=entries, slot_bytes=port.max_bytes, readers=readers)


def _reader(edge: graph_pb2.Edge) -> plan_pb2.ReaderPlan:
    """The same on both sides of a crossing edge, so that its queue is the same end to end."""
    return plan_pb2.ReaderPlan(
        name=input_name(edge),
        when_full=edge.when_full,
        queue=edge.queue,
        hold=HOLD,
        hold_absent_ms=edge.hold_absent_ms,
    )


def _free_reader(name: str) -> plan_pb2.ReaderPlan:
    # hold_absent 0: a loop that dies must not keep an outside client waiting.
    return plan_pb2.ReaderPlan(
        name=name, when_full=graph_pb2.WHEN_FULL_BLOCK, queue=FREE_INPUT_QUEUE, hold=HOLD, hold_absent_ms=0
    )


def _egress(
    edge: plan_pb2.EdgePlan, edges: Sequence[plan_pb2.EdgePlan], graph: graph_pb2.Graph
) -> plan_pb2.EgressPlan:
    return plan_pb2.EgressPlan(
        edge=edge_name(edge.edge),
        ring=output_name(edge.edge),
        reader=_reader_number(edge.edge, edges),
        when_full=edge.edge.when_full,
        to_machine=edge.to_machine,
        own_lane=_is_large(edge.edge, graph),
    )


def _ingress(edge: plan_pb2.EdgePlan, graph: graph_pb2.Graph) -> plan_pb2.IngressPlan:
    return plan_pb2.IngressPlan(
        edge=edge_name(edge.edge),
        ring=input_name(edge.edge),
        from_machine=edge.from_machine,
        when_full=edge.edge.when_full,
        queue=edge.edge.queue,
        own_lane=_is_large(edge.edge, graph),
    )


def _is_large(edge: graph_pb2.Edge, graph: graph_pb2.Graph) -> bool:
    """Whether one of its messages may keep the small edges between two machines waiting."""
    ports = (port for node in graph.nodes if node.name == edge.from_node for port in node.outputs)
    return any(port.name == edge.from_port and port.max_bytes > LARGE_MESSAGE_BYTES for port in ports)


def _ring_name(node: graph_pb2.Node, port: graph_pb2.Port) -> str:
    return f"{node.name}.{port.name}"
