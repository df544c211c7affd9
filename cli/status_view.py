"""The whole status of a graph, as `meshctl up` shows it while it runs and at its end."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from rtmesh.cli import tables
from rtmesh.cli.fitting import FittingTable
from rtmesh.v1 import status_pb2


def status_view(status: status_pb2.GraphStatus) -> RenderableType:
    """All tables of a status."""
    phase = tables.phase_name(status.phase)
    style = tables.style_of(phase)
    head = Text.assemble((status.name, "bold"), "  ", (phase, style), f"  {status.reason}")
    parts: list[RenderableType] = [head, node_table(status), edge_table(status)]
    if status.budgets:
        parts.append(budget_table(status))
    return Group(*parts)


def node_table(status: status_pb2.GraphStatus) -> FittingTable:
    columns = ["node", "machine", "state", ">restarts", ">steps", ">overruns", ">cpu", ">memory", "reason"]
    gives_way = ["overruns", "memory", "cpu", "restarts"]
    return FittingTable(
        columns, [_node_row(node) for node in status.nodes], gives_way=gives_way, folds=["reason"]
    )


def edge_table(status: status_pb2.GraphStatus) -> FittingTable:
    columns = ["edge", "transport", ">sent", ">delivered", ">dropped", ">in flight", ">rate"]
    gives_way = ["p50", "max", "rate", "transport"]
    return FittingTable(
        [*columns, ">p50", ">p99", ">max"],
        [_edge_row(edge) for edge in status.edges],
        gives_way=gives_way,
        folds=["dropped"],
    )


def budget_table(status: status_pb2.GraphStatus) -> FittingTable:
    columns = ["latency budget", ">allowed p99", ">p50", ">p99", ">max", "held"]
    return FittingTable(columns, [_budget_row(item) for item in status.budgets], gives_way=["p50", "max"])


def _node_row(node: status_pb2.NodeStatus) -> list[str | Text]:
    state = tables.node_state(node)
    return [
        node.name,
        node.machine or "-",
        Text(state, style="" if state == "-" else tables.style_of(state)),
        str(node.restarts),
        str(node.steps),
        str(node.overruns),
        f"{node.loop.cpu_percent:.0f} %",
        f"{node.loop.memory_bytes / 2**20:.0f} MiB",
        Text(tables.shortened(node.reason)),
    ]


def _edge_row(edge: status_pb2.EdgeStatus) -> list[str | Text]:
    return [
        " -> ".join(tables.edge_ends(edge.edge)),
        tables.transport_name(edge.transport),
        str(edge.sent),
        str(edge.delivered),
        tables.dropped_text(edge),
        str(edge.in_flight),
        f"{edge.rate_hz:.1f} Hz",
        *tables.latency_cells(edge.latency),
    ]


def _budget_row(item: status_pb2.BudgetStatus) -> list[str | Text]:
    budget = item.budget
    return [
        f"{budget.from_node}.{budget.from_port} -> {budget.to_node}.{budget.to_port}",
        tables.microseconds(budget.p99_us),
        *tables.latency_cells(item.measured),
        tables.held_word(item),
    ]
