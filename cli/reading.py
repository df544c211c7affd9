"""Reaching a node's own service from a verb."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor

    from rtmesh.client import Client
    from rtmesh.client.node_tap import Tap


@dataclass(frozen=True)
class ReadOutput:
    """An output that is being read; iterate it.

    Args:
        full_name: GRAPH/NODE.PORT.
        message: the type of its messages.
    """

    full_name: str
    message: Descriptor
    tap: Tap

    def __iter__(self) -> Iterator[Any]:
        return self.tap


@contextmanager
def read_output(client: Client, name: str, count: int = 0) -> Iterator[ReadOutput]:
    """Read the output that "[GRAPH/]NODE.PORT" names from now on; `count` messages, or 0: to its end.

    Raises RtmeshError: there is none, or its node cannot be reached.
    """
    from rtmesh.cli.naming import find_node, split_member
    from rtmesh.client.node import NodeClient

    owner, port = split_member(name, "PORT")
    found = find_node(client, owner)
    with NodeClient.of(found.graph, found.status) as node:
        message = node.port("output", port).message
        with node.tap(port, count) as tap:
            yield ReadOutput(f"{found.full_name}.{port}", message, tap)


@contextmanager
def ending_well() -> Iterator[None]:
    """Ctrl-C is how one ends a command that goes on and on: no error."""
    try:
        yield
    except KeyboardInterrupt:
        pass
