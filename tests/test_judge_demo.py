"""The verdict on the demo's two summaries."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest


def edge(target: str, transport: str, **fields: Any) -> dict[str, Any]:
    account = {
        "from": "a.b",
        "to": target,
        "transport": transport,
        "when_full": "block",
        "dropped": {},
        "in_flight": 0,
    }
    return {**account, "exact": True, "sent": 100, "delivered": 100, "rate_hz": 100.0, **fields}


def judge(repository: Path, folder: Path, *, rate_hz: float = 100.0, held: bool = True) -> tuple[int, str]:
    calibration = {"nodes": {"fit": {"result": {"r2": 0.95}}}, "edges": []}
    budget = {"from": "a.b", "to": "c.d", "p99_us": 20_000.0, "measured": {"p99": 30_000.0}}
    budget |= {"held": held, "verdict": "held" if held else "missed"}
    edges = [
        edge("binner.spikes", "ring", delivered=1000),
        edge("decoder.bins", "grpc", rate_hz=rate_hz),
    ]
    paths = [folder / "calibration.json", folder / "cursor.json"]
    for path, summary in zip(paths, [calibration, {"edges": edges, "budgets": [budget]}]):
        path.write_text(json.dumps(summary))
    command = [sys.executable, str(repository / "scripts" / "judge_demo.py"), *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(("rate_hz", "status"), [(97.9, 1), (98.1, 0), (101.9, 0), (102.1, 1)])
def test_bins_come_a_hundred_times_a_second(
    rate_hz: float, status: int, repository: Path, tmp_path: Path
) -> None:
    assert judge(repository, tmp_path, rate_hz=rate_hz)[0] == status


def test_a_missed_budget_is_a_note(repository: Path, tmp_path: Path) -> None:
    status, said = judge(repository, tmp_path, held=False)

    assert status == 0
    assert "note latency a.b -> c.d: p99 30.00 ms, over the budget of 20 ms on this computer" in said
    assert "ok   latency" in judge(repository, tmp_path)[1]
