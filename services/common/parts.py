"""Messages of control rings that are larger than a slot: cut into parts, and put together again. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from rtmesh.common.control import MESSAGE_BYTES, SLOT_BYTES
from rtmesh.shm import MessageTooLargeError
from rtmesh.v1 import node_pb2

Parted = TypeVar("Parted", node_pb2.NodeRequest, node_pb2.NodeEvent)

# Room for the fields around the data of a part.
PART_BYTES = SLOT_BYTES - 64
# A writer of another language may be wrong; its parts must not fill the memory.
_MOST_PARTS = 1024


class Cutter(Generic[Parted]):
    """Cuts the messages of one writer.

    Args:
        kind: NodeRequest or NodeEvent.
    """

    def __init__(self, kind: type[Parted]) -> None:
        self._kind: type[Parted] = kind
        self._count = 0

    def slots(self, message: Parted) -> list[bytes]:
        """What is to be published for a message, in order. Raises MessageTooLargeError."""
        data = message.SerializeToString()
        if len(data) <= SLOT_BYTES:
            return [data]
        if len(data) > MESSAGE_BYTES:
            raise MessageTooLargeError(f"a message of {len(data)} bytes; at most {MESSAGE_BYTES} fit")
        self._count += 1
        return list(self._parts(data))

    def _parts(self, data: bytes) -> Iterator[bytes]:
        count = -(-len(data) // PART_BYTES)
        for index in range(count):
            piece = data[index * PART_BYTES : (index + 1) * PART_BYTES]
            part = node_pb2.NodePart(message=self._count, index=index, count=count, data=piece)
            yield self._kind(part=part).SerializeToString()


class Joiner(Generic[Parted]):
    """Puts the messages of one reader together. A message that lost a part is none."""

    def __init__(self, parse: Callable[[bytes], Parted]) -> None:
        self._parse: Callable[[bytes], Parted] = parse
        self._of = (0, 0)  # epoch and number of the message that is being put together
        self._pieces: list[bytes] = []

    def take(self, epoch: int, data: bytes) -> Parted | None:
        """The message that a slot holds or completes; None: there is more to come, or a part was lost.

        Raises DecodeError: the bytes are no message.
        """
        message = self._parse(data)
        if not message.HasField("part"):
            return message
        part = message.part
        if part.index == 0:
            self._of, self._pieces = (epoch, part.message), []
        is_next = self._of == (epoch, part.message) and part.index == len(self._pieces)
        if not is_next or part.count > _MOST_PARTS:
            return None
        self._pieces.append(part.data)
        if len(self._pieces) < part.count:
            return None
        whole, self._pieces = b"".join(self._pieces), []
        return self._parse(whole)
