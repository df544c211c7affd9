"""A node's contract, recognized from the rpcs of its proto service.

rpc Bins(stream BinnedSpikes) returns (stream rtmesh.v1.Credit);       input port "bins"
rpc Velocity(stream rtmesh.v1.Credit) returns (stream CursorVelocity); output port "velocity"
rpc Configure(DecoderParameters) returns (DecoderParameters);          parameters
rpc Calibrate(CalibrateRequest) returns (CalibrateResponse);           a method
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor, ServiceDescriptor

from rtmesh.graph.names import LONGEST_PORT_NAME, snake_case
from rtmesh.graph.positions import Positions
from rtmesh.graph.problems import Problem

CREDIT = "rtmesh.v1.Credit"
HEADER = "rtmesh.v1.Header"
CONFIGURE = "Configure"


@dataclass(frozen=True)
class PortSpec:
    """An input or output: named in snake_case after its rpc, carrying one message type."""

    name: str
    rpc: str
    message: Descriptor


@dataclass(frozen=True)
class MethodSpec:
    """A unary rpc; Configure is one."""

    name: str
    request: Descriptor
    response: Descriptor


@dataclass(frozen=True)
class Contract:
    """What a service says of a node. `parameters` is the message of Configure, None without one."""

    service: ServiceDescriptor
    inputs: tuple[PortSpec, ...]
    outputs: tuple[PortSpec, ...]
    parameters: Descriptor | None
    methods: tuple[MethodSpec, ...]

    @classmethod
    def of(cls, service: ServiceDescriptor) -> Contract:
        """Recognize a contract. Rpcs of no known shape are left out: see contract_problems."""
        inputs = tuple(
            PortSpec(snake_case(m.name), m.name, m.input_type) for m in service.methods if _is_input(m)
        )
        outputs = tuple(
            PortSpec(snake_case(m.name), m.name, m.output_type) for m in service.methods if _is_output(m)
        )
        methods = tuple(
            MethodSpec(m.name, m.input_type, m.output_type) for m in service.methods if _is_unary(m)
        )
        configure = [method.request for method in methods if method.name == CONFIGURE]
        return cls(service, inputs, outputs, configure[0] if configure else None, methods)

    def port(self, name: str, direction: str) -> PortSpec | None:
        """The port of that name; `direction` is "input" or "output"."""
        ports = self.inputs if direction == "input" else self.outputs
        return next((port for port in ports if port.name == name), None)


def contract_problems(service: ServiceDescriptor, positions: Positions | None = None) -> list[Problem]:
    """Everything that keeps a service from being a contract, placed in its proto if `positions` are given.

    Scalars of the Configure message itself must be optional; those of messages within it need not be,
    because a message field is set as a whole.
    """
    positions = positions or Positions()
    problems = list(_name_problems(service, positions))
    for method in service.methods:
        if _is_unary(method):
            if method.name == CONFIGURE:
                problems += _configure_problems(method, positions)
        elif _is_input(method) or _is_output(method):
            problems += _message_problems(method, positions)
        else:
            problems.append(_shape_problem(method, positions))
    return problems


def _is_unary(method: MethodDescriptor) -> bool:
    return not method.client_streaming and not method.server_streaming


def _streams_both_ways(method: MethodDescriptor) -> bool:
    return bool(method.client_streaming and method.server_streaming)


def _is_input(method: MethodDescriptor) -> bool:
    return _streams_both_ways(method) and _credits(method) == (False, True)


def _is_output(method: MethodDescriptor) -> bool:
    return _streams_both_ways(method) and _credits(method) == (True, False)


def _credits(method: MethodDescriptor) -> tuple[bool, bool]:
    return method.input_type.full_name == CREDIT, method.output_type.full_name == CREDIT


def _shape_problem(method: MethodDescriptor, positions: Positions) -> Problem:
    remedy = "an input is `(stream T) returns (stream rtmesh.v1.Credit)`, an output the other way round"
    if not _streams_both_ways(method):
        text = "streams only one way, so it is neither a port nor a method"
    elif all(_credits(method)):
        text = "has Credit on both sides, so its direction is unknown"
    else:
        text = "has Credit on neither side, so its direction is unknown"
    return Problem(positions.of_method(method), _path(method), text, remedy)


def _message_problems(method: MethodDescriptor, positions: Positions) -> Iterator[Problem]:
    message = method.input_type if _is_input(method) else method.output_type
    first = message.fields_by_number.get(1)
    if first is None or not _is_header(first):
        text = "is sent on a port, but its field 1 is not the header"
        remedy = "make its first field `rtmesh.v1.Header header = 1;`"
        yield Problem(positions.of_message(message), message.full_name, text, remedy)


def _is_header(field: FieldDescriptor) -> bool:
    is_header_type = field.message_type is not None and field.message_type.full_name == HEADER
    return (
        is_header_type and field.name == "header" and not field.is_repeated and field.containing_oneof is None
    )


def _configure_problems(method: MethodDescriptor, positions: Positions) -> Iterator[Problem]:
    if method.input_type.full_name != method.output_type.full_name:
        text = f"takes {method.input_type.full_name} and returns {method.output_type.full_name}"
        yield Problem(positions.of_method(method), _path(method), text, "take and return the same message")
    for field in method.input_type.fields:
        if not _may_be_unset(field):
            text = "is a parameter that cannot be left unset"
            remedy = f"declare it `optional`: unset keeps the value of {field.name}, 0 is a value"
            yield Problem(positions.of_field(field), field.full_name, text, remedy)


def _may_be_unset(field: FieldDescriptor) -> bool:
    return bool(field.is_repeated or (field.has_presence and not field.is_required))


def _name_problems(service: ServiceDescriptor, positions: Positions) -> Iterator[Problem]:
    names: dict[str, MethodDescriptor] = {}
    for method in service.methods:
        port = snake_case(method.name)
        if len(port) > LONGEST_PORT_NAME:
            text = f"the name has {len(port)} characters"
            yield Problem(
                positions.of_method(method), _path(method), text, f"use at most {LONGEST_PORT_NAME}"
            )
        other = names.setdefault(port, method)
        if other is not method and not (_is_unary(method) and _is_unary(other)):
            text = f"is called {port} in snake_case, as {other.name} is"
            yield Problem(positions.of_method(method), _path(method), text, "rename one of the two")


def _path(method: MethodDescriptor) -> str:
    return f"{method.containing_service.full_name}.{method.name}"
