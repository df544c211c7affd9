"""Whether the class that a node runs is there, as far as its source is at hand.

A machine carries a graph only if its code is the same as here, so what is wrong here is wrong there.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from rtmesh.graph.declared import DeclaredNode
from rtmesh.graph.fields import Field
from rtmesh.graph.module_names import read_names
from rtmesh.graph.names import did_you_mean
from rtmesh.graph.node_code import LARGEST_SOURCE_BYTES, find_source


def refuse_missing_classes(
    nodes: Mapping[str, DeclaredNode], understood: Collection[str], search: Sequence[Path]
) -> None:
    """Note each node whose module is here and cannot be parsed, or has no such class.

    Args:
        understood: names of the nodes whose class was read already.
        search: the folders in which modules are looked for.
    """
    for name, declared in nodes.items():
        if declared.run is not None and name not in understood:
            _refuse_missing_class(declared.run, declared.node.run, search)


def _refuse_missing_class(field: Field, run: str, search: Sequence[Path]) -> None:
    module, _, class_name = run.partition(":")
    file = find_source(module, search)
    if file is None:
        return
    try:
        if file.stat().st_size > LARGEST_SOURCE_BYTES:
            return
        names = read_names(file)
    except SyntaxError as error:
        text = f"{_shown(file, search)}:{error.lineno or 1}: {module} cannot be parsed: {error.msg}"
        field.refuse(text, "correct it")
        return
    except (OSError, ValueError, RecursionError, MemoryError):
        return  # the machine says what it is
    if not names.may_have(class_name):
        remedy = did_you_mean(class_name, names.classes) or "define it there"
        field.refuse(f"{_shown(file, search)} has no class {class_name}", remedy)


def _shown(file: Path, search: Sequence[Path]) -> str:
    """As seen from the graph's folder, if it is in it."""
    return str(file.relative_to(search[0]) if file.is_relative_to(search[0]) else file)
