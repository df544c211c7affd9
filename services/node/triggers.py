"""@on at run time: takes messages from rings until a call of the method is due."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol, Self

from rtmesh.node._wire import Single, Steps
from rtmesh.node.joins import OriginJoin
from rtmesh.node.message import Message, MessageType
from rtmesh.node.ports import InputRing
from rtmesh.node.windows import Gathering, Window
from rtmesh.node.wire import HeaderValues
from rtmesh.v1.graph_pb2 import WHEN_FULL_BLOCK

# A call that is due: its arguments, and the header of the message that triggers it.
Call = tuple[tuple[Any, ...], HeaderValues]


class Source(NamedTuple):
    """One input of a trigger."""

    ring: InputRing
    message_type: MessageType
    when_full: int
    queue: int

    def try_take(self, now_ns: int) -> Message | None:
        """The next message, not released yet."""
        view = self.ring.try_take(now_ns)
        return None if view is None else self.message_type.decode(view)


class Trigger(Protocol):
    """One @on method."""

    @property
    def unjoined(self) -> int:
        """Messages that were given up without a partner."""
        ...

    @property
    def has_ended(self) -> bool:
        """Every input has ended, and no call is left."""
        ...

    def run(self, steps: Steps, now_ns: int, /) -> bool:
        """Run the next call as one step; False if no message makes one due."""
        ...

    def rings(self) -> list[InputRing]:
        """The rings on which something new could make a call due."""
        ...

    def close(self) -> None:
        """No more calls: what still waits is given up."""
        ...


class SingleTrigger(Single):
    """@on("input"): one call for each message. All that is done for each is in C: native/single.h."""

    def __new__(cls, callback: Callable[..., object], source: Source) -> Self:
        return super().__new__(cls, callback, source.ring, source.message_type)

    @property
    def unjoined(self) -> int:
        return 0

    def close(self) -> None:
        """A single message never waits."""


class _Taking:
    """A trigger that takes messages until a call is due. They are released when they are taken."""

    callback: Callable[..., object]

    def run(self, steps: Steps, now_ns: int, /) -> bool:
        call = self._take(now_ns)
        if call is None:
            return False
        arguments, header = call
        steps.call(header, self.callback, *arguments)
        return True

    def _take(self, now_ns: int) -> Call | None:
        """The next call, None if no message makes one due."""
        raise NotImplementedError


class WindowTrigger(_Taking):
    """@on("input", window=…). The windows keep their messages, so the ring is released at once."""

    def __init__(self, callback: Callable[..., object], source: Source, gathering: Gathering) -> None:
        self.callback = callback
        self._source = source
        self._ring = source.ring
        self._gathering = gathering
        self._last: HeaderValues | None = None
        self._has_ended = False

    @property
    def unjoined(self) -> int:
        return 0

    @property
    def has_ended(self) -> bool:
        return self._has_ended

    def _take(self, now_ns: int) -> Call | None:
        while (message := self._source.try_take(now_ns)) is not None:
            self._ring.release()
            self._last = message.header
            if (window := self._gathering.add(message)) is not None:
                return (window,), message.header
        return self._take_rest() if self._ring.ended and not self._has_ended else None

    def rings(self) -> list[InputRing]:
        return [] if self._has_ended else [self._ring]

    def close(self) -> None:
        """The messages of a window that never closed were delivered: nothing to count."""

    def _take_rest(self) -> Call | None:
        self._has_ended = True
        window: Window | None = self._gathering.end()
        return ((window,), self._last) if window is not None and self._last is not None else None


class JoinTrigger(_Taking):
    """@on("a", "b", join="origin").

    A `block` input whose messages have filled the join's queue is left alone, so that it holds its
    writer: giving messages up would lose them for a sibling that is only slower.
    """

    def __init__(self, callback: Callable[..., object], sources: Sequence[Source]) -> None:
        self.callback = callback
        self._sources = list(sources)
        self._join = OriginJoin([source.queue for source in sources])
        self._open = set(range(len(self._sources)))
        self._next = 0

    @property
    def unjoined(self) -> int:
        return self._join.unjoined

    @property
    def has_ended(self) -> bool:
        return not self._open

    def _take(self, now_ns: int) -> Call | None:
        while True:
            message, index = self._take_next(now_ns)
            if message is None:
                if self._join.break_deadlock():
                    continue
                return None
            if (matched := self._join.add(index, message)) is not None:
                return matched, message.header

    def rings(self) -> list[InputRing]:
        return [self._sources[index].ring for index in sorted(self._open) if self._may_take(index)]

    def close(self) -> None:
        self._join.close()

    def _take_next(self, now_ns: int) -> tuple[Message | None, int]:
        """The next message of any input, in turn, so that a fast input cannot keep the others waiting."""
        count = len(self._sources)
        for offset in range(count):
            index = (self._next + offset) % count
            if index in self._open and self._may_take(index):
                message = self._take_from(index, now_ns)
                if message is not None:
                    self._next = index + 1
                    return message, index
        return None, 0

    def _take_from(self, index: int, now_ns: int) -> Message | None:
        source = self._sources[index]
        message = source.try_take(now_ns)
        if message is not None:
            source.ring.release()
        elif source.ring.ended:
            self._open.discard(index)
            self._join.end(index)
        return message

    def _may_take(self, index: int) -> bool:
        return self._sources[index].when_full != WHEN_FULL_BLOCK or self._join.has_room(index)
