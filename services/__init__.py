"""rtmesh runs dataflow graphs whose nodes are gRPC services.

A node is a class:

    from rtmesh import Node, every, on

Everything here is imported when it is first used, so that a process pays for what it needs; a
loop process must not import gRPC at all.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rtmesh.common.errors import InvalidArgumentError, RtmeshError
    from rtmesh.node.decorators import every, on
    from rtmesh.node.errors import NodeDefinitionError, OutputLimitError
    from rtmesh.node.message import Message
    from rtmesh.node.node import Node
    from rtmesh.node.windows import Window

__all__ = [
    "InvalidArgumentError",
    "Message",
    "Node",
    "NodeDefinitionError",
    "OutputLimitError",
    "RtmeshError",
    "Window",
    "every",
    "on",
]

_HOMES = {
    "InvalidArgumentError": "rtmesh.common.errors",
    "Message": "rtmesh.node.message",
    "Node": "rtmesh.node.node",
    "NodeDefinitionError": "rtmesh.node.errors",
    "OutputLimitError": "rtmesh.node.errors",
    "RtmeshError": "rtmesh.common.errors",
    "Window": "rtmesh.node.windows",
    "every": "rtmesh.node.decorators",
    "on": "rtmesh.node.decorators",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'rtmesh' has no attribute {name!r}; it has: {', '.join(__all__)}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
