"""Two relay processes, and what meshd does with them."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import grpc
import pytest
from relay_edge import DEADLINE_S, Edge

from rtmesh.common.serving import CHANNEL_OPTIONS
from rtmesh.v1 import plan_pb2, relay_pb2, relay_pb2_grpc

RUN = "r1"
# For a test that both ways to use gRPC have to pass, also mixed.
on_both_wires = pytest.mark.parametrize(
    "ordinary",
    [(), ("left", "right"), ("left",), ("right",)],
    ids=["http2", "ordinary", "left ordinary", "right ordinary"],
    indirect=True,
)


class RelayProcess:
    """A relay as meshd runs it."""

    def __init__(
        self, folder: Path, name: str, data: str | None = None, *, arguments: tuple[str, ...] = ()
    ) -> None:
        self._arguments = arguments
        self.data = data or f"unix:{folder}/{name}.sock"
        self._control = f"unix:{folder}/{name}-control.sock"
        self._name = name
        self.log = folder / f"{name}.log"
        self._stack = ExitStack()
        self.start()

    def start(self) -> None:
        arguments = [
            "--machine",
            self._name,
            "--data",
            self.data,
            "--control",
            self._control,
            "--die-with-parent",
            str(os.getpid()),
            *self._arguments,
        ]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "rtmesh.relay", *arguments], stdout=subprocess.PIPE, stderr=log
            )
        self._stack.callback(self.kill)
        line = self.process.stdout.readline()
        assert line == b"listening\n", self.log.read_text()
        channel = grpc.insecure_channel(self._control, options=CHANNEL_OPTIONS)
        self._stack.callback(channel.close)
        self.stub = relay_pb2_grpc.RelayControlStub(channel)

    def kill(self) -> None:
        """kill -9, and wait until the kernel has done it."""
        self.process.kill()
        self.process.wait(DEADLINE_S)
        self.process.stdout.close()

    def terminate(self) -> int:
        self.process.terminate()
        return self.process.wait(DEADLINE_S)

    def close(self) -> None:
        self._stack.close()

    def wait_for(self, edge: str, *, connected: bool) -> relay_pb2.WatchResponse:
        """The first state of an edge that is as wished."""
        states = self.stub.Watch(relay_pb2.WatchRequest(), timeout=DEADLINE_S)
        try:
            return next(state for state in states if state.edge == edge and state.connected == connected)
        finally:
            states.cancel()


class Pair:
    """Two machines, left and right; edges go from left to right.

    Args:
        ordinary: which of them have lanes by the library grpc.
    """

    def __init__(
        self,
        folder: Path,
        *edges: Edge,
        data: str | None = None,
        right_data: str | None = None,
        ordinary: tuple[str, ...] = (),
    ) -> None:
        self.edges = edges
        self.calls = ExitStack()
        arguments = dict.fromkeys(ordinary, ("--ordinary-grpc",))
        self.left = RelayProcess(folder, "left", data, arguments=arguments.get("left", ()))
        try:
            self.right = RelayProcess(folder, "right", right_data, arguments=arguments.get("right", ()))
        except BaseException:
            self.left.close()
            raise

    def close(self) -> None:
        self.calls.close()
        self.left.close()
        self.right.close()

    def kill(self, side: str) -> None:
        if side == "left":
            self.kill_left()
        else:
            self.kill_right()

    def restart(self, side: str) -> None:
        """What meshd does after `kill`."""
        relay, carry = (self.left, self.carry_left) if side == "left" else (self.right, self.carry_right)
        relay.start()
        carry()

    def release(self) -> None:
        for relay in (self.left, self.right):
            relay.stub.Release(relay_pb2.ReleaseRequest(run=RUN), timeout=DEADLINE_S)

    def dial_left(self, *openings: relay_pb2.OpenEdge) -> grpc.Call:
        """A lane to the left relay, as from a third machine."""
        frames: queue.SimpleQueue[relay_pb2.Frame | None] = queue.SimpleQueue()
        frames.put(relay_pb2.Frame(hello=relay_pb2.LaneHello(machine="third")))
        frames.put(relay_pb2.Frame(opens=openings))
        channel = grpc.insecure_channel(self.left.data, options=CHANNEL_OPTIONS)
        call = relay_pb2_grpc.RelayStub(channel).Exchange(iter(frames.get, None), timeout=DEADLINE_S)
        self.calls.callback(channel.close)
        self.calls.callback(frames.put, None)
        self.calls.callback(call.cancel)
        return call

    def carry(self) -> None:
        self.carry_left()
        self.carry_right()
        self.wait_connected()

    def wait_connected(self) -> None:
        for edge in self.edges:
            self.right.wait_for(edge.name, connected=True)

    def carry_left(
        self, *, segments: dict[str, str] | None = None, addresses: dict[str, str] | None = None
    ) -> None:
        egress = [
            plan_pb2.EgressPlan(
                edge=edge.name,
                ring=edge.out_ring,
                reader=0,
                when_full=int(edge.policy),
                to_machine="right",
                own_lane=edge.own_lane,
            )
            for edge in self.edges
        ]
        names = {edge.out_ring: edge.out.name for edge in self.edges} if segments is None else segments
        addresses = {"right": self.right.data} if addresses is None else addresses
        request = relay_pb2.CarryRequest(run=RUN, egress=egress, segments=names, data_addresses=addresses)
        self.left.stub.Carry(request, timeout=DEADLINE_S)

    def carry_right(self) -> None:
        ingress = [
            plan_pb2.IngressPlan(
                edge=edge.name,
                ring=edge.in_ring,
                from_machine="left",
                when_full=int(edge.policy),
                queue=edge.queue,
                own_lane=edge.own_lane,
            )
            for edge in self.edges
        ]
        request = relay_pb2.CarryRequest(
            run=RUN,
            ingress=ingress,
            segments={edge.in_ring: edge.into.name for edge in self.edges},
            data_addresses={"left": self.left.data},
        )
        self.right.stub.Carry(request, timeout=DEADLINE_S)

    def kill_left(self) -> None:
        """kill -9 of the sending relay, and what meshd does then."""
        self.left.kill()
        for edge in self.edges:
            edge.out.mark_absent(0)

    def kill_right(self) -> None:
        """kill -9 of the receiving relay, and what meshd does then."""
        self.right.kill()
        for edge in self.edges:
            edge.into.writer_died()
