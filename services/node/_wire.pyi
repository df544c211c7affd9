"""Types of the C extension; see native/wire.c."""

from collections.abc import Iterable

from typing_extensions import Buffer

from rtmesh.node.wire import HeaderValues, Values

HEADER_SIZE: int
MOST_MARKS: int
MOST_NUMBERS: int

def pack_header(values: Values, /) -> bytes:
    """The header, values in the order of HeaderValues, as field 1 of a message: 57 bytes, zeros included."""

def written_header(buffer: Buffer, /) -> HeaderValues | None:
    """The header that lies first in the form of pack_header; None if something else lies there."""

def use_header_type(type_: type[HeaderValues], /) -> None:
    """Tell the type of what is returned."""

class Template:
    """How a message is laid out, to be tried on others.

    Args:
        length: of the message.
        others_end: where its first tensor begins: fields fill what is between that and the header.
        marks: bytes that stand in it, and where: ((start, bytes), …), at most MOST_MARKS.
        numbers: of fields that may not stand before the first tensor, at most MOST_NUMBERS.
    """

    def __init__(
        self,
        length: int,
        others_end: int,
        marks: tuple[tuple[int, bytes], ...],
        numbers: tuple[int, ...],
        /,
    ) -> None: ...
    def header(self, buffer: Buffer, /) -> HeaderValues | None:
        """The header of a message that is laid out like this; None if it is not."""

class Trail:
    """Where the present step comes from: what its sends carry on, and whether it may send at all.

    Args:
        own_origins: of the messages that begin at this node.

    Attributes:
        header: of the message that triggered the step; None: the step begins origins of its own.
        refusal: why nothing can be sent now; empty: it can.
    """

    refusal: str

    def __init__(self, own_origins: Iterable[int], /) -> None: ...
    @property
    def header(self) -> HeaderValues | None: ...
    def begin(self, header: Values | None, /) -> None:
        """A step begins. A message of the node's own origin has come full circle: a new one begins."""

    def stamp(self, sequence: int, epoch: int, now_ns: int, origin: int, /) -> HeaderValues:
        """The header of a message that is sent now on the output whose messages begin with `origin`.

        The first message of a step that has no origin begins one, and what the step sends on other outputs
        goes with it, so that it can be joined downstream. The next one on the same output begins another.
        """

    def sent(self, header: Values, /) -> None:
        """A message with this header was sent."""
