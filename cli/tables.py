"""A graph's status as tables for people."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from rtmesh.v1 import graph_pb2, status_pb2

_GOOD = {"running", "ended", "stopped", "ready", "completed"}
_BAD = {"failed", "stuck", "lost", "restarting"}


def state_name(value: int) -> str:
    """READY for NODE_STATE_READY, in lower case."""
    return status_pb2.NodeState.Name(value).removeprefix("NODE_STATE_").lower()


def phase_name(value: int) -> str:
    return status_pb2.GraphPhase.Name(value).removeprefix("GRAPH_PHASE_").lower()


def transport_name(value: int) -> str:
    """ring or grpc; "-" while the graph was not placed."""
    if value == graph_pb2.TRANSPORT_UNSPECIFIED:
        return "-"
    return graph_pb2.Transport.Name(value).removeprefix("TRANSPORT_").lower()


def policy_name(value: int) -> str:
    return graph_pb2.WhenFull.Name(value).removeprefix("WHEN_FULL_").lower()


def edge_ends(edge: graph_pb2.Edge) -> tuple[str, str]:
    """NODE.PORT of both ends."""
    return f"{edge.from_node}.{edge.from_port}", f"{edge.to_node}.{edge.to_port}"


def microseconds(value: float) -> str:
    """A time that a person can read: 812 us, 3.41 ms, 1.20 s."""
    if value < 1000:
        return f"{value:.0f} us"
    return f"{value / 1000:.2f} ms" if value < 1_000_000 else f"{value / 1_000_000:.2f} s"


def latency_cells(summary: status_pb2.LatencySummary) -> list[str]:
    if summary.count == 0:
        return ["-", "-", "-"]
    return [microseconds(value) for value in (summary.p50_us, summary.p99_us, summary.max_us)]


def node_table(status: status_pb2.GraphStatus) -> Table:
    table = plain_table(
        "node", "machine", "state", ">restarts", ">steps", ">overruns", ">cpu", ">memory", "reason"
    )
    for node in status.nodes:
        table.add_row(
            node.name,
            node.machine,
            _state_text(state_name(node.state)),
            str(node.restarts),
            str(node.steps),
            str(node.overruns),
            f"{node.loop.cpu_percent:.0f} %",
            f"{node.loop.memory_bytes / 2**20:.0f} MiB",
            Text(shortened(node.reason)),
        )
    return table


def edge_table(status: status_pb2.GraphStatus) -> Table:
    table = plain_table(
        "edge", "transport", ">sent", ">delivered", ">dropped", ">in flight", ">rate", ">p50", ">p99", ">max"
    )
    for edge in status.edges:
        source, target = edge_ends(edge.edge)
        table.add_row(
            f"{source} -> {target}",
            transport_name(edge.transport),
            str(edge.sent),
            str(edge.delivered),
            dropped_text(edge),
            str(edge.in_flight),
            f"{edge.rate_hz:.1f} Hz",
            *latency_cells(edge.latency),
        )
    return table


def budget_table(status: status_pb2.GraphStatus) -> Table:
    table = plain_table("latency budget", ">allowed p99", ">p50", ">p99", ">max", "held")
    for item in status.budgets:
        budget = item.budget
        table.add_row(
            f"{budget.from_node}.{budget.from_port} -> {budget.to_node}.{budget.to_port}",
            microseconds(budget.p99_us),
            *latency_cells(item.measured),
            held_word(item),
        )
    return table


def held_word(item: status_pb2.BudgetStatus) -> str:
    if item.measured.count == 0:
        return "not measured"
    return "yes" if item.held else "no"


def status_view(status: status_pb2.GraphStatus) -> RenderableType:
    """All tables of a status."""
    phase = phase_name(status.phase)
    head = Text.assemble((status.name, "bold"), "  ", (phase, style_of(phase)), f"  {status.reason}")
    parts: list[RenderableType] = [head, node_table(status), edge_table(status)]
    if status.budgets:
        parts.append(budget_table(status))
    return Group(*parts)


def plain_table(*columns: str) -> Table:
    """A table without lines; a column that begins with ">" is set to the right."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column.lstrip(">"), justify="right" if column.startswith(">") else "left")
    return table


def shortened(text: str) -> str:
    """The first line, at most 60 characters: the whole stands below the tables."""
    line = text.partition("\n")[0]
    return line if len(line) <= 60 else f"{line[:59]}…"


def _state_text(state: str) -> Text:
    return Text(state.replace("_", " "), style=style_of(state))


def style_of(state: str) -> str:
    """The colour of a state or phase."""
    return "green" if state in _GOOD else "red" if state in _BAD else "yellow"


def dropped_text(edge: status_pb2.EdgeStatus) -> str:
    """How many were dropped for each reason."""
    reasons = [f"{count} {reason}" for reason, count in sorted(edge.dropped.items()) if count]
    return ", ".join(reasons) or "0"
