"""Run one node in a test: no process, no port, and a clock that moves only when told to.

    from rtmesh.node.testing import NodeHarness

    def test_ten_spikes_make_a_bin():
        with NodeHarness(Binner, service="cursor.v1.Binner", protos=[CURSOR_PROTO]) as node:
            for _ in range(10):
                node.feed("spikes", spikes=np.ones(192, np.int8))

            (bins,) = node.sent("bins")
            assert (bins.bins == 10).all()

Whatever the node raises, the test raises.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from google.protobuf.message import Message as ProtoMessage

from rtmesh.common.origins import origin_id
from rtmesh.graph.contract import Contract
from rtmesh.graph.parameters import build_parameters
from rtmesh.node.definition import Definition
from rtmesh.node.engine import Engine
from rtmesh.node.memory import FakeHost, MemoryInput, MemoryOutput
from rtmesh.node.message import Message, MessageType
from rtmesh.node.node import Node
from rtmesh.node.parts import Wiring, assemble
from rtmesh.node.ports import Identity, InputBinding, OutputBinding
from rtmesh.node.proto_files import find_service
from rtmesh.node.wire import HeaderValues
from rtmesh.v1.graph_pb2 import WHEN_FULL_BLOCK as BLOCK
from rtmesh.v1.graph_pb2 import WHEN_FULL_LATEST as LATEST

DEFAULT_MAX_BYTES = 64 * 1024
DEFAULT_QUEUE = 64

Origin = int | HeaderValues | Message | None


class NodeHarness:
    """Runs a node step by step: `with NodeHarness(Decoder, service="cursor.v1.Decoder", …) as node`.

    Entering runs setup() and start(), leaving runs teardown(). An input with @on gets the policy
    `block`, one without `latest`.

    Args:
        cls: the node's class.
        service: full name of the contract.
        protos: the proto files: paths, or names within one of the `include` folders.
        include: folders in which protos find what they import; the files' own are added.
        parameters: as in graph.yaml.
        folder: what the node sees as the graph's folder; the working directory by default.
        name, graph: of the node and the graph.
        queue: of every input; it matters to joins.
        max_bytes: of every output.

    Attributes:
        instance: the node itself.
    """

    def __init__(
        self,
        cls: type[Node],
        *,
        service: str,
        protos: Sequence[str | Path],
        include: Sequence[str | Path] = (),
        parameters: Mapping[str, object] | None = None,
        folder: str | Path | None = None,
        name: str = "node",
        graph: str = "test",
        queue: int = DEFAULT_QUEUE,
        max_bytes: int = DEFAULT_MAX_BYTES,
    ) -> None:
        self._host = FakeHost()
        contract = Contract.of(find_service(service, protos, include))
        triggering = Definition.of(cls).triggering_inputs
        policies = {port.name: BLOCK if port.name in triggering else LATEST for port in contract.inputs}
        self._inputs = {port: MemoryInput(policy, queue) for port, policy in policies.items()}
        self._outputs = {port.name: MemoryOutput() for port in contract.outputs}
        self._types = {port.name: MessageType(port.message) for port in (*contract.inputs, *contract.outputs)}
        self._feeds: dict[str, int] = dict.fromkeys(self._inputs, 0)
        self._origin_times_ns: dict[int, int] = {}
        self._graph = graph
        self._has_ended = False
        wiring = Wiring(
            identity=Identity(graph, name, Path(folder) if folder is not None else Path.cwd()),
            contract=contract,
            inputs={port: InputBinding(ring, ring.when_full, queue) for port, ring in self._inputs.items()},
            outputs={port: OutputBinding(ring, max_bytes) for port, ring in self._outputs.items()},
            parameters=_serialized(contract, parameters or {}),
        )
        self._engine = Engine(assemble(cls, wiring, self._host), self._host)
        self.instance: Any = self._engine.node

    def __enter__(self) -> NodeHarness:
        with contextlib.ExitStack() as undo:
            undo.callback(self._engine.teardown)
            self._engine.setup()
            self._engine.start()
            self._settle()
            undo.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._engine.teardown()

    # What arrives.

    def feed(self, port: str, /, origin: Origin = None, **fields: object) -> None:
        """Bring a message to an input, and run what it makes due.

        Args:
            origin: what it derives from. None: a new origin. A number: that message of the
                test's own origin, the same for every input, for joins. A header, or a message
                that was sent: the same origin as that.
            fields: of the message; one that is called port or origin needs feed_message().
        """
        self.feed_message(port, fields, origin)

    def feed_message(
        self, port: str, message: ProtoMessage | Mapping[str, object], origin: Origin = None
    ) -> None:
        """Bring a whole message, or its fields in a mapping, to an input. See feed()."""
        ring = self._input(port)
        if ring.has_end:
            raise ValueError(f"input {port} has ended in this test: feed before end()")
        self._feeds[port] += 1
        header = self._header(port, origin)
        ring.feed(self._types[port].encode(message).to_bytes(header))
        self._settle()

    def end(self, port: str) -> None:
        """End the stream of an input, and run what that makes due."""
        self._input(port).has_end = True
        self._settle()

    def drain(self) -> None:
        """The graph drains: @every stops."""
        self._engine.drain()
        self._settle()

    # Time.

    def advance(self, *, ms: float = 0, s: float = 0) -> None:
        """Let time pass, running each @every at its deadline."""
        target_ns = self._host.time_ns + round(ms * 1e6 + s * 1e9)
        while not self.ended and (deadline_ns := self._engine.deadline_ns) is not None:
            if deadline_ns > target_ns:
                break
            self._host.time_ns = max(deadline_ns, self._host.time_ns)
            self._settle()
        self._host.time_ns = max(target_ns, self._host.time_ns)

    def stall(self, *, ms: float = 0, s: float = 0) -> None:
        """Let time pass at once, as if the node did not get to run: deadlines are missed.

        May also be called by the node's own code, to play a step that takes long.
        """
        self._host.time_ns += round(ms * 1e6 + s * 1e9)

    def run(self, steps: int = 1_000_000) -> int:
        """Run an @every without a rate, at most `steps` times or until the node ends; how often it ran."""
        for count in range(steps):
            if self.ended or not self._engine.step():
                self._settle()
                return count
        self._settle()
        return steps

    # What comes of it.

    def sent(self, port: str) -> list[Message]:
        """What an output has sent since it was last asked."""
        ring = self._output(port)
        messages, ring.messages = ring.messages, []
        return [self._types[port].decode(message) for message in messages]

    def hold(self, port: str, held: bool = True) -> None:
        """Play a full reader: try_send() on the output says False, send() fails the test."""
        self._output(port).is_full = held

    def call(self, method: str, request: ProtoMessage | Mapping[str, object] | None = None) -> Any:
        """Call a method of the contract with a request, or with its fields; its response."""
        if not isinstance(request, ProtoMessage):
            request = self._engine.request_class(method)(**(request or {}))
        response = self._engine.call(method, request)
        self._settle()
        return response

    def configure(self, **changes: object) -> Any:
        """Set parameters; the parameters now. Without changes it only reads.

        Raises:
            ParametersRefusedError: the node refused them.
        """
        descriptor = self._engine.request_class("Configure").DESCRIPTOR
        return self.call("Configure", build_parameters(descriptor, changes))

    @property
    def parameters(self) -> Any:
        """The node's parameters now."""
        return self.instance.parameters

    @property
    def result(self) -> dict[str, Any] | None:
        """What the node last reported; None if nothing."""
        return json.loads(self._host.results[-1]) if self._host.results else None

    @property
    def ended(self) -> bool:
        """The node has ended by itself."""
        return self._has_ended

    @property
    def overruns(self) -> int:
        """Deadlines of @every that were missed."""
        return self._engine.overruns

    @property
    def unjoined(self) -> int:
        """Messages that waited in a join and found no partner."""
        return self._engine.unjoined

    @property
    def steps(self) -> int:
        """How often the node's code was called, start() included."""
        return self._engine.steps

    @property
    def now_ns(self) -> int:
        """The mesh time that the node sees."""
        return self._host.now_ns()

    def _settle(self) -> None:
        """Run what is due; see whether the node has ended."""
        if self._has_ended:
            return
        while self._engine.step(idle=False):
            pass
        if self._engine.is_over:
            self._has_ended = True
            self._engine.end()

    def _header(self, port: str, origin: Origin) -> HeaderValues:
        now_ns, sequence = self._host.now_ns(), self._feeds[port]
        if isinstance(origin, Message):
            origin = origin.header
        if isinstance(origin, HeaderValues):
            return origin._replace(sequence=sequence, epoch=1, publish_time_ns=now_ns)
        if origin is None:
            begun = (origin_id(self._graph, "feed", port), 1, sequence, now_ns)
        else:
            time_ns = self._origin_times_ns.setdefault(origin, now_ns)
            begun = (origin_id(self._graph, "feed", "origin"), 1, origin, time_ns)
        return HeaderValues(sequence, 1, now_ns, *begun)

    def _input(self, port: str) -> MemoryInput:
        ring: MemoryInput = _known("input", port, self._inputs)
        return ring

    def _output(self, port: str) -> MemoryOutput:
        ring: MemoryOutput = _known("output", port, self._outputs)
        return ring


def _serialized(contract: Contract, parameters: Mapping[str, object]) -> bytes:
    if contract.parameters is None:
        if parameters:
            raise ValueError(f"{contract.service.full_name} has no Configure, so it takes no parameters")
        return b""
    return bytes(build_parameters(contract.parameters, parameters).SerializeToString())


def _known(kind: str, port: str, rings: Mapping[str, Any]) -> Any:
    if port not in rings:
        raise ValueError(f"there is no {kind} {port!r}; {kind}s: {', '.join(rings) or 'none'}")
    return rings[port]
