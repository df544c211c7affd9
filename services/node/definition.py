"""What a node class says of itself, checked against its contract: every problem at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from google.protobuf.message import Message

from rtmesh.graph.contract import Contract
from rtmesh.graph.units import parse_duration_ns
from rtmesh.node.decorators import EverySpec, OnSpec, spec_of
from rtmesh.node.errors import NodeDefinitionError
from rtmesh.node.node import Node
from rtmesh.node.port_names import named_ports
from rtmesh.node.ticker import period_of_rate_ns
from rtmesh.v1.graph_pb2 import WHEN_FULL_BLOCK, WHEN_FULL_LATEST

_PARAMETER = "parameter:"


class Marked(NamedTuple):
    """A decorated method."""

    name: str
    spec: Any


class Definition(NamedTuple):
    """The decorated methods of a class."""

    node_class: type[Node]
    ons: tuple[Marked, ...]
    everies: tuple[Marked, ...]

    @classmethod
    def of(cls, node_class: type[Node]) -> Definition:
        """In the order in which they stand in the class, base classes first."""
        names = dict.fromkeys(name for base in reversed(node_class.__mro__) for name in vars(base))
        marked = [Marked(name, spec) for name in names if (spec := spec_of(getattr(node_class, name, None)))]
        ons = tuple(each for each in marked if isinstance(each.spec, OnSpec))
        everies = tuple(each for each in marked if isinstance(each.spec, EverySpec))
        return cls(node_class, ons, everies)

    @property
    def triggering_inputs(self) -> frozenset[str]:
        """The inputs that some @on names."""
        return frozenset(port for each in self.ons for port in each.spec.inputs)

    def triggered_by(self, port: str) -> str:
        """Name of the @on method of an input; empty if it has none."""
        return next((each.name for each in self.ons if port in each.spec.inputs), "")

    def check(
        self,
        contract: Contract,
        when_full: Mapping[str, int],
        outputs: Mapping[str, object],
        parameters: Message,
    ) -> None:
        """Check against the contract, the edges' policies, the bound outputs and the parameters.

        Raises:
            NodeDefinitionError: with everything that is wrong.
        """
        problems = [
            *self._on_problems(contract),
            *self._input_problems(contract, when_full),
            *self._output_problems(contract, outputs),
            *self._every_problems(parameters),
            *self._named_problems(contract),
        ]
        if problems:
            raise NodeDefinitionError([f"{self.node_class.__name__}{problem}" for problem in problems])

    def _on_problems(self, contract: Contract) -> Iterator[str]:
        names, service = [port.name for port in contract.inputs], contract.service.full_name
        taken: dict[str, str] = {}
        for method, spec in self.ons:
            for text in _shape_problems(spec):
                yield f".{method}: {spec} {text}"
            for port in spec.inputs:
                if port not in names:
                    listed = ", ".join(names) or "none"
                    yield f".{method}: {spec}: {service} has no input {port!r}; inputs: {listed}"
                other = taken.setdefault(port, method)
                if other != method:
                    yield f".{method}: {spec}: input {port!r} calls {other} already; call one from the other"

    def _input_problems(self, contract: Contract, when_full: Mapping[str, int]) -> Iterator[str]:
        for port in [port.name for port in contract.inputs]:
            method, policy = self.triggered_by(port), when_full.get(port)
            if policy is None:
                yield f": input {port!r} of {contract.service.full_name} is bound to no ring"
            elif method and policy == WHEN_FULL_LATEST:
                yield (
                    f".{method}: input {port!r} has `when_full: latest`, which never triggers @on: "
                    "use `drop_oldest` with `queue: 1`, or read it by latest()"
                )
            elif not method and policy == WHEN_FULL_BLOCK:
                yield (
                    f": input {port!r} has `when_full: block` but no @on, so it would hold its writer "
                    f"forever: add @on({port!r}), or set `when_full: latest` and read it by latest()"
                )

    def _output_problems(self, contract: Contract, outputs: Mapping[str, object]) -> Iterator[str]:
        names, service = [port.name for port in contract.outputs], contract.service.full_name
        for port in names:
            if port not in outputs:
                yield f": output {port!r} of {service} is bound to no ring"
        for port in outputs:
            if port not in names:
                yield f": {service} has no output {port!r}; outputs: {', '.join(names) or 'none'}"

    def _every_problems(self, parameters: Message) -> Iterator[str]:
        for method, spec in self.everies:
            try:
                period_ns(spec, parameters)
            except (ValueError, TypeError) as error:
                yield f".{method}: {spec}: {error}"

    def _named_problems(self, contract: Contract) -> Iterator[str]:
        known = {
            "inputs": [port.name for port in contract.inputs],
            "outputs": [port.name for port in contract.outputs],
        }
        for method, kind, port in dict.fromkeys(named_ports(self.node_class)):
            if port not in known[kind]:
                service, listed = contract.service.full_name, ", ".join(known[kind]) or "none"
                missing = f"{service} has no {kind[:-1]} {port!r}"
                yield f".{method}: self.{kind}.{port}: {missing}; {kind}: {listed}"


def period_ns(spec: EverySpec, parameters: Message) -> int:
    """The period that @every asks for under these parameters; 0: as fast as it goes. ValueError if bad."""
    if spec.hz is not None and spec.period is not None:
        raise ValueError("give hz or period, not both")
    if spec.period is not None:
        return _given_period_ns(spec.period)
    return 0 if spec.hz is None else period_of_rate_ns(_rate_hz(spec.hz, parameters))


def _given_period_ns(period: str) -> int:
    nanoseconds = parse_duration_ns(period)
    if nanoseconds == 0:
        raise ValueError("a period of 0: leave it out for as fast as it goes")
    return nanoseconds


def _rate_hz(hz: float | str | Callable[[Any], float], parameters: Message) -> float:
    if callable(hz):
        return float(hz(parameters))
    if not isinstance(hz, str):
        return float(hz)
    name = hz.removeprefix(_PARAMETER)
    if name == hz:
        raise ValueError(f'give hz as a number or as "{_PARAMETER}NAME"')
    field = parameters.DESCRIPTOR.fields_by_name.get(name)
    if field is None:
        raise ValueError(f"{parameters.DESCRIPTOR.full_name} has no parameter {name!r}")
    return float(getattr(parameters, name))


def _shape_problems(spec: OnSpec) -> Iterator[str]:
    if not spec.inputs:
        yield "names no input"
    if len(set(spec.inputs)) < len(spec.inputs):
        yield "names an input twice"
    if spec.join not in (None, "origin"):
        yield 'can only join by "origin"'
    if len(spec.inputs) > 1 and spec.join is None:
        yield 'has several inputs: add join="origin", or write one method for each'
    if spec.join is not None and len(spec.inputs) < 2:
        yield "joins, so it needs two inputs or more"
    if spec.window is not None:
        yield from _window_problems(spec)


def _window_problems(spec: OnSpec) -> Iterator[str]:
    if len(spec.inputs) > 1:
        yield "cannot window a join: window in one method, join in another node"
    try:
        window_size(spec.window)
    except (ValueError, TypeError) as error:
        yield f"has no usable window: {error}"


def window_size(window: int | str | None) -> int:
    """Messages, or nanoseconds of a duration; ValueError or TypeError if it is neither, or 0."""
    if isinstance(window, str):
        return _given_period_ns(window)
    if isinstance(window, bool) or not isinstance(window, int):
        raise TypeError(f'{window!r} is neither a number of messages nor a duration such as "20ms"')
    if window < 1:
        raise ValueError(f"{window} messages: take at least 1")
    return window
