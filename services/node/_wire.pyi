"""Types of the C extension; see native/wire.c."""

from collections.abc import Callable, Iterable
from typing import Any, Protocol, Self, TypeVar

from google.protobuf.message import Message as ProtoMessage
from typing_extensions import Buffer

from rtmesh.node.encoded import Ready
from rtmesh.node.message import Message
from rtmesh.node.places import Places
from rtmesh.node.ports import InputRing, OutputRing
from rtmesh.node.tensors import TensorField
from rtmesh.node.wire import HeaderValues, Values

_Result = TypeVar("_Result")

HEADER_SIZE: int
MOST_MARKS: int
MOST_NUMBERS: int

def pack_header(values: Values, /) -> bytes:
    """The header, values in the order of HeaderValues, as field 1 of a message: 57 bytes, zeros included."""

def written_header(buffer: Buffer, /) -> HeaderValues | None:
    """The header that lies first in the form of pack_header; None if something else lies there."""

def use_header_type(type_: type[HeaderValues], /) -> None:
    """Tell the type of what is returned."""

def use_array_type(type_: type[Any], /) -> None:
    """Tell numpy's type of arrays."""

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
        self, ring: OutputRing, trail: Trail, now_ns: Callable[[], int], origin: int, max_bytes: int, /
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
    """

    def __init__(
        self,
        message_class: type[ProtoMessage],
        other_names: frozenset[str],
        scalars: tuple[Scalar, ...],
        tensors: dict[str, TensorField],
        /,
    ) -> None: ...
    def encode(self, fields: dict[str, Any], /) -> Ready | None:
        """What to send, fields by name; None if a field is unknown, or not as it usually is.

        Raises TypeError or ValueError naming the field if that is no array, or of no type that a Tensor has.
        """

class Received:
    """A received message, a view on the bytes that it lies in. Attributes of its own come before its fields.

    Args:
        others: its other fields than Tensors, parsed; None: not yet.
        places: where its Tensors lie, in `buffer`; None: its type has none.
        source: the whole message, if `others` has not all of it.
        buffer: `source`, or the same message merged by protobuf.
        keep: what is to live as long.
    """

    _others: ProtoMessage | None

    def __new__(
        cls,
        type_: Decoder,
        header: HeaderValues,
        others: ProtoMessage | None = None,
        places: Places | None = None,
        source: Buffer | None = None,
        buffer: Buffer | None = None,
        keep: object = None,
        /,
    ) -> Self: ...
    @property
    def header(self) -> HeaderValues:
        """The header; zeros for what it does not say."""

    @property
    def _source(self) -> Buffer | None: ...
    @property
    def _keep(self) -> object: ...
    @property
    def _buffer(self) -> memoryview: ...

class Decoder:
    """Decodes messages: in one go those that are laid out as the one before them, else by _decode_slowly().

    Args:
        received: their class.
        from_string: parses what protobuf is to parse of them.
    """

    _received: type[Message]

    def __init__(
        self, received: type[Message], from_string: Callable[[bytes], ProtoMessage], has_tensors: bool, /
    ) -> None: ...
    def decode(self, buffer: Any, keep: object = None) -> Message:
        """The message in `buffer`. As long as it views it, it keeps it alive, and `keep` with it.

        Raises ValueError if it is malformed; what lies within a Tensor is checked when that is read.
        """

    def _remember(self, places: Places | None, /) -> None:
        """Try these on the next message; None: none."""

class TensorAttribute:
    """A Tensor of a message as an attribute: viewed once, from then on found in the message's own dict."""

    def __init__(self, name: str, /) -> None: ...

class LateAttribute:
    """A field, no Tensor, of a message that has Tensors: the others are parsed when the first is read."""

    def __init__(self, name: str, /) -> None: ...

class _Words(Protocol):
    def set_word(self, index: int, value: int, /) -> None: ...

class StepWords:
    """The words of a ring that tell whether a step runs, since when, and how many there were.

    Attributes:
        is_stepping: between begins() and ends().
    """

    def __init__(self, writer: _Words, started_word: int, steps_word: int, /) -> None: ...
    @property
    def is_stepping(self) -> bool: ...
    def begins(self) -> None: ...
    def ends(self, steps: int, /) -> None:
        """A step is over; `steps` of them so far."""

    def hide(self) -> None:
        """The step waits, which is not being stuck."""

    def show(self) -> None:
        """It goes on, and began now."""

class Steps:
    """Runs steps: calls of user code, each with its trail, between step_begins() and step_ends().

    Attributes:
        count: of the steps that are over.
    """

    def __init__(
        self, trail: Trail, step_begins: Callable[[], None], step_ends: Callable[[int], None], /
    ) -> None: ...
    @property
    def count(self) -> int: ...
    def call(self, header: Values | None, function: Callable[..., _Result], /, *arguments: object) -> _Result:
        """Call `function` as one step, triggered by the message with `header`."""

class Single:
    """An @on of one input.

    Args:
        callback: the user's method.
        decoder: of the messages in `ring`.
    """

    def __new__(cls, callback: Callable[..., object], ring: InputRing, decoder: Decoder, /) -> Self: ...
    @property
    def callback(self) -> Callable[..., object]: ...
    @property
    def has_ended(self) -> bool: ...
    def run(self, steps: Steps, now_ns: int, /) -> bool:
        """Take the next message, call the user's method as one step, release; False: there is none.

        Where the method raises, the message stays unreleased.
        """

    def rings(self) -> list[InputRing]:
        """The ring, in the same list each time; none if it has ended."""
