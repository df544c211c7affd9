"""Say what the demo's two summaries show, and exit 1 if a promise was not kept."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Finding = tuple[bool, str]


def main(calibration_path: str, cursor_path: str) -> int:
    calibration, cursor = (json.loads(Path(path).read_text()) for path in (calibration_path, cursor_path))
    findings = [*judge_calibration(calibration), *judge_loop(cursor), *judge_accounts(calibration, cursor)]
    for good, text in findings:
        print(f"{'ok  ' if good else 'FAIL'} {text}")
    return 0 if all(good for good, _ in findings) else 1


def judge_calibration(summary: dict[str, Any]) -> Iterator[Finding]:
    r2 = summary["nodes"]["fit"]["result"]["r2"]
    yield r2 > 0.9, f"calibration: held-out R2 {r2:.3f}, wanted above 0.9"


def judge_loop(summary: dict[str, Any]) -> Iterator[Finding]:
    edges = {edge["to"]: edge for edge in summary["edges"]}
    spikes, bins = edges["binner.spikes"], edges["decoder.bins"]
    rate_hz = bins["rate_hz"]
    yield abs(rate_hz - 100) < 5, f"bins: {rate_hz:.1f} a second, wanted 100"
    exact = bins["sent"] == spikes["delivered"] // 10
    yield exact, f"bins: {bins['sent']} from {spikes['delivered']} spike messages, ten each"
    transports = {edge["transport"] for edge in summary["edges"]}
    yield transports == {"ring", "grpc"}, f"transports in use: {', '.join(sorted(transports))}"
    for budget in summary["budgets"]:
        p99_us = budget["measured"]["p99"]
        words = "not measured" if p99_us is None else f"p99 {p99_us / 1000:.2f} ms"
        verdict = "held" if budget["held"] else "missed on this computer"
        yield p99_us is not None, f"latency {budget['from']} -> {budget['to']}: {words}, budget {verdict}"


def judge_accounts(*summaries: dict[str, Any]) -> Iterator[Finding]:
    edges = [edge for summary in summaries for edge in summary["edges"]]
    yield all(edge["exact"] for edge in edges), f"accounts: all {len(edges)} edges add up"
    blocking = [edge for edge in edges if edge["when_full"] == "block"]
    lossy = [edge for edge in blocking if any(edge["dropped"].values())]
    names = ", ".join(f"{edge['from']} -> {edge['to']}" for edge in lossy)
    yield not lossy, f"drops on blocking edges: {names or 'none'}"


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
