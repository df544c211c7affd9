"""Loops without a meshd: rings, configurations, processes. For measurements that pin and spin.

What a meshd would add (accounts read now and then, service processes) is on no message's way.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from google.protobuf import json_format

from bench.processes import kill
from rtmesh.common.clock import ClockPage
from rtmesh.common.control import control_layouts, control_ring_names
from rtmesh.common.processes import child_environment, spawn
from rtmesh.graph.contract import Contract
from rtmesh.graph.parameters import build_parameters
from rtmesh.graph.protos import compile_protos
from rtmesh.node.proto_files import find_service
from rtmesh.shm import Policy, ReaderLayout, Ring, RingLayout, Writer, create_ring, segment_name
from rtmesh.v1 import graph_pb2, node_pb2, plan_pb2, status_pb2

HERE = Path(__file__).parent
GRAPH = HERE / "graph"
PROTO = "bench/v1/nodes.proto"
REPOSITORY = HERE.parent.parent
MAX_BYTES = 65536
PATIENCE_S = 60
LOOK_S = 0.005
_numbers = itertools.count(1)


@dataclass(frozen=True)
class NodeSpec:
    """A node of a rig: `inputs` says which NODE.PORT feeds each input."""

    name: str
    service: str
    run: str
    inputs: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, object] = field(default_factory=dict)
    cpu: int | None = None
    trace: Path | None = None


class Rig:
    """Some nodes and the rings between them; every edge blocks, with a queue of 64. Use as a context."""

    def __init__(self, folder: Path, nodes: Sequence[NodeSpec]) -> None:
        self.nodes = {node.name: node for node in nodes}
        self.rings: dict[str, Ring] = {}
        self._folder = folder
        self._run = f"bench{os.getpid()}-{next(_numbers)}"
        self._open = contextlib.ExitStack()
        self._orders: dict[str, Writer] = {}
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        with contextlib.ExitStack() as undo:
            undo.callback(self._open.close)
            self._make_files()
            self._make_rings()
            undo.pop_all()

    def __enter__(self) -> Rig:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def run(self, spin_ns: int, timeout_s: float = PATIENCE_S) -> None:
        """Run every node to its end. RuntimeError with the node's log if one fails or takes too long."""
        for name in self.nodes:
            self._spawn(name, spin_ns)
        self._wait_for(lambda name: self.state(name) == status_pb2.NODE_STATE_READY, "setup", timeout_s)
        for orders in self._orders.values():
            orders.try_publish(node_pb2.NodeOrder(start=node_pb2.StartNode()).SerializeToString(), 1)
        self._wait_for(lambda name: self._processes[name].poll() == 0, "its end", timeout_s)

    def state(self, name: str) -> int:
        """The state that a loop last told."""
        return self.rings[control_ring_names(name).events].snapshot().words[0]

    def config(self, name: str) -> node_pb2.LoopConfig:
        """What the loop of a node is told."""
        node = self.nodes[name]
        contract = self.contract(name)
        parameters = b""
        if contract.parameters is not None:
            parameters = build_parameters(contract.parameters, node.parameters).SerializeToString()
        orders, requests, replies, events = control_ring_names(name)
        config = node_pb2.LoopConfig(
            graph="bench",
            run=self._run,
            machine="bench",
            node=plan_pb2.NodePlan(
                node=graph_pb2.Node(name=name, service=node.service, run=node.run, parameters=parameters)
            ),
            folder=str(GRAPH),
            descriptors_path=str(self._folder / "descriptors"),
            segments=self._segments,
            orders_segment=self._segments[orders],
            requests_segment=self._segments[requests],
            replies_segment=self._segments[replies],
            events_segment=self._segments[events],
            clock_segment=self._clock.name,
            doorbell_path=str(self._folder / "bell"),
            epoch=1,
        )
        self._bind(config.node, contract, node)
        return config

    def contract(self, name: str) -> Contract:
        return Contract.of(find_service(self.nodes[name].service, [GRAPH / PROTO]))

    def _bind(self, plan: plan_pb2.NodePlan, contract: Contract, node: NodeSpec) -> None:
        for port in contract.inputs:
            plan.inputs.add(port=port.name, ring=node.inputs[port.name], when_full=graph_pb2.WHEN_FULL_BLOCK)
        for port in contract.outputs:
            plan.node.outputs.add(name=port.name, max_bytes=MAX_BYTES)
            plan.outputs.add(port=port.name, ring=f"{node.name}.{port.name}")

    def _make_files(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / "descriptors").write_bytes(compile_protos([PROTO], [GRAPH]))

    def _make_rings(self) -> None:
        layouts: dict[str, RingLayout] = {}
        for node in self.nodes.values():
            layouts |= control_layouts(node.name)
            layouts |= {ring: data_layout(f"{node.name}.{port}") for port, ring in node.inputs.items()}
        self._segments = {name: segment_name("bench", self._run, name) for name in layouts}
        for name, layout in layouts.items():
            ring = self.rings[name] = create_ring(self._segments[name], layout)
            self._open.callback(ring.close)
            self._open.callback(ring.unlink)
        self._clock = ClockPage.create(segment_name("bench", self._run, "clock"), _mesh_offset_ns())
        self._open.callback(self._clock.close)
        self._open.callback(self._clock.unlink)
        for name in self.nodes:
            self._orders[name] = Writer(self._segments[control_ring_names(name).orders])
            self._open.callback(self._orders[name].close)

    def _spawn(self, name: str, spin_ns: int) -> None:
        path = self._folder / f"{name}.json"
        path.write_text(json_format.MessageToJson(self.config(name)))
        node = self.nodes[name]
        command = [sys.executable, "-P", str(HERE / "spinning_loop.py"), str(path), str(spin_ns)]
        command += ["" if node.cpu is None else str(node.cpu), str(node.trace or "")]
        process = spawn(command, log_path=self._folder / f"{name}.log", env=child_environment())
        self._processes[name] = process
        self._open.callback(kill, process)

    def _wait_for(self, is_so: Any, what: str, timeout_s: float) -> None:
        deadline_s = time.monotonic() + timeout_s
        for name in self.nodes:
            while not is_so(name):
                if self._processes[name].poll() not in (None, 0) or time.monotonic() > deadline_s:
                    log = (self._folder / f"{name}.log").read_text()
                    raise RuntimeError(f"{name} did not come to {what}\n{log}")
                time.sleep(LOOK_S)


def data_layout(reader: str) -> RingLayout:
    """An edge as a graph has it: it blocks, with a queue of 64."""
    return RingLayout(64, MAX_BYTES, (ReaderLayout(reader, Policy.BLOCK, 64),))


def _mesh_offset_ns() -> int:
    return time.time_ns() - time.monotonic_ns()
