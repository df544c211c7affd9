"""Memory and start-up: a chain of trivial nodes on rtmesh, dora and ezmsg, each by its own command.

Start-up is from the command to the first message at the last node, which then writes a file.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.nodes.chain import MESHCTL, graph_head
from bench.nodes.process_tree import below, command_line, memory
from bench.nodes.redis_rival import RIVALS_PYTHON, RivalMissingError
from bench.processes import kill, remove, segments_of

HERE = Path(__file__).parent
PATIENCE_S = 60
LOOK_S = 0.002
END_S = 10


@dataclass(frozen=True)
class Cost:
    """One run: seconds to the first message at the end; MiB by kind of process, and of all together."""

    start_s: float
    pss_mib: dict[str, float]
    uss_mib: dict[str, float]
    total_pss_mib: float


def run_rtmesh(folder: Path, nodes: int) -> Cost:
    graph = folder / "graph.yaml"
    graph.write_text(_rtmesh_graph(nodes, folder / "arrived"))
    return _run([*MESHCTL, "up", str(graph)], folder, _rtmesh_kind)


def run_dora(folder: Path, nodes: int) -> Cost:
    dora = RIVALS_PYTHON.parent / "dora"
    if not dora.exists():
        raise RivalMissingError("dora is missing: make bench-nodes")
    (folder / "dataflow.yml").write_text(_dora_graph(nodes, folder / "arrived"))
    return _run(
        [str(dora), "run", str(folder / "dataflow.yml")],
        folder,
        lambda line: "node" if "costs_dora.py" in line else "",
    )


def run_ezmsg(folder: Path, nodes: int) -> Cost:
    if not RIVALS_PYTHON.exists():
        raise RivalMissingError("ezmsg is missing: make bench-nodes")
    command = [str(RIVALS_PYTHON), str(HERE / "costs_ezmsg.py"), str(nodes), str(folder / "arrived")]
    return _run(command, folder, lambda line: "node" if "costs_ezmsg.py" in line else "")


SYSTEMS: dict[str, Callable[[Path, int], Cost]] = {"rtmesh": run_rtmesh, "dora": run_dora, "ezmsg": run_ezmsg}


def _run(command: Sequence[str], folder: Path, kind_of: Callable[[str], str]) -> Cost:
    """Start it, wait for the first message at the end, weigh it, end it."""
    arrived = folder / "arrived"
    begun_s = time.monotonic()
    with (folder / "told.txt").open("w") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, cwd=folder, start_new_session=True)
    try:
        while not arrived.exists():
            if process.poll() is not None or time.monotonic() - begun_s > PATIENCE_S:
                raise RuntimeError(f"{command}: nothing arrived\n{(folder / 'told.txt').read_text()}")
            time.sleep(LOOK_S)
        start_s = time.monotonic() - begun_s
        time.sleep(3)  # services start behind the loops
        return _weigh(process.pid, kind_of, start_s)
    finally:
        _end(process)


def _weigh(process_id: int, kind_of: Callable[[str], str], start_s: float) -> Cost:
    pss: dict[str, list[float]] = {}
    uss: dict[str, list[float]] = {}
    total = 0.0
    for each in below(process_id):
        kind, held = kind_of(command_line(each)), memory(each)
        if held is None:
            continue
        total += held.pss
        if kind:
            pss.setdefault(kind, []).append(held.pss)
            uss.setdefault(kind, []).append(held.uss)
    return Cost(start_s, _means(pss), _means(uss), total)


def _means(values: dict[str, list[float]]) -> dict[str, float]:
    return {kind: sum(each) / len(each) for kind, each in values.items()}


def _end(process: subprocess.Popen[bytes]) -> None:
    """As Ctrl-C in a terminal ends it, which tells all its processes; then by force, with what they held."""
    children = below(process.pid)[1:]
    segments = segments_of([process.pid, *children])
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGINT)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(END_S)
    for child in children:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
    kill(process)
    remove(segments)


def _rtmesh_kind(line: str) -> str:
    return next((kind for kind in ("loop", "service") if f"rtmesh.node.{kind}" in line), "")


def _rtmesh_graph(nodes: int, path: Path) -> str:
    lines = graph_head("costs")
    says = f"    parameters: {{path: {path}}}"
    if nodes == 1:
        return "\n".join([*lines, *_rtmesh_node(1, "Lone"), says])
    lines += _rtmesh_node(1, "Source")
    for index in range(2, nodes + 1):
        output = "values" if index == 2 else "passed"
        lines += _rtmesh_node(index, "Sink" if index == nodes else "Hop")
        lines += [f"    inputs: {{values: node{index - 1}.{output}}}"]
    return "\n".join([*lines, says])


def _rtmesh_node(index: int, kind: str) -> list[str]:
    service = kind if kind == "Lone" else f"Trivial{kind}"
    return [f"  node{index}:", f"    service: bench.v1.{service}", f"    run: nodes.trivial:{kind}"]


def _dora_graph(nodes: int, path: Path) -> str:
    lines = ["nodes:"]
    for index in range(1, nodes + 1):
        source = "dora/timer/millis/10" if index == 1 else f"node{index - 1}/out"
        lines += [f"  - id: node{index}", f"    path: {RIVALS_PYTHON}", f"    args: {HERE / 'costs_dora.py'}"]
        lines += [f"    env: {{ARRIVED: '{path if index == nodes else ''}'}}"]
        lines += [f"    inputs: {{value: {source}}}", "    outputs: [out]"]
    return "\n".join(lines) + "\n"
