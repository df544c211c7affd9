"""Puts a node together: the class, its contract, its rings and parameters."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from google.protobuf.message import Message

from rtmesh.common.origins import origin_id
from rtmesh.graph.contract import Contract, PortSpec
from rtmesh.node._wire import Trail
from rtmesh.node.calls import Calls
from rtmesh.node.decorators import EverySpec, OnSpec
from rtmesh.node.definition import Definition, Marked, period_ns, window_size
from rtmesh.node.inputs import Input, Inputs
from rtmesh.node.message import MessageType
from rtmesh.node.node import Node, create
from rtmesh.node.outputs import Output, Outputs
from rtmesh.node.parameters import initial_parameters
from rtmesh.node.ports import Host, Identity, InputBinding, InputRing, OutputBinding, OutputRing
from rtmesh.node.ticker import Ticker
from rtmesh.node.triggers import JoinTrigger, SingleTrigger, Source, Trigger, WindowTrigger
from rtmesh.node.windows import CountGathering, Gathering, TimeGathering


@dataclass(frozen=True)
class Wiring:
    """What a node is connected to: its rings by port name, and the graph's parameters, serialized."""

    identity: Identity
    contract: Contract
    inputs: Mapping[str, InputBinding]
    outputs: Mapping[str, OutputBinding]
    parameters: bytes = b""


@dataclass(frozen=True)
class Parts:
    """A node, put together."""

    node: Node
    trail: Trail
    triggers: list[Trigger]
    tickers: list[Ticker]
    calls: Calls
    input_rings: list[InputRing]
    output_rings: list[OutputRing]


def assemble(node_class: type[Node], wiring: Wiring, host: Host) -> Parts:
    """Check the class against what it is connected to, then make the node and what runs it.

    Raises:
        NodeDefinitionError: with everything that is wrong.
    """
    definition, contract = Definition.of(node_class), wiring.contract
    parameters = initial_parameters(node_class, contract.parameters, wiring.parameters)
    policies = {port: binding.when_full for port, binding in wiring.inputs.items()}
    definition.check(contract, policies, wiring.outputs, parameters)
    trail = Trail(_origin(wiring.identity, port.name) for port in contract.outputs)
    trail.refusal = "setup() cannot send, as the graph is not running yet: send in start()"
    node = create(node_class, _attributes(definition, wiring, host, trail, parameters))
    tickers = {marked: _ticker(node, marked, parameters) for marked in definition.everies}
    return Parts(
        node=node,
        trail=trail,
        triggers=[_trigger(node, marked, wiring) for marked in definition.ons],
        tickers=list(tickers.values()),
        calls=_calls(node, contract, tickers, host),
        input_rings=[binding.ring for binding in wiring.inputs.values()],
        output_rings=[binding.ring for binding in wiring.outputs.values()],
    )


def _attributes(
    definition: Definition, wiring: Wiring, host: Host, trail: Trail, parameters: Message
) -> dict[str, object]:
    identity, contract = wiring.identity, wiring.contract
    inputs = {port.name: _input(port, definition, wiring, host) for port in contract.inputs}
    outputs = {port.name: _output(port, wiring, host, trail) for port in contract.outputs}
    return {
        "name": identity.node,
        "graph_name": identity.graph,
        "folder": identity.folder,
        "parameters": parameters,
        "inputs": Inputs(contract.service.full_name, inputs),
        "outputs": Outputs(contract.service.full_name, outputs),
        "clock": host,
        "log": logging.getLogger(f"{identity.graph}.{identity.node}"),
    }


def _input(port: PortSpec, definition: Definition, wiring: Wiring, host: Host) -> Input:
    trigger = definition.triggered_by(port.name)
    return Input(port.name, MessageType(port.message), wiring.inputs[port.name].ring, host, trigger)


def _output(port: PortSpec, wiring: Wiring, host: Host, trail: Trail) -> Output:
    identity = wiring.identity
    return Output(
        port.name,
        MessageType(port.message),
        wiring.outputs[port.name],
        _origin(identity, port.name),
        f"nodes.{identity.node}.outputs.{port.name}.max_bytes",
        host,
        trail,
    )


def _origin(identity: Identity, port: str) -> int:
    return origin_id(identity.graph, identity.node, port)


def _trigger(node: Node, marked: Marked, wiring: Wiring) -> Trigger:
    spec: OnSpec = marked.spec
    callback = getattr(node, marked.name)
    sources = [_source(port, wiring) for port in spec.inputs]
    if spec.join is not None:
        return JoinTrigger(callback, sources)
    if spec.window is not None:
        return WindowTrigger(callback, sources[0], _gathering(spec.window, sources[0].message_type))
    return SingleTrigger(callback, sources[0])


def _source(port: str, wiring: Wiring) -> Source:
    spec = wiring.contract.port(port, "input")
    assert spec is not None, "checked by the definition"
    binding = wiring.inputs[port]
    return Source(binding.ring, MessageType(spec.message), binding.when_full, binding.queue)


def _gathering(window: int | str, message_type: MessageType) -> Gathering:
    kind = TimeGathering if isinstance(window, str) else CountGathering
    return kind(message_type.descriptor, window_size(window))


def _ticker(node: Node, marked: Marked, parameters: Message) -> Ticker:
    spec: EverySpec = marked.spec
    return Ticker(getattr(node, marked.name), period_ns(spec, parameters))


def _calls(node: Node, contract: Contract, tickers: Mapping[Marked, Ticker], host: Host) -> Calls:
    def check(candidate: Message) -> None:
        for marked in tickers:
            period_ns(marked.spec, candidate)

    def changed() -> None:
        for marked, ticker in tickers.items():
            ticker.set_period(period_ns(marked.spec, node.parameters), host.monotonic_ns())

    return Calls(node, contract, check, changed)
