"""Names -> contracts: the services, ports, types and parameters that a declared graph refers to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from google.protobuf.descriptor import ServiceDescriptor

from rtmesh.graph.contract import Contract, PortSpec, contract_problems
from rtmesh.graph.declared import MAX_BYTES, DeclaredGraph, DeclaredNode
from rtmesh.graph.declared_edges import PortName
from rtmesh.graph.fields import Problems
from rtmesh.graph.names import did_you_mean
from rtmesh.graph.positions import Positions
from rtmesh.v1 import graph_pb2

Contracts = Mapping[str, Contract | None]


def find_contracts(
    graph: DeclaredGraph,
    services: Mapping[str, ServiceDescriptor],
    positions: Positions,
    problems: Problems,
    *,
    is_complete: bool,
) -> dict[str, Contract | None]:
    """The contract of every node by its name; None where its service is unknown or unusable.

    `is_complete` is False when protos are missing: then an unknown service is no problem of its own.
    """
    usable: dict[str, Contract | None] = {}
    contracts: dict[str, Contract | None] = {}
    for name, node in graph.nodes.items():
        service = _service_of(node, services, is_complete)
        if service is not None and service.full_name not in usable:
            wrong = contract_problems(service, positions)
            for problem in wrong:
                problems.add_elsewhere(problem)
            usable[service.full_name] = None if wrong else Contract.of(service)
        contracts[name] = usable[service.full_name] if service is not None else None
    return contracts


def _service_of(
    node: DeclaredNode, services: Mapping[str, ServiceDescriptor], is_complete: bool
) -> ServiceDescriptor | None:
    name = node.service.text("a proto service, such as cursor.v1.Decoder") if node.service else None
    if node.service is None or name is None:
        return None
    if name not in services and is_complete:
        node.service.refuse(f"there is no service {name!r:.80} in protos", did_you_mean(name, services))
    elif name in services:
        node.node.service = name
    return services.get(name)


def resolve_ports(graph: DeclaredGraph, contracts: Contracts) -> None:
    """Give every node its ports and methods, and every output its size."""
    for name, declared in graph.nodes.items():
        contract = contracts[name]
        if contract is None:
            continue
        sizes = {output.port: output.max_bytes for output in declared.outputs}
        for output in declared.outputs:
            if contract.port(output.port, "output") is None:
                output.field.refuse_key(*no_such_port(output.port, contract, "output"))
        declared.node.inputs.extend(_port(port, MAX_BYTES) for port in contract.inputs)
        declared.node.outputs.extend(
            _port(port, sizes.get(port.name, MAX_BYTES)) for port in contract.outputs
        )
        for method in contract.methods:
            declared.node.methods.add(
                name=method.name,
                request_type=method.request.full_name,
                response_type=method.response.full_name,
            )


def _port(port: PortSpec, max_bytes: int) -> graph_pb2.Port:
    return graph_pb2.Port(name=port.name, rpc=port.rpc, type=port.message.full_name, max_bytes=max_bytes)


def find_port(name: PortName, direction: str, graph: DeclaredGraph, contracts: Contracts) -> Found:
    """Look up NODE.PORT as an input or output; what is wrong is noted."""
    if name.node not in graph.nodes:
        name.field.refuse(f"there is no node {name.node!r:.60}", did_you_mean(name.node, graph.nodes))
        return Found(False)
    contract = contracts[name.node]
    if contract is None:
        return Found(True)
    port = contract.port(name.port, direction)
    if port is None:
        name.field.refuse(*no_such_port(name.port, contract, direction))
    return Found(port is not None, port)


@dataclass(frozen=True)
class Found:
    """The outcome of a lookup. Fine without a port: its node's contract is unknown, and noted as such."""

    is_fine: bool
    port: PortSpec | None = None


def no_such_port(name: str, contract: Contract, direction: str) -> tuple[str, str]:
    other = {"input": "output", "output": "input"}[direction]
    service = contract.service.full_name
    known = [port.name for port in (contract.inputs if direction == "input" else contract.outputs)]
    if contract.port(name, other) is not None:
        return f"{name} is an {other} of {service}, not an {direction}", f"its {direction}s: {_listed(known)}"
    return f"{service} has no {direction} {name!r:.60}", did_you_mean(name, known)


def _listed(names: list[str]) -> str:
    return ", ".join(names) or "none"
