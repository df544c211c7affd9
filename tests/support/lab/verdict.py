"""Whether a run over several machines kept what was promised, from its summary."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from running import REPOSITORY

sys.path.append(str(REPOSITORY / "scripts"))
from judge_demo import FAIL, Finding, judge_accounts, judge_loop, verdict_of  # noqa: E402

__all__ = ["FAIL", "Finding", "judge", "verdict_of"]


def judge(summary: dict[str, Any]) -> list[Finding]:
    """Of the cursor graph: rates, budgets, accounts and transports."""
    return [
        *judge_loop(summary),
        *judge_accounts(summary),
        *judge_transports(summary),
        *judge_latencies(summary),
    ]


def judge_transports(summary: dict[str, Any]) -> Iterator[Finding]:
    """A ring inside a machine, gRPC between two."""
    wrong = [edge for edge in summary["edges"] if edge["transport"] != wanted_transport(summary, edge)]
    names = ", ".join(f"{edge['from']} -> {edge['to']} by {edge['transport']}" for edge in wrong)
    yield verdict_of(not wrong), f"transports: {names or 'rings inside machines, gRPC between them'}"


def judge_latencies(summary: dict[str, Any]) -> Iterator[Finding]:
    """A message that took no time crossed machines whose clocks are off by more than it took."""
    for edge in summary["edges"]:
        latency_us = edge["latency_us"]
        if edge["transport"] == "grpc" and latency_us["p50"] is not None and latency_us["p50"] < 1:
            name = f"{edge['from']} -> {edge['to']}"
            yield "note", f"latency of {name}: p50 0 us shown, which its clocks cannot know"


def wanted_transport(summary: dict[str, Any], edge: dict[str, Any]) -> str:
    """What joins the machines of an edge's two nodes."""
    ends = (edge["from"].split(".")[0], edge["to"].split(".")[0])
    return "ring" if len({summary["nodes"][node]["machine"] for node in ends}) == 1 else "grpc"
