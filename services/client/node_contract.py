"""What a node's contract has of a name, or what it has instead."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rtmesh.common.errors import NotFoundError

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor

    from rtmesh.graph.contract import Contract, MethodSpec, PortSpec

CONFIGURE = "Configure"


def find_port(contract: Contract, owner: str, direction: str, name: str) -> PortSpec:
    """An "output" or "input" of the node `owner`. Raises NotFoundError with those there are."""
    from rtmesh.graph.names import did_you_mean

    spec = contract.port(name, direction)
    if spec is not None:
        return spec
    other = "input" if direction == "output" else "output"
    known = [port.name for port in (contract.outputs if direction == "output" else contract.inputs)]
    if contract.port(name, other) is not None:
        remedy = f"its {direction}s: {', '.join(known)}" if known else f"it has no {direction}s"
        raise NotFoundError(f"{owner}.{name} is an {other}", remedy)
    remedy = did_you_mean(name, known) or f"it has no {direction}s"
    raise NotFoundError(f"{owner} has no {direction} {name!r:.80}", remedy)


def find_method(contract: Contract, owner: str, name: str) -> MethodSpec:
    """A method of the node `owner`. Raises NotFoundError with the methods that there are."""
    from rtmesh.graph.names import did_you_mean

    for spec in contract.methods:
        if spec.name == name:
            return spec
    known = [spec.name for spec in contract.methods]
    raise NotFoundError(f"{owner} has no method {name!r:.80}", did_you_mean(name, known) or "it has none")


def find_parameters(contract: Contract, owner: str) -> Descriptor:
    """The type of the parameters of the node `owner`. Raises NotFoundError if it has none."""
    if contract.parameters is None:
        service = contract.service.full_name
        raise NotFoundError(f"{owner} has no parameters", f"{service} has no rpc {CONFIGURE}")
    return contract.parameters
