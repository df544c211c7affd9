"""Where the tensors of a message lie, to be tried on the next message of the same type and length."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Self

from rtmesh.node import wire
from rtmesh.node.wire import HEADER_SIZE

Extents = dict[int, list[tuple[int, int]]]


class Places(NamedTuple):
    """A message laid out as our writers do: header, other fields, tensors behind each other to the end.

    Attributes:
        length: of the message.
        tensors: extents of the tensors' payloads, by field number.
        cuts: extents of the header and of the tensors, tags included.
        others_end: where the first tensor begins.
        marks: what stands before each payload, tag and length, and from where to where.
    """

    length: int
    tensors: Extents
    cuts: list[tuple[int, int]]
    others_end: int
    marks: tuple[tuple[int, int, bytes], ...]

    @classmethod
    def of(cls, buffer: memoryview, cuts: list[tuple[int, int]], tensors: Extents) -> Self | None:
        """The places in a message whose header lies first; None if it is laid out otherwise."""
        ends = [end for _, end in cuts[1:]]
        starts = [start for start, _ in cuts[1:]]
        if not starts or starts[1:] != ends[:-1] or ends[-1] != len(buffer):
            return None
        payloads = sorted([payload for extents in tensors.values() for payload, _ in extents])
        marks = tuple([(at, to, bytes(buffer[at:to])) for at, to in zip(starts, payloads, strict=True)])
        return cls(len(buffer), tensors, cuts, starts[0], marks)

    def fits(self, buffer: memoryview, singular: Mapping[int, object]) -> bool:
        """Whether the tensors of `buffer`, of the same length and with a header, lie there too."""
        for start, payload, mark in self.marks:
            if buffer[start:payload] != mark:
                return False
        if self.others_end == HEADER_SIZE:
            return True
        try:
            numbers = [field[0] for field in wire.scan(buffer, HEADER_SIZE, self.others_end)]
        except ValueError:
            return False  # no field ends where the first tensor began: to be looked at anew
        return singular.keys().isdisjoint(numbers)
