"""A message ready to be written into a ring's slot.

header (57 bytes) | every field that is no Tensor | Tensors, in the order of their numbers
"""

import numpy as np

from rtmesh.node import wire
from rtmesh.node.tensors import Piece
from rtmesh.node.wire import HEADER_SIZE, HeaderValues


class Encoded:
    """A message ready to be written. Arrays are not copied until then: write before changing them."""

    __slots__ = ("_pieces", "_rest", "align_at", "length")

    def __init__(self, rest: bytes, pieces: list[Piece], align_at: int = 0) -> None:
        """`align_at` is given only if `rest` holds the first tensor already."""
        at = HEADER_SIZE + len(rest)
        for piece in pieces:
            at += len(piece.prefix)
            if not align_at and piece.array.size:
                align_at = at
            at += piece.array.nbytes
        self._rest = rest
        self._pieces = pieces
        # Length in bytes, with the header.
        self.length = at
        # Offset of the first tensor's data, which wants to lie on 64 bytes; 0 if there is none.
        self.align_at = align_at

    def write_into(self, buffer: memoryview, header: HeaderValues) -> None:
        """Write the message into the first `length` bytes of `buffer` (format "B")."""
        wire.pack_header_into(buffer, header)
        at = HEADER_SIZE + len(self._rest)
        buffer[HEADER_SIZE:at] = self._rest
        for prefix, array, dtype in self._pieces:
            data = at + len(prefix)
            buffer[at:data] = prefix
            at = data + array.nbytes
            if array.size:
                np.copyto(np.ndarray(array.shape, dtype, buffer, data), array)

    def to_bytes(self, header: HeaderValues) -> bytes:
        """The message as bytes of its own."""
        buffer = bytearray(self.length)
        self.write_into(memoryview(buffer), header)
        return bytes(buffer)
