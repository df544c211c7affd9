"""Windows over one input: a number of messages, or a span of origin time. Pure: no ring, no clock."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import numpy as np
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from rtmesh.node.message import Message
from rtmesh.node.wire import HeaderValues

_SCALAR_DTYPES = {
    FieldDescriptor.CPPTYPE_BOOL: np.bool_,
    FieldDescriptor.CPPTYPE_INT32: np.int32,
    FieldDescriptor.CPPTYPE_INT64: np.int64,
    FieldDescriptor.CPPTYPE_UINT32: np.uint32,
    FieldDescriptor.CPPTYPE_UINT64: np.uint64,
    FieldDescriptor.CPPTYPE_FLOAT: np.float32,
    FieldDescriptor.CPPTYPE_DOUBLE: np.float64,
    FieldDescriptor.CPPTYPE_ENUM: np.int32,
}


class Window:
    """Some successive messages of one input. Each field is an attribute that has all of their values:

    Tensor [...]        ndarray [count, ...], the dtype of the messages
    a number, an enum   ndarray [count]
    repeated numbers    ndarray [count, length] if all are as long, else a list of arrays
    anything else       a list

    A field that is called like one of the attributes below is read as `window["count"]`.
    Iterating gives the headers.

    Attributes:
        count: number of messages, at least 1.
        is_partial: the stream ended before the window was full.
        start_time_ns, end_time_ns: origin time. Of a window by count, of its first and last message;
            of one by time, its bounds (the end excluded).
    """

    def __init__(
        self,
        messages: Sequence[Message],
        descriptor: Descriptor,
        *,
        start_time_ns: int,
        end_time_ns: int,
        is_partial: bool = False,
    ) -> None:
        self._messages = messages
        self._descriptor = descriptor
        self.count = len(messages)
        self.is_partial = is_partial
        self.start_time_ns = start_time_ns
        self.end_time_ns = end_time_ns

    @property
    def headers(self) -> list[HeaderValues]:
        """The headers of its messages, in order."""
        return [message.header for message in self._messages]

    def __iter__(self) -> Iterator[HeaderValues]:
        return iter(self.headers)

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, field: str) -> Any:
        values = [message[field] for message in self._messages]
        descriptor = self._descriptor.fields_by_name[field]
        try:
            return _stacked(values, descriptor)
        except ValueError as error:
            raise ValueError(f"{descriptor.full_name} differs within a window: {error}") from error

    def __getattr__(self, field: str) -> Any:
        # Called only for what is no attribute yet, so each field is stacked once.
        if field.startswith("_"):
            raise AttributeError(field)
        value = self.__dict__[field] = self[field]
        return value

    def __repr__(self) -> str:
        partial = ", partial" if self.is_partial else ""
        return f"<window of {self.count} {self._descriptor.full_name}{partial}>"


class Gathering(Protocol):
    """Gathers messages into windows."""

    def add(self, message: Message) -> Window | None:
        """Take the next message; a window if it closes one."""
        ...

    def end(self) -> Window | None:
        """The stream has ended: what is left, as a partial window."""
        ...


class CountGathering:
    """Windows of exactly `size` messages."""

    def __init__(self, descriptor: Descriptor, size: int) -> None:
        self._descriptor = descriptor
        self._size = size
        self._messages: list[Message] = []

    def add(self, message: Message) -> Window | None:
        self._messages.append(message)
        return self._close(is_partial=False) if len(self._messages) == self._size else None

    def end(self) -> Window | None:
        return self._close(is_partial=True) if self._messages else None

    def _close(self, is_partial: bool) -> Window:
        messages, self._messages = self._messages, []
        first, last = messages[0].header.origin_time_ns, messages[-1].header.origin_time_ns
        return Window(
            messages, self._descriptor, start_time_ns=first, end_time_ns=last, is_partial=is_partial
        )


class TimeGathering:
    """Windows of `length_ns` of origin time, in a row from the origin time of the first message.

    Spans in which no message falls give no window. A message that is older than the window that
    is open is put into that.
    """

    def __init__(self, descriptor: Descriptor, length_ns: int) -> None:
        self._descriptor = descriptor
        self._length_ns = length_ns
        self._start_ns = 0
        self._messages: list[Message] = []
        self._is_aligned = False

    def add(self, message: Message) -> Window | None:
        time_ns = message.header.origin_time_ns
        if not self._is_aligned:
            self._is_aligned, self._start_ns = True, time_ns
        closed = None
        spans = (time_ns - self._start_ns) // self._length_ns
        if spans > 0:
            closed = self._close(is_partial=False)
            self._start_ns += spans * self._length_ns
        self._messages.append(message)
        return closed

    def end(self) -> Window | None:
        return self._close(is_partial=True) if self._messages else None

    def _close(self, is_partial: bool) -> Window:
        messages, self._messages = self._messages, []
        start_ns, end_ns = self._start_ns, self._start_ns + self._length_ns
        return Window(
            messages, self._descriptor, start_time_ns=start_ns, end_time_ns=end_ns, is_partial=is_partial
        )


def _stacked(values: list[Any], descriptor: FieldDescriptor) -> Any:
    if isinstance(values[0], np.ndarray):
        return np.stack(values)
    dtype = _SCALAR_DTYPES.get(descriptor.cpp_type)
    if dtype is None:
        return values
    if not descriptor.is_repeated:
        return np.array(values, dtype)
    rows: list[np.ndarray[Any, Any]] = [np.array(value, dtype) for value in values]
    return np.stack(rows) if len({row.size for row in rows}) == 1 else rows
