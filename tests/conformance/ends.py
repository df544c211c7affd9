"""What a process does at one end of an edge; the same in this process and in one that is killed."""

from __future__ import annotations

import struct
from importlib import import_module
from typing import Any, NamedTuple

_STAMP = struct.Struct("<IQ")


class Message(NamedTuple):
    """What arrives: the writer's epoch and sequence travel with the data, as a node's header does."""

    epoch: int
    sequence: int
    data: bytes


def _message(view: Any) -> Message:
    frame = bytes(view)
    return Message(*_STAMP.unpack_from(frame), frame[_STAMP.size :])


class WriterEnd:
    """The writer of an output. `module` is the one whose rings it uses, by name."""

    def __init__(self, module: str, ring: str) -> None:
        self._writer = import_module(module).Writer(ring)

    def claim(self, data: bytes) -> bool:
        """Make a message ready without publishing it; False if a reader holds the writer."""
        frame = _STAMP.pack(self._writer.epoch, self._writer.sequence) + data
        claim = self._writer.try_claim(len(frame))
        if claim is not None:
            claim[:] = frame
        return claim is not None

    def publish(self, data: bytes) -> bool:
        is_claimed = self.claim(data)
        if is_claimed:
            self._writer.commit(1)
        return is_claimed

    def end(self) -> None:
        self._writer.end()

    def close(self) -> None:
        self._writer.close()


class ReaderEnd:
    """The reader of an input, or a tap if `index` is None."""

    def __init__(self, module: str, ring: str, index: int | None, queue: int = 0) -> None:
        kind = import_module(module).Reader
        self._reader = kind.tap(ring, queue=queue) if index is None else kind(ring, index)
        self._kept: list[Any] = []

    def index(self) -> int:
        return self._reader.index

    def take(self, keep: bool) -> Message | None:
        view = self._reader.try_take(2)
        if view is not None and keep:
            self._kept.append(view)
        return view and _message(view)

    def kept(self) -> list[Message]:
        """The messages it keeps, as they are now."""
        return [_message(view) for view in self._kept]

    def forget(self) -> None:
        self._kept.clear()

    def release(self) -> None:
        self._reader.release()

    def ended(self) -> bool:
        return self._reader.ended

    def leave(self) -> None:
        self._kept.clear()
        self._reader.leave()

    def close(self) -> None:
        self._kept.clear()
        self._reader.close()


ENDS = {"writer": WriterEnd, "reader": ReaderEnd}
