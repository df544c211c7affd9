"""Types of the C extension; see native/wire.c."""

from collections.abc import Callable, Iterable
from typing import Any

from google.protobuf.message import Message
from typing_extensions import Buffer

from rtmesh.node.encoded import Ready
from rtmesh.node.tensors import TensorField
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

class Sender:
    """Gives the messages of one output their header, and publishes them.

    Args:
        ring: an OutputRing.
        trail: of the node.
        now_ns: tells mesh time.
        origin: of the messages that begin at this output.
        max_bytes: the longest message.
    """

    def __init__(
        self, ring: object, trail: Trail, now_ns: Callable[[], int], origin: int, max_bytes: int, /
    ) -> None: ...
    def publish(self, ready: Ready, /) -> bool | None:
        """Publish now; False if a `block` reader's queue is full, None if it is too long or refused.

        The first message of a step that has no origin begins one, and what the step sends on other outputs
        goes with it, so that it can be joined downstream. The next one on the same output begins another.
        """

# Name, number, protobuf's type; whether it is repeated, packed, and written with its default value too.
Scalar = tuple[str, int, int, bool, bool, bool]

class Encoder:
    """Makes messages of one type ready to be sent; remembers of each Tensor how the last array was written.

    Args:
        message_class: of protobuf.
        other_names: of the fields that are neither the header nor a Tensor.
        scalars: what is known of scalars among them, in the order of their numbers.
        tensors: the fields that are Tensors, in the order of their numbers.
        array_type: numpy's; numpy itself is not known here.
    """

    def __init__(
        self,
        message_class: type[Message],
        other_names: frozenset[str],
        scalars: tuple[Scalar, ...],
        tensors: dict[str, TensorField],
        array_type: type,
        /,
    ) -> None: ...
    def encode(self, fields: dict[str, Any], /) -> Ready | None:
        """What to send, fields by name; None if a field is unknown, or not as it usually is.

        Raises TypeError or ValueError naming the field if that is no array, or of no type that a Tensor has.
        """
