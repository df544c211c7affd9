"""A message ready to be written into a ring's slot, part by part.

header (57 bytes) | every field that is no Tensor | Tensors, in the order of their numbers
"""

from typing import Any

import numpy as np

from rtmesh.node import wire
from rtmesh.node.wire import HEADER_SIZE, HeaderValues, Values

Part = Any  # bytes, or an array
# The parts behind the header, the length of the message with it, and align_at.
Ready = tuple[tuple[Part, ...], int, int]


class Encoded:
    """A message ready to be written. Arrays are not copied until then: write before changing them."""

    __slots__ = ("_is_awkward", "_rest", "align_at", "length")

    def __init__(
        self, rest: tuple[Part, ...], length: int, align_at: int = 0, is_awkward: bool = False
    ) -> None:
        """`rest` is what follows the header, in order, with `length` bytes in all.

        `is_awkward` says that an array in it does not lie in memory as it is to be written.
        """
        self._rest = rest
        self._is_awkward = is_awkward
        # Length in bytes, with the header.
        self.length = HEADER_SIZE + length
        # Offset of the first tensor's data, which wants to lie on 64 bytes; 0 if there is none.
        self.align_at = align_at

    def parts(self, header: Values) -> tuple[Part, ...]:
        """What to write one behind the other: buffers, each of them contiguous."""
        rest, _, _ = self.ready()
        return (wire.pack_header(header), *rest)

    def ready(self) -> Ready:
        """The same for a Sender, which adds the header."""
        rest = tuple(map(_contiguous, self._rest)) if self._is_awkward else self._rest
        return rest, self.length, self.align_at

    def write_into(self, buffer: memoryview, header: HeaderValues) -> None:
        """Write the message into the first `length` bytes of `buffer` (format "B")."""
        buffer[: self.length] = self.to_bytes(header)

    def to_bytes(self, header: HeaderValues) -> bytes:
        """The message as bytes of its own."""
        return b"".join(self.parts(header))


def _contiguous(part: Part) -> Part:
    """Arrays in C order, little-endian."""
    if not isinstance(part, np.ndarray):
        return part
    return np.ascontiguousarray(part, part.dtype.newbyteorder("<"))
