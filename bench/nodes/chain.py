"""BRAND's own test on rtmesh: 61,440 bytes at 1 kHz through 1 to 4 nodes, run by `meshctl up`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from bench.nodes.hops import BLOCK_BYTES, Chain, read_chain

GRAPH = Path(__file__).parent / "graph"
# -P: as the installed command, which does not look for modules in the working folder.
MESHCTL = [sys.executable, "-P", "-c", "from rtmesh.cli.meshctl import main; main()"]
START_AND_STOP_S = 60


def run_rtmesh(folder: Path, nodes: int, rate_hz: int, seconds: float, options: Sequence[str] = ()) -> Chain:
    """One run, with `options` of meshctl up.

    RuntimeError with what meshctl said if it fails, or if an account does not add up.
    """
    count, path = int(rate_hz * seconds), folder / "rows"
    graph = folder / "graph.yaml"
    graph.write_text(graph_text(nodes, rate_hz, count, path))
    summary = folder / "summary.json"
    command = [*MESHCTL, "up", str(graph), "--summary", str(summary), *options]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=seconds + START_AND_STOP_S, env=dict(os.environ)
    )
    if done.returncode:
        raise RuntimeError(f"meshctl up: {done.returncode}\n{done.stdout}{done.stderr}")
    return read_chain(path, nodes, count, _check_accounts(json.loads(summary.read_text()), count))


def graph_text(nodes: int, rate_hz: int, count: int, path: Path) -> str:
    """The graph: source -> hop1 -> … -> sink, `nodes` of them behind the source."""
    lines = graph_head("chain")
    lines += _node("source", "Source", f"{{rate_hz: {rate_hz}, count: {count}}}", "", "blocks")
    before = "source.blocks"
    for index in range(1, nodes):
        lines += _node(f"hop{index}", "Hop", "", before, "passed")
        before = f"hop{index}.passed"
    lines += _node("sink", "Sink", f"{{path: {path}}}", before, "")
    return "\n".join(lines) + "\n"


def graph_head(name: str) -> list[str]:
    """A graph of this bench's nodes, up to the first of them."""
    protos = "protos: [bench/v1/nodes.proto]"
    return ["rtmesh: 1", f"name: {name}", protos, f"python_path: [{GRAPH}]", "nodes:"]


def _node(name: str, kind: str, parameters: str, source: str, output: str) -> list[str]:
    lines = [f"  {name}:", f"    service: bench.v1.{kind}", f"    run: nodes.chain:{kind}"]
    lines += [f"    parameters: {parameters}"] if parameters else []
    lines += [f"    inputs: {{blocks: {source}}}"] if source else []
    lines += [f"    outputs: {{{output}: {{max_bytes: {BLOCK_BYTES + 4096}B}}}}"] if output else []
    return lines


def _check_accounts(summary: dict[str, object], count: int) -> str:
    """Every edge carried every block, by the run's final accounts."""
    edges = summary["edges"]
    assert isinstance(edges, list)
    for edge in edges:
        if (int(edge["sent"]), int(edge["delivered"])) != (count, count):
            raise RuntimeError(f"an edge lost something: {edge}")
    return f"accounts of {len(edges)} edges exact"
