"""Say what the demo's two summaries show, and exit 1 if a promise was not kept."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

LEAST_BINS_HZ, MOST_BINS_HZ = 98.0, 102.0
# Kept, not kept, or not kept and no promise.
OK, FAIL, NOTE = "ok", "FAIL", "note"
Finding = tuple[str, str]


def main(calibration_path: str, cursor_path: str) -> int:
    calibration, cursor = (json.loads(Path(path).read_text()) for path in (calibration_path, cursor_path))
    findings = [*judge_calibration(calibration), *judge_loop(cursor), *judge_accounts(calibration, cursor)]
    for verdict, text in findings:
        print(f"{verdict:4} {text}")
    return 1 if FAIL in [verdict for verdict, _ in findings] else 0


def verdict_of(is_kept: bool) -> str:
    return OK if is_kept else FAIL


def judge_calibration(summary: dict[str, Any]) -> Iterator[Finding]:
    r2 = summary["nodes"]["fit"]["result"]["r2"]
    yield verdict_of(r2 > 0.9), f"calibration: held-out R2 {r2:.3f}, wanted above 0.9"


def judge_loop(summary: dict[str, Any]) -> Iterator[Finding]:
    edges = {edge["to"]: edge for edge in summary["edges"]}
    spikes, bins = edges["binner.spikes"], edges["decoder.bins"]
    rate_hz = bins["rate_hz"]
    in_time = verdict_of(LEAST_BINS_HZ <= rate_hz <= MOST_BINS_HZ)
    yield in_time, f"bins: {rate_hz:.1f} a second, wanted {LEAST_BINS_HZ:g} to {MOST_BINS_HZ:g}"
    exact = verdict_of(bins["sent"] == spikes["delivered"] // 10)
    yield exact, f"bins: {bins['sent']} from {spikes['delivered']} spike messages, ten each"
    transports = {edge["transport"] for edge in summary["edges"]}
    yield verdict_of(transports == {"ring", "grpc"}), f"transports in use: {', '.join(sorted(transports))}"
    for budget in summary["budgets"]:
        yield judge_budget(budget)


def judge_budget(budget: dict[str, Any]) -> Finding:
    """A budget depends on the computer: to miss it is told, not to have measured it is a fault."""
    path, p99_us = f"latency {budget['from']} -> {budget['to']}", budget["measured"]["p99"]
    if p99_us is None:
        return FAIL, f"{path}: not measured"
    words = {
        "held": "budget held",
        "unknown": f"the clocks are too far off to judge the budget of {budget['p99_us'] / 1000:g} ms",
        "missed": f"over the budget of {budget['p99_us'] / 1000:g} ms on this computer",
    }[budget["verdict"]]
    error_us = budget["measured"].get("error")
    error = "" if error_us is None else f" ± {math.ceil(error_us / 10) / 100:.2f}"
    return OK if budget["held"] else NOTE, f"{path}: p99 {p99_us / 1000:.2f} ms{error}, {words}"


def judge_accounts(*summaries: dict[str, Any]) -> Iterator[Finding]:
    edges = [edge for summary in summaries for edge in summary["edges"]]
    whole = all(edge["exact"] and edge["in_flight"] == 0 for edge in edges)
    yield verdict_of(whole), f"accounts: all {len(edges)} edges add up, and nothing is left in flight"
    blocking = [edge for edge in edges if edge["when_full"] == "block"]
    lossy = [edge for edge in blocking if any(edge["dropped"].values())]
    names = ", ".join(f"{edge['from']} -> {edge['to']}" for edge in lossy)
    yield verdict_of(not lossy), f"drops on blocking edges: {names or 'none'}"


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
