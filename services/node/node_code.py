"""Finds a node's class and its contract in a loop process."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

from google.protobuf import descriptor_pool

from rtmesh.graph.contract import Contract
from rtmesh.graph.protos import install_importer, load_default_pool
from rtmesh.node.errors import NodeDefinitionError
from rtmesh.node.node import Node
from rtmesh.v1.node_pb2 import LoopConfig


def load_contract(config: LoopConfig) -> Contract:
    """The node's contract; the graph's protos become importable as generated modules."""
    descriptors = Path(config.descriptors_path).read_bytes()
    load_default_pool(descriptors)
    install_importer(descriptors)
    service = config.node.node.service
    try:
        return Contract.of(descriptor_pool.Default().FindServiceByName(service))
    except KeyError:
        raise NodeDefinitionError([f"{config.descriptors_path} has no service {service}"]) from None


def load_class(config: LoopConfig) -> type[Node]:
    """Import the class that graph.yaml names: from the graph's folder, then python_path."""
    sys.path[:0] = [config.folder, *config.python_path]
    run = config.node.node.run
    module, _, name = run.partition(":")
    where = f"nodes.{config.node.node.name}.run"
    found = getattr(_import(module, where), name, None)
    if found is None:
        raise NodeDefinitionError(
            [f"{where}: module {module} has no {name!r}: check the spelling of {run!r}"]
        )
    if not (isinstance(found, type) and issubclass(found, Node)):
        raise NodeDefinitionError([f"{where}: {run} is no node class: derive it from rtmesh.Node"])
    return found


def _import(module: str, where: str) -> ModuleType:
    """Import the node's module; what it fails to import itself is its own affair."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise
        folders = ", ".join(sys.path[:2])
        problem = f"{where}: there is no module {module} (looked in {folders}, …): check name and python_path"
        raise NodeDefinitionError([problem]) from None
