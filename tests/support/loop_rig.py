"""A loop process on real rings: the test plays its meshd, its service and its neighbours."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from google.protobuf import json_format
from laboratory import LAB_FOLDER, LAB_PROTO

from rtmesh.common.clock import ClockPage
from rtmesh.common.control import control_layouts, control_ring_names
from rtmesh.common.parts import Cutter, Joiner
from rtmesh.common.processes import spawn
from rtmesh.graph.contract import Contract
from rtmesh.graph.protos import compile_protos
from rtmesh.node.message import Message, MessageType
from rtmesh.node.proto_files import find_service
from rtmesh.node.wire import HeaderValues
from rtmesh.shm import (
    Policy,
    Reader,
    ReaderLayout,
    Ring,
    RingLayout,
    RingSnapshot,
    Writer,
    create_ring,
    segment_name,
    wait,
)
from rtmesh.v1 import graph_pb2, node_pb2, plan_pb2, status_pb2

PATIENCE_S = 20
SLOT_BYTES = 4096
_numbers = itertools.count(1)


class LoopRig:
    """One node and everything around it. Use as a context; call start() to spawn the process."""

    def __init__(
        self,
        folder: Path,
        run: str,
        *,
        service: str = "Filter",
        policies: Mapping[str, Policy] | None = None,
        free: tuple[str, ...] = (),
        parameters: Mapping[str, object] | None = None,
        queue: int = 8,
    ) -> None:
        self.folder = folder
        self.contract = Contract.of(find_service(f"lab.v1.{service}", [LAB_PROTO]))
        self.policies = {port.name: Policy.LATEST for port in self.contract.inputs} | dict(policies or {})
        self.types = {p.name: MessageType(p.message) for p in (*self.contract.inputs, *self.contract.outputs)}
        self.events: list[node_pb2.NodeEvent] = []
        self.process: subprocess.Popen[bytes] | None = None
        self._run = f"r{os.getpid()}-{next(_numbers)}"
        self._fed = 0
        self._requests = 0
        self._open = contextlib.ExitStack()
        self._make_rings(queue)
        self._make_files(run, f"lab.v1.{service}", free, parameters or {})

    def __enter__(self) -> LoopRig:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    # What a meshd does.

    def start(self, epoch: int = 1, **changes: Any) -> None:
        """Spawn the loop process."""
        self.config.epoch = epoch
        for name, value in changes.items():
            setattr(self.config, name, value)
        path = self.folder / "node.json"
        path.write_text(json_format.MessageToJson(self.config))
        command = [sys.executable, "-m", "rtmesh.node.loop", str(path)]
        process = self.process = spawn(command, log_path=self.folder / "log", cwd=self.folder)
        self._open.callback(self._end, process)

    def start_running(self, **changes: Any) -> None:
        """Spawn the loop process and start its graph."""
        self.start(**changes)
        self.until_state(status_pb2.NODE_STATE_READY)
        self.order(start=node_pb2.StartNode())
        self.until_state(status_pb2.NODE_STATE_RUNNING)

    def order(self, **order: Any) -> None:
        """Order: start=StartNode(), drain=DrainNode() or stop=StopNode()."""
        assert self.orders.try_publish(node_pb2.NodeOrder(**order).SerializeToString(), 1)

    def drain(self) -> None:
        self.order(drain=node_pb2.DrainNode())

    def stop(self) -> None:
        self.order(stop=node_pb2.StopNode())

    def until_state(self, state: int) -> node_pb2.NodeStateChange:
        """Wait until the loop tells that it entered a state; what it told."""
        return self.until(lambda event: event.state.state == state, status_pb2.NodeState.Name(state)).state

    def until(self, is_it: Callable[[node_pb2.NodeEvent], bool], what: str) -> node_pb2.NodeEvent:
        """Wait for an event; the test fails if it does not come in time, or the process ends before."""
        deadline_s = time.monotonic() + PATIENCE_S
        while True:
            has_ended = self.process is not None and self.process.poll() is not None
            for event in self._hear():
                self.events.append(event)
                if is_it(event):
                    return event
            assert not has_ended, f"ended before {what}: {self.told()}\n{self.log}"
            assert time.monotonic() < deadline_s, f"no {what}: {self.told()}\n{self.log}"
            wait([self._events, self._replies], timeout_ns=100_000_000)

    def _hear(self) -> Iterator[node_pb2.NodeEvent]:
        """What the loop has told, as it is taken."""
        for reader, joiner in ((self._replies, self._joiners[0]), (self._events, self._joiners[1])):
            while (view := reader.try_take(1)) is not None:
                event = joiner.take(view.epoch, bytes(memoryview(view)))
                reader.release()
                if event is not None:
                    yield event

    def told(self) -> list[str]:
        """The states told so far."""
        states = [event.state.state for event in self.events if event.HasField("state")]
        return [status_pb2.NodeState.Name(state).removeprefix("NODE_STATE_") for state in states]

    def exit_code(self) -> int:
        """Wait for the process to end; drains its last events."""
        assert self.process is not None
        code = self.process.wait(PATIENCE_S)
        self.events.extend(self._hear())
        return code

    def kill(self) -> None:
        """Kill the process and do for its rings what a meshd does when a restart is due."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(PATIENCE_S)
        for ring in self.rings.values():
            snapshot = ring.snapshot()
            if snapshot.writer_pid == self.process.pid:
                ring.writer_died()
            for reader in snapshot.readers:
                if reader.pid == self.process.pid:
                    ring.mark_absent(reader.index)

    @property
    def log(self) -> str:
        path = self.folder / "log"
        return path.read_text() if path.exists() else ""

    def word(self, index: int) -> int:
        """A word of the events ring."""
        return self.rings["@events"].snapshot().words[index]

    def rang(self) -> bytes:
        """Wait for the doorbell; what it says."""
        return self.doorbell.recv(100)

    # What a service does.

    def ask(self, method: str, **fields: Any) -> node_pb2.NodeReply:
        """Send a request and wait for its reply."""
        return self.reply(self.request(method, **fields))

    def request(self, method: str, **fields: Any) -> int:
        """Send a request; its id."""
        self._requests += 1
        spec = next(each for each in self.contract.methods if each.name == method)
        from google.protobuf.message_factory import GetMessageClass

        request = GetMessageClass(spec.request)(**fields).SerializeToString()
        message = node_pb2.NodeRequest(id=self._requests, method=method, request=request)
        for slot in Cutter(node_pb2.NodeRequest).slots(message):
            self._until_published(slot)
        return self._requests

    def reply(self, request: int) -> node_pb2.NodeReply:
        """Wait for the reply to a request."""
        return self.until(lambda event: event.reply.id == request, f"reply to request {request}").reply

    def _until_published(self, request: bytes) -> None:
        deadline_s = time.monotonic() + PATIENCE_S
        while not self.requests.try_publish(request, 1):
            assert time.monotonic() < deadline_s, f"the loop takes no request\n{self.log}"
            wait(writers=[self.requests], timeout_ns=100_000_000)

    # What neighbours do.

    def feed(self, port: str, origin: int | None = None, **fields: object) -> None:
        """Publish a message on the ring of an input, waiting while it is full."""
        self._fed += 1
        header = HeaderValues(
            self._fed, 1, self.clock.now_ns(), 7, 1, origin or self._fed, self.clock.now_ns()
        )
        data = self.types[port].encode(fields).to_bytes(header)
        deadline_s = time.monotonic() + PATIENCE_S
        while not self.writers[port].try_publish(data, header.publish_time_ns):
            assert time.monotonic() < deadline_s, f"{port} stays full\n{self.log}"
            wait(writers=[self.writers[port]], timeout_ns=100_000_000)

    def take(self, port: str) -> Message:
        """Wait for the next message of an output."""
        reader = self.readers[port]
        deadline_s = time.monotonic() + PATIENCE_S
        while (view := reader.try_take(self.clock.now_ns())) is None:
            assert not reader.ended, f"{port} has ended\n{self.log}"
            assert time.monotonic() < deadline_s, f"nothing on {port}\n{self.log}"
            wait([reader], timeout_ns=100_000_000)
        message = self.types[port].decode(bytes(memoryview(view)))
        del view
        reader.release()
        return message

    def rest(self, port: str) -> list[Message]:
        """Wait for the end of an output; what it sent until then."""
        messages = []
        deadline_s = time.monotonic() + PATIENCE_S
        while not self.readers[port].ended:
            assert time.monotonic() < deadline_s, f"{port} does not end\n{self.log}"
            if wait([self.readers[port]], timeout_ns=100_000_000) and not self.readers[port].ended:
                messages.append(self.take(port))
        return messages

    def until_full(self, port: str) -> None:
        """Wait until the reader of an output holds its writer."""
        self.until_so(lambda: self.account(port).readers[0].is_holding)

    def until_so(self, is_so: Callable[[], bool]) -> None:
        """Look again until it is so; the test fails if that takes too long."""
        deadline_s = time.monotonic() + PATIENCE_S
        while not is_so():
            assert time.monotonic() < deadline_s, self.log
            wait([self._events], timeout_ns=10_000_000)

    def account(self, port: str) -> RingSnapshot:
        return self.rings[port].snapshot()

    def _make_rings(self, queue: int) -> None:
        orders, requests, replies, events = control_ring_names("node")
        layouts = control_layouts("node")
        for port in self.contract.inputs:
            layouts[port.name] = _layout(f"node.{port.name}", self.policies[port.name], queue)
        for port in self.contract.outputs:
            layouts[port.name] = _layout(f"next.{port.name}", Policy.BLOCK, queue)
        self.segments = {name: segment_name("test", self._run, name) for name in layouts}
        self.rings: dict[str, Ring] = {}
        for name, layout in layouts.items():
            ring = self.rings[name.removeprefix("node")] = create_ring(self.segments[name], layout)
            self._open.callback(ring.close)
            self._open.callback(ring.unlink)
        self.clock = ClockPage.create(segment_name("test", self._run, "clock"), 1_000_000)
        self._open.callback(self.clock.close)
        self._open.callback(self.clock.unlink)
        self.orders = self._keep(Writer(self.segments[orders]))
        self.requests = self._keep(Writer(self.segments[requests]))
        self._events = self._keep(Reader(self.segments[events], 0))
        self._replies = self._keep(Reader(self.segments[replies], 0))
        self._joiners = [Joiner(node_pb2.NodeEvent.FromString) for _ in range(2)]
        self.writers = {p.name: self._keep(Writer(self.segments[p.name])) for p in self.contract.inputs}
        self.readers = {p.name: self._keep(Reader(self.segments[p.name], 0)) for p in self.contract.outputs}

    def _make_files(
        self, run: str, service: str, free: tuple[str, ...], parameters: Mapping[str, object]
    ) -> None:
        (self.folder / "descriptors").write_bytes(compile_protos(["lab/v1/lab.proto"], [LAB_FOLDER]))
        orders, requests, replies, events = control_ring_names("node")
        node = graph_pb2.Node(name="node", service=service, run=run, parameters=self._serialized(parameters))
        node.outputs.extend(graph_pb2.Port(name=p.name, max_bytes=SLOT_BYTES) for p in self.contract.outputs)
        self.config = node_pb2.LoopConfig(
            graph="test",
            run=self._run,
            machine="test",
            node=plan_pb2.NodePlan(node=node, time_slice_us=150),
            folder=str(LAB_FOLDER),
            descriptors_path=str(self.folder / "descriptors"),
            segments=self.segments,
            orders_segment=self.segments[orders],
            requests_segment=self.segments[requests],
            replies_segment=self.segments[replies],
            events_segment=self.segments[events],
            clock_segment=self.clock.name,
            doorbell_path=str(self.folder / "bell"),
            stack_path=str(self.folder / "stack"),
        )
        for port in self.contract.inputs:
            policy = int(self.policies[port.name])
            is_free = port.name in free
            self.config.node.inputs.add(port=port.name, ring=port.name, when_full=policy, is_free=is_free)
        for port in self.contract.outputs:
            self.config.node.outputs.add(port=port.name, ring=port.name)
        self.doorbell = self._keep(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
        self.doorbell.settimeout(PATIENCE_S)
        self.doorbell.bind(self.config.doorbell_path)

    def _serialized(self, parameters: Mapping[str, object]) -> bytes:
        from rtmesh.graph.parameters import build_parameters

        if self.contract.parameters is None:
            return b""
        return build_parameters(self.contract.parameters, parameters).SerializeToString()

    def _keep(self, end: Any) -> Any:
        self._open.callback(end.close)
        return end

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        process.kill()
        process.wait(PATIENCE_S)


def _layout(name: str, policy: Policy, queue: int) -> RingLayout:
    return RingLayout(entries=16, slot_bytes=SLOT_BYTES, readers=(ReaderLayout(name, policy, queue),))
