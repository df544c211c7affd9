"""`make lab`: the cursor graph over three computers in one box, and whether what was promised is true."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from running import REPOSITORY

from lab.box import NAMESPACES
from lab.clocks import ClockError
from lab.cluster import Lab
from lab.network import DESK, HOSTS
from lab.verdict import FAIL, Finding, judge, verdict_of

GRAPH = "graphs/cursor/graph.yaml"
CALIBRATION = "graphs/cursor/calibration.yaml"
WEIGHTS = REPOSITORY / "graphs" / "cursor" / "data" / "weights.npz"
READING_NS = 2000  # how exactly a clock page can be read
FINAL = """
import json, sys, time
from rtmesh.cli.summary import summary_of
from rtmesh.client import Client
with Client(sys.argv[1]) as client:
    client.stop(sys.argv[2])
    *_, last = client.watch(sys.argv[2])
    print(json.dumps(summary_of(last)))
"""


def run(seconds: float) -> int:
    """Build, apply from the desk, look, stop, delete, remove, judge; 0 if every promise was kept."""
    made = Lab(HOSTS)
    try:
        _say("brand, gpc and sim: namespaces behind a switch, clocks minutes apart")
        made.build()
        made.start()
        findings = [*_work(made, seconds)]
    finally:
        made.close()
    findings += left_behind(made)
    _say("what was promised")
    for verdict, text in findings:
        print(f"{verdict:4} {text}", flush=True)
    return 1 if FAIL in [verdict for verdict, _ in findings] else 0


def _work(made: Lab, seconds: float) -> list[Finding]:
    if not WEIGHTS.exists():
        _say("the decoder has no weights yet: calibrate first")
        print(made.meshctl("up", CALIBRATION, timeout_s=180))
    _say(f"at the desk: meshctl apply -f {GRAPH} --set pointer.source=autopilot --wait")
    print(made.meshctl("apply", "-f", GRAPH, "--set", "pointer.source=autopilot", "--wait"), end="")
    # A graph that fails ends the wait; that it does not is told by exit status 1, after the time.
    made.meshctl(
        "wait", "cursor", "--for", "failed", "--timeout", f"{seconds:g}s", status=1, timeout_s=seconds + 30
    )
    for kind in ("machines", "nodes", "edges"):
        _say(f"meshctl get {kind}, after {seconds:g} s")
        print(made.meshctl("get", kind), end="")
    clocks = made.clock_errors()
    summary = stop(made, "cursor")
    _say("the accounts at rest, and meshctl delete cursor")
    _show_accounts(summary)
    print(made.meshctl("delete", "cursor"), end="")
    return [*judge(summary), *_judge_clocks(made, clocks)]


def stop(made: Lab, graph: str) -> dict[str, Any]:
    """Drain and stop a graph; its summary, with the final accounts. It stays known to the scheduler."""
    done = made.inside(DESK, sys.executable, "-c", FINAL, made.address, graph)
    assert done.returncode == 0, done.stderr
    summary: dict[str, Any] = json.loads(done.stdout)
    return summary


def left_behind(made: Lab) -> list[Finding]:
    """What is still there of a laboratory that was closed."""
    own = f"{made.box.name}."
    left = [path.name for path in NAMESPACES.iterdir() if path.name.startswith(own)]
    left += [f"process {process_id}" for process_id in made.box.processes()]
    left += [f"segment {name}" for name in made.left_segments()]
    left += [str(made.folder)] if made.folder.exists() else []
    left += [
        path.name for path in Path("/sys/class/net").iterdir() if path.name.startswith(("port-", "tap-"))
    ]
    told = (
        f"left behind: {', '.join(left)}"
        if left
        else "nothing is left: no namespace, process, segment, folder"
    )
    return [(verdict_of(not left), told)]


def _judge_clocks(made: Lab, clocks: dict[str, ClockError]) -> list[Finding]:
    """Whoever set the clocks knows what mesh time should say."""
    findings = []
    for host, (error_ns, bound_ns) in clocks.items():
        text = (
            f"clock of {host}, {made.network.clock_s[host]} s later than this computer's: mesh time off by "
            f"{error_ns / 1000:+.0f} us, own bound {bound_ns / 1000:.0f} us"
        )
        findings.append((verdict_of(abs(error_ns) <= bound_ns + READING_NS), text))
    return findings


def _show_accounts(summary: dict[str, Any]) -> None:
    for edge in summary["edges"]:
        dropped = sum(edge["dropped"].values())
        name = f"{edge['from']} -> {edge['to']}"
        print(f"  {name:40} {edge['transport']}  {edge['sent']} sent = {edge['delivered']} delivered", end="")
        print(f" + {dropped} dropped + {edge['in_flight']} in flight")


def _say(text: str) -> None:
    print(f"\n== {text}", flush=True)
