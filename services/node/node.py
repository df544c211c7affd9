"""Node: the class that a user's node derives from."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar

if TYPE_CHECKING:
    from rtmesh.node.inputs import Inputs
    from rtmesh.node.outputs import Outputs


class Clock(Protocol):
    """Mesh time, the same on every machine of the mesh."""

    def now_ns(self) -> int:
        """Nanoseconds since 1970, never stepping."""
        ...


class Controls(Protocol):
    """What a node asks of the engine that runs it."""

    def finish(self) -> None: ...

    def report(self, fields: Mapping[str, object]) -> None: ...


class Node:
    """One node of a graph. Derive from it; name the class in graph.yaml (`run: module:Class`).

    Called in this order, each unless what comes before it failed, and never two at a time:
    `setup`; `start` once every node is ready and every edge connected; then the methods marked
    @on and @every, Configure and the contract's methods, one step after the other; `teardown`,
    always.

    A node ends when it calls finish(), or when it has no @every and all its @on inputs have
    ended and are drained. So a class with neither ends after start(), unless its contract has
    methods to serve. A source is an @every (without a rate: as fast as it goes), or sends in
    start() and calls finish().

    Attributes, there from before __init__:
        name, graph_name: of the node and its graph.
        folder: the graph's folder.
        parameters: the current Configure message; `defaults` overlaid by the graph's.
        inputs, outputs: the contract's ports, by name.
        clock: mesh time.
        log: a standard logger, to the node's log.
    """

    defaults: ClassVar[Mapping[str, object]] = {}

    name: str
    graph_name: str
    folder: Path
    parameters: Any
    inputs: Inputs
    outputs: Outputs
    clock: Clock
    log: logging.Logger
    # Set by the engine that runs the node.
    _controls: Controls | None = None

    def setup(self) -> None:
        """Prepare: load, allocate, connect. May be slow (setup_timeout); nothing can be sent yet."""

    def start(self) -> None:
        """The graph is running. May send, such as the first message of a loop."""

    def teardown(self) -> None:
        """Let go of what setup() took. Always runs, also after an exception or half a setup()."""

    def configure(self, parameters: Any) -> None:
        """New parameters are about to be set; raise ValueError to refuse them all.

        Runs between two steps. `parameters` is the whole new message; self.parameters is still
        the old one.
        """

    def finish(self) -> None:
        """End this node, after the present step: its outputs end, and it takes no more messages."""
        self._bound().finish()

    def report(self, **fields: object) -> None:
        """Set the node's result, shown in the run's summary; the newest replaces those before.

        Takes what JSON takes, and numpy scalars and arrays. A float that is not finite is null.
        """
        self._bound().report(fields)

    def _bound(self) -> Controls:
        if self._controls is None:
            name = type(self).__name__
            raise RuntimeError(f"{name} runs in no graph: run it with rtmesh.node.testing.NodeHarness")
        return self._controls


AnyNode = TypeVar("AnyNode", bound=Node)


def create(node_class: type[AnyNode], attributes: Mapping[str, object]) -> AnyNode:
    """An instance that has its attributes before __init__ runs, so that none can be forgotten there."""
    node = node_class.__new__(node_class)
    vars(node).update(attributes)
    node.__init__()  # type: ignore[misc]
    return node
