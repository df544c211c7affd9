"""A node's service process over real rings, with the test itself in the place of the loop."""

from __future__ import annotations

import itertools
import os
import queue
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import json_format
from google.protobuf.descriptor_pool import DescriptorPool

from rtmesh.common.clock import ClockPage
from rtmesh.common.control import WORD_STATE, control_layouts, control_ring_names
from rtmesh.common.parts import Cutter, Joiner
from rtmesh.common.serving import CHANNEL_OPTIONS
from rtmesh.graph.protos import compile_protos, message_class, pool_of
from rtmesh.node.message import MessageType
from rtmesh.node.wire import HeaderValues
from rtmesh.shm import (
    Policy,
    Reader,
    ReaderLayout,
    Ring,
    RingLayout,
    Writer,
    create_ring,
    segment_name,
    wait,
)
from rtmesh.v1 import node_pb2, plan_pb2, status_pb2, stream_pb2

PROTOS = Path(__file__).parent.parent / "node" / "data"
SERVICE = "served.v1.Decoder"
WAIT_S = 20
INPUT_QUEUE = 8
SLOT_BYTES = 1024

_RUNS = itertools.count()
_OUTPUT = RingLayout(entries=64, slot_bytes=SLOT_BYTES, readers=(), spare_readers=4)
_INPUT_READER = ReaderLayout(name="decoder.bins", policy=Policy.BLOCK, queue=INPUT_QUEUE, hold_absent_ns=0)
_INPUT = RingLayout(entries=16, slot_bytes=SLOT_BYTES, readers=(_INPUT_READER,))


class ServedNode:
    """Node `decoder` of graph `cursor`: its rings, its configuration, and its service process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.descriptors = compile_protos(["served/v1/decoder.proto"], [PROTOS])
        self.pool: DescriptorPool = pool_of(self.descriptors)
        names = control_ring_names("decoder")
        layouts = {
            "decoder.velocity": _OUTPUT,
            "decoder.summary": _OUTPUT,
            "decoder.bins": _INPUT,
            **control_layouts("decoder"),
        }
        run = f"served{os.getpid()}-{next(_RUNS)}"
        self.segments = {name: segment_name("m", run, name) for name in layouts}
        self._rings = [create_ring(self.segments[name], layout) for name, layout in layouts.items()]
        self._clock = ClockPage.create(segment_name("m", run, "@clock"), 0)
        self.requests_segment = self.segments[names.requests]
        self.replies_segment = self.segments[names.replies]
        self.events_segment = self.segments[names.events]
        self.address = f"unix:{folder}/s"
        self.config = self._config()
        self._config_path = folder / "decoder.json"
        self._config_path.write_text(json_format.MessageToJson(self.config))
        self.process = self.start()

    def start(self) -> subprocess.Popen[bytes]:
        """Start a service process."""
        command = [sys.executable, "-m", "rtmesh.node.service", str(self._config_path)]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        return self.process

    def end(self, number: int = signal.SIGTERM) -> int:
        """End the service process; its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(WAIT_S)

    def close(self) -> None:
        """Leave nothing."""
        try:
            self.end()
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait(WAIT_S)
            for ring in self._rings:
                ring.unlink()
                ring.close()
            self._clock.unlink()
            self._clock.close()

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()

    def message(self, name: str) -> type[Any]:
        """The class of message `name` of the node's proto, as a plain client has it."""
        return message_class(self.pool, name if "." in name else f"served.v1.{name}")

    def ring(self, name: str) -> Ring:
        return next(ring for ring in self._rings if ring.name == self.segments[name])

    def velocity(self, sequence: int) -> bytes:
        """Message `sequence` of an output."""
        encoded = MessageType(self.message("CursorVelocity").DESCRIPTOR).encode({"vx": sequence / 2})
        return encoded.to_bytes(HeaderValues(sequence=sequence, epoch=1))

    def _config(self) -> node_pb2.LoopConfig:
        descriptors_path = self.folder / "descriptors.binpb"
        descriptors_path.write_bytes(self.descriptors)
        return node_pb2.LoopConfig(
            graph="cursor",
            run="r",
            machine="m",
            node=_plan(),
            descriptors_path=str(descriptors_path),
            segments=self.segments,
            requests_segment=self.requests_segment,
            replies_segment=self.replies_segment,
            events_segment=self.events_segment,
            clock_segment=self._clock.name,
            service_address=self.address,
            die_with_parent=True,
            parent_process_id=os.getpid(),
        )


def _plan() -> plan_pb2.NodePlan:
    plan = plan_pb2.NodePlan()
    plan.node.name, plan.node.service = "decoder", SERVICE
    plan.outputs.add(port="velocity", ring="decoder.velocity")
    plan.outputs.add(port="summary", ring="decoder.summary")
    plan.inputs.add(port="bins", ring="decoder.bins", is_free=True)
    plan.inputs.add(port="target", ring="pointer.target", reader=1)
    return plan


class FakeLoop:
    """What a loop does on its control rings. Each one is a new life."""

    def __init__(self, node: ServedNode) -> None:
        self._events = Writer(node.events_segment)
        self.replies = Writer(node.replies_segment)
        self._requests = Reader(node.requests_segment, 0)
        self._joiner = Joiner(node_pb2.NodeRequest.FromString)
        self._cutter = Cutter(node_pb2.NodeEvent)
        self._is_closed = False

    def tell_state(self, state: int, reason: str = "") -> None:
        self._events.set_word(WORD_STATE, state)
        change = node_pb2.NodeStateChange(state=state, reason=reason)
        assert self._events.try_publish(node_pb2.NodeEvent(state=change).SerializeToString(), 1)

    def take_request(self) -> node_pb2.NodeRequest:
        """The next request, within a bounded wait."""
        while True:
            assert wait(readers=(self._requests,), timeout_ns=WAIT_S * 1_000_000_000)
            view = self._requests.try_take(time.monotonic_ns())
            assert view is not None
            request = self._joiner.take(view.epoch, bytes(view))
            del view
            self._requests.release()
            if request is not None:
                return request

    def reply(self, request: node_pb2.NodeRequest, **fields: Any) -> None:
        event = node_pb2.NodeEvent(reply=node_pb2.NodeReply(id=request.id, **fields))
        for slot in self._cutter.slots(event):
            while not self.replies.try_publish(slot, time.monotonic_ns()):
                assert wait(writers=(self.replies,), timeout_ns=WAIT_S * 1_000_000_000)

    def close(self) -> None:
        """End this life, as a process that is gone."""
        if not self._is_closed:
            self._is_closed = True
            self._events.set_word(WORD_STATE, status_pb2.NODE_STATE_UNSPECIFIED)
            self._requests.close()
            self.replies.close()
            self._events.close()


class PortStream:
    """A port's rpc as a generated stub would call it, with requests sent when the test says."""

    def __init__(self, channel: grpc.Channel, method: str, request: type[Any], response: type[Any]) -> None:
        stub = channel.stream_stream(
            f"/{SERVICE}/{method}",
            request_serializer=request.SerializeToString,
            response_deserializer=response.FromString,
        )
        self._requests: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.call = stub(iter(self._requests.get, None), timeout=WAIT_S)

    def send(self, *requests: Any) -> None:
        for request in requests:
            self._requests.put(request)

    def half_close(self) -> None:
        self._requests.put(None)

    def take(self, count: int) -> list[Any]:
        """The next `count` responses."""
        return [next(self.call) for _ in range(count)]

    def rest(self) -> list[Any]:
        """Every response up to the end of the rpc."""
        return list(self.call)

    def error(self) -> tuple[str, str]:
        """Name of the status code that the rpc ends with, and its details."""
        try:
            list(self.call)
        except grpc.RpcError as error:
            return error.code().name, error.details()
        return "OK", ""

    def cancel(self) -> None:
        self.call.cancel()
        self._requests.put(None)


class Client:
    """A plain client of the node's service."""

    def __init__(self, node: ServedNode) -> None:
        self._node = node
        self.channel = grpc.insecure_channel(node.address, CHANNEL_OPTIONS)
        self._await_service()
        self._streams: list[PortStream] = []

    def _await_service(self) -> None:
        try:
            grpc.channel_ready_future(self.channel).result(WAIT_S)
        except grpc.FutureTimeoutError:
            self.channel.close()
            raise AssertionError(f"the service does not answer:\n{self._node.log}") from None

    def output(self, method: str, message: str = "CursorVelocity") -> PortStream:
        """A client of an output, once the service reads the ring for it."""
        stream = self._stream(method, stream_pb2.Credit, self._node.message(message))
        stream.call.initial_metadata()
        return stream

    def input(self, method: str, message: str = "BinnedSpikes") -> PortStream:
        return self._stream(method, self._node.message(message), stream_pb2.Credit)

    def method(self, name: str, request: Any, response: str) -> grpc.Future:
        """A call of a method, under way."""
        stub = self.channel.unary_unary(
            f"/{SERVICE}/{name}",
            request_serializer=type(request).SerializeToString,
            response_deserializer=self._node.message(response).FromString,
        )
        return stub.future(request, timeout=WAIT_S)

    def close(self) -> None:
        for stream in self._streams:
            stream.cancel()
        self.channel.close()

    def _stream(self, method: str, request: type[Any], response: type[Any]) -> PortStream:
        stream = PortStream(self.channel, method, request, response)
        self._streams.append(stream)
        return stream


def taken(reader: Reader) -> Iterator[bytes]:
    """What a loop reads from an input, each within a bounded wait."""
    while wait(readers=(reader,), timeout_ns=WAIT_S * 1_000_000_000):
        view = reader.try_take(time.monotonic_ns())
        if view is None:
            return
        data = bytes(view)
        del view
        reader.release()
        yield data
