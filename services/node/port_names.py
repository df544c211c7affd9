"""Which ports the code of a node class names, so that a misspelt one is told before the node runs."""

from __future__ import annotations

import dis
from collections.abc import Iterator
from types import CodeType, FunctionType


def named_ports(node_class: type) -> Iterator[tuple[str, str, str]]:
    """(method, "inputs" or "outputs", name) for each `self.inputs.NAME` and `self.outputs.NAME`.

    Only what the byte code says plainly; a port that is reached in another way is checked when
    it is reached.
    """
    for name, function in _functions(node_class).items():
        for kind, port in _ports_in(function.__code__):
            yield name, kind, port


def _functions(node_class: type) -> dict[str, FunctionType]:
    """The methods in use, without those of Node itself and above."""
    names = [name for base in reversed(node_class.__mro__) for name in vars(base)]
    found = {name: getattr(node_class, name) for name in dict.fromkeys(names)}
    return {
        name: value
        for name, value in found.items()
        if isinstance(value, FunctionType) and not value.__module__.startswith("rtmesh.node.")
    }


def _ports_in(code: CodeType) -> Iterator[tuple[str, str]]:
    before: list[dis.Instruction] = []
    for instruction in dis.get_instructions(code):
        is_read = instruction.opname in ("LOAD_ATTR", "LOAD_METHOD")
        if is_read and len(before) == 2 and _is_self(before[0]) and before[1].argval in ("inputs", "outputs"):
            yield before[1].argval, instruction.argval
        before = [*before[-1:], instruction]
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _ports_in(constant)


def _is_self(instruction: dis.Instruction) -> bool:
    is_variable = instruction.opname.startswith(("LOAD_FAST", "LOAD_DEREF"))
    return is_variable and instruction.argval == "self"
