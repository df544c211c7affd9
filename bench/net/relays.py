"""A relay on each host, and the edges they carry: what meshd and the scheduler do in a mesh."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc

from bench.net.link import Host, Link
from bench.processes import end, says
from rtmesh.shm import Policy, ReaderLayout, RingLayout, create_ring
from rtmesh.v1 import plan_pb2, relay_pb2, relay_pb2_grpc

RUN = "bench"
MACHINES = ("left", "right")
HOLD = 1
_PATIENCE_S = 15.0
RELAY = "rtmesh.relay"


@dataclass(frozen=True)
class Edge:
    """One edge: a ring on either host. `source` is the host of its writer, 0 the left one."""

    name: str
    rings: tuple[str, str]
    source: int
    size: int
    queue: int
    own_lane: bool


@dataclass(frozen=True)
class Relay:
    """A relay process on one host."""

    process: subprocess.Popen[bytes]
    data: str
    control: str

    @property
    def cpu_seconds(self) -> float:
        """What it has used of a CPU, all its threads."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(") ", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def carry(
    link: Link, folder: Path, port: int, edges: Sequence[Edge], module: str = RELAY
) -> Iterator[tuple[Relay, Relay]]:
    """Rings and relays for `edges`, connected, while the block runs."""
    with contextlib.ExitStack() as stack:
        for edge in edges:
            for name in edge.rings:
                make_ring(stack, name, edge)
        left, right = (
            _start(stack, host, machine, folder, port, module) for host, machine in zip(link.hosts, MACHINES)
        )
        for index, relay in enumerate((left, right)):
            far = (right, left)[index]
            request = _request(edges, index, far.data)
            with _stub(relay) as stub:
                _carry_out(stub, request)
        for index, relay in enumerate((left, right)):
            _await_connected(relay, {edge.name for edge in edges if edge.source != index})
        yield left, right


def make_ring(stack: contextlib.ExitStack, name: str, edge: Edge) -> None:
    """As long and wide as those of this edge, until `stack` ends."""
    seat = ReaderLayout("reader", Policy.BLOCK, edge.queue, HOLD)
    entries = 1 << (edge.queue - 1).bit_length()
    ring = create_ring(name, RingLayout(entries, max(edge.size, 64), (seat,)))
    stack.callback(ring.close)
    stack.callback(ring.unlink)


def _start(
    stack: contextlib.ExitStack, host: Host, machine: str, folder: Path, port: int, module: str
) -> Relay:
    relay = folder / machine
    data, control = f"{host.address}:{port}", f"unix:{relay}.sock"
    arguments = ["--machine", machine, "--data", data, "--control", control]
    with relay.with_suffix(".log").open("wb") as log:
        process = subprocess.Popen(
            host.inside([sys.executable, "-m", module, *arguments, "--die-with-parent", str(os.getpid())]),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
        )
    stack.callback(_end, process)
    if not says(process, b"listening\n", _PATIENCE_S):
        raise OSError(f"the {machine} relay does not listen: {relay.with_suffix('.log').read_text()[-400:]}")
    return Relay(process, data, control)


def _end(process: subprocess.Popen[bytes]) -> None:
    end(process)
    assert process.stdout is not None
    process.stdout.close()


def _request(edges: Sequence[Edge], host: int, far_address: str) -> relay_pb2.CarryRequest:
    request = relay_pb2.CarryRequest(run=RUN)
    far = MACHINES[1 - host]
    request.data_addresses[far] = far_address
    for edge in edges:
        own_ring = edge.rings[0 if edge.source == host else 1]
        common: dict[str, Any] = {
            "edge": edge.name,
            "ring": own_ring,
            "when_full": int(Policy.BLOCK),
            "own_lane": edge.own_lane,
        }
        if edge.source == host:
            request.egress.append(plan_pb2.EgressPlan(reader=0, to_machine=far, **common))
        else:
            request.ingress.append(plan_pb2.IngressPlan(from_machine=far, queue=edge.queue, **common))
        request.segments[own_ring] = own_ring
    return request


def _carry_out(stub: relay_pb2_grpc.RelayControlStub, request: relay_pb2.CarryRequest) -> None:
    try:
        stub.Carry(request, timeout=_PATIENCE_S)
    except grpc.RpcError as error:
        raise OSError(f"a relay does not carry: {error}") from error


@contextlib.contextmanager
def _stub(relay: Relay) -> Iterator[relay_pb2_grpc.RelayControlStub]:
    with grpc.insecure_channel(relay.control) as channel:
        yield relay_pb2_grpc.RelayControlStub(channel)


def _await_connected(relay: Relay, entering: set[str]) -> None:
    """Until every edge that enters there is connected."""
    if not entering:
        return
    missing = set(entering)
    deadline = time.monotonic() + _PATIENCE_S
    with _stub(relay) as stub:
        states = stub.Watch(relay_pb2.WatchRequest(), timeout=_PATIENCE_S)
        try:
            for state in states:
                (missing.discard if state.connected else missing.add)(state.edge)
                if not missing or time.monotonic() > deadline:
                    break
        except grpc.RpcError as error:
            raise OSError(f"edges are not connected: {', '.join(sorted(missing))}") from error
        finally:
            states.cancel()
