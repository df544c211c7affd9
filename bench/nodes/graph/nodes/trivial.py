"""Nodes that do next to nothing, for what a node costs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rtmesh import Node, every, on


class Source(Node):
    """Sends 100 times a second."""

    @every(hz=100)
    def tick(self) -> None:
        self.outputs.values.send(value=1.0)


class Lone(Source):
    """Says when it has sent."""

    @every(hz=100)
    def tick(self) -> None:
        self.outputs.values.send(value=1.0)
        Path(self.parameters.path).touch()


class Hop(Node):
    """Hands each value on."""

    @on("values")
    def hand_on(self, message: Any) -> None:
        self.outputs.passed.send(value=message.value)


class Sink(Node):
    """Says when something has come."""

    @on("values")
    def take(self, message: Any) -> None:
        Path(self.parameters.path).touch()
