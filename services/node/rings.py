"""Attaches a loop to the rings of its node's ports."""

from __future__ import annotations

import contextlib

from rtmesh.node.ports import InputBinding, OutputBinding
from rtmesh.shm import Reader, Ring, Writer
from rtmesh.v1.graph_pb2 import WHEN_FULL_LATEST
from rtmesh.v1.node_pb2 import LoopConfig


class Rings:
    """The rings of a node's ports, attached. close() lets go of them, with the streams going on."""

    def __init__(self, config: LoopConfig, triggering: frozenset[str]) -> None:
        """Attach.

        Args:
            triggering: the inputs that have an @on.
        """
        self._open = contextlib.ExitStack()
        with contextlib.ExitStack() as undo:
            undo.callback(self.close)
            self.inputs = {
                bound.port: self._input(
                    config.segments[bound.ring], bound.reader, bound.is_free and bound.port not in triggering
                )
                for bound in config.node.inputs
            }
            limits = {port.name: port.max_bytes for port in config.node.node.outputs}
            self.outputs = {
                bound.port: self._output(config.segments[bound.ring], config.epoch, limits[bound.port])
                for bound in config.node.outputs
            }
            undo.pop_all()

    def close(self) -> None:
        self._open.close()

    def _input(self, segment: str, index: int, is_unread: bool) -> InputBinding:
        ring = Ring.open(segment)
        layout = ring.layout.readers[index]
        ring.close()
        reader = Reader(segment, index)
        self._open.callback(reader.close)
        # An input without an edge holds nobody but an outside client, so it may go without @on.
        return InputBinding(reader, WHEN_FULL_LATEST if is_unread else int(layout.policy), layout.queue)

    def _output(self, segment: str, epoch: int, max_bytes: int) -> OutputBinding:
        writer = Writer(segment, epoch=epoch)
        self._open.callback(writer.close)
        return OutputBinding(writer, max_bytes)
