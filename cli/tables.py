"""The words and cells of tables for people."""

from __future__ import annotations

import math

from rich.table import Table

from rtmesh.cli.clocks import error_text
from rtmesh.v1 import graph_pb2, status_pb2

_GOOD = {"running", "ended", "stopped", "ready", "completed"}
_BAD = {"failed", "stuck", "lost", "restarting"}


def state_name(value: int) -> str:
    """READY for NODE_STATE_READY, in lower case."""
    return status_pb2.NodeState.Name(value).removeprefix("NODE_STATE_").lower()


def node_state(node: status_pb2.NodeStatus) -> str:
    """The state as people read it: "setting up"; "-" before anything was told."""
    if node.state == status_pb2.NODE_STATE_UNSPECIFIED:
        return "-"
    return state_name(node.state).replace("_", " ")


def phase_name(value: int) -> str:
    return status_pb2.GraphPhase.Name(value).removeprefix("GRAPH_PHASE_").lower()


def transport_name(value: int) -> str:
    """ring or grpc; "-" while the graph was not placed."""
    if value == graph_pb2.TRANSPORT_UNSPECIFIED:
        return "-"
    return graph_pb2.Transport.Name(value).removeprefix("TRANSPORT_").lower()


def verdict_name(item: status_pb2.BudgetStatus) -> str:
    """held, missed, unknown or "not measured"."""
    if item.verdict == status_pb2.BUDGET_VERDICT_UNSPECIFIED and item.measured.count:
        return "held" if item.held else "missed"  # told before there were verdicts, and stored
    name = status_pb2.BudgetVerdict.Name(item.verdict or status_pb2.BUDGET_VERDICT_NOT_MEASURED)
    return name.removeprefix("BUDGET_VERDICT_").lower().replace("_", " ")


def policy_name(value: int) -> str:
    return graph_pb2.WhenFull.Name(value).removeprefix("WHEN_FULL_").lower()


def keep_awake_name(value: int) -> str | None:
    """off, idle or now; None while it is not known."""
    name = status_pb2.KeepAwake.Name(value).removeprefix("KEEP_AWAKE_").lower()
    return None if name == "unspecified" else name


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
    error_us = summary.error_us if summary.HasField("error_us") else None
    return [with_error(value, error_us) for value in (summary.p50_us, summary.p99_us, summary.max_us)]


def with_error(value: float, error: float | None) -> str:
    """2.31 ms ± 0.08, both in microseconds: the error in the same unit, rounded up; None: there is none."""
    text = microseconds(value)
    if error is None:
        return text
    if text.endswith(" us"):
        return f"{text} ± {math.ceil(error)}"
    hundredth = 10 if text.endswith(" ms") else 10_000
    return f"{text} ± {math.ceil(error / hundredth) / 100:.2f}"


def held_word(item: status_pb2.BudgetStatus) -> str:
    """yes, no, or why neither is known."""
    name = verdict_name(item)
    if name == "unknown":
        return f"unknown ({error_text(math.ceil(item.measured.error_us * 1000))})"
    return {"held": "yes", "missed": "no"}.get(name, name)


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


def style_of(state: str) -> str:
    """The colour of a state or phase."""
    return "green" if state in _GOOD else "red" if state in _BAD else "yellow"


def dropped_text(edge: status_pb2.EdgeStatus) -> str:
    """How many were dropped for each reason."""
    reasons = [f"{count} {reason}" for reason, count in sorted(edge.dropped.items()) if count]
    return ", ".join(reasons) or "0"
