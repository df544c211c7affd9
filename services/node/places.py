"""Where the tensors of a message lie, to be tried on the next message of the same type and length."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Self

from rtmesh.node._wire import MOST_MARKS, MOST_NUMBERS, Template
from rtmesh.node.layout import MessageLayout
from rtmesh.node.tensors import ArrayPlace

Extents = dict[int, list[tuple[int, int]]]


class Places(NamedTuple):
    """Where the parts of a message lie; native/received.h knows it as a tuple.

    There are `arrays` and a template only of one that is laid out as our writers do: header, other fields,
    tensors behind each other to the end.

    Attributes:
        tensors: extents of the tensors' payloads, by field number.
        cuts: extents of the header and of the tensors, tags included.
        arrays: by field name, of those that are not repeated, valid and not empty.
        template: what must be as it was for all of this to hold of another message: the length; tag and
            length of each tensor, and of those in `arrays` dtype and shape; and that fields fill what stands
            before the first.
    """

    tensors: Extents
    cuts: list[tuple[int, int]]
    arrays: dict[str, ArrayPlace]
    template: Template | None

    @classmethod
    def of(
        cls, buffer: memoryview, cuts: list[tuple[int, int]], tensors: Extents, layout: MessageLayout
    ) -> Self:
        """The places in a message whose header lies first: those of others are `Places(…, {}, None)`."""
        ends = [end for _, end in cuts[1:]]
        starts = [start for start, _ in cuts[1:]]
        if not starts or starts[1:] != ends[:-1] or ends[-1] != len(buffer):
            return cls(tensors, cuts, {}, None)
        arrays = _arrays(buffer, tensors, layout)
        template = _template(buffer, starts, tensors, layout, arrays)
        return cls(tensors, cuts, {} if template is None else arrays, template)


def _template(
    buffer: memoryview,
    starts: list[int],
    tensors: Extents,
    layout: MessageLayout,
    arrays: Mapping[str, ArrayPlace],
) -> Template | None:
    if len(starts) > MOST_MARKS or len(layout.singular) > MOST_NUMBERS:
        return None
    data = {tensors[layout.tensors[name].number][0][0]: at for name, (_, _, at) in arrays.items()}
    payloads = sorted([payload for extents in tensors.values() for payload, _ in extents])
    ends = [data.get(payload, payload) for payload in payloads]
    marks = tuple([(start, bytes(buffer[start:end])) for start, end in zip(starts, ends, strict=True)])
    return Template(len(buffer), starts[0], marks, tuple(layout.singular))


def _arrays(buffer: memoryview, tensors: Extents, layout: MessageLayout) -> dict[str, ArrayPlace]:
    arrays = {}
    for name, field in layout.tensors.items():
        if not field.is_repeated and field.number in tensors:
            start, end = tensors[field.number][0]
            place = field.place(buffer, start, end)
            if place is not None:
                arrays[name] = place
    return arrays
