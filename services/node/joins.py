"""Joining streams by origin: decides which messages belong together. Pure: no ring, no clock.

A message waits until each other input has brought the same-numbered message of the same origin.
The messages of one origin arrive in order on each input, so one whose partner's input is past its
origin waits for nothing: it is unjoined at once, and does not stand in the way of others.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rtmesh.node.message import Message


class Place(NamedTuple):
    """Where a message stands in the stream of its origin: compares in order of arrival."""

    epoch: int
    sequence: int
    number: int


Key = tuple[int, Place]

_BEFORE_ALL = Place(-1, 0, 0)


class OriginJoin:
    """Matches the k-th message of one origin on each of several inputs.

    Args:
        queues: how many messages of each input may wait.

    Attributes:
        unjoined: messages that were given up without a partner.
    """

    def __init__(self, queues: Sequence[int]) -> None:
        self.unjoined = 0
        self._sides = [_Side(queue) for queue in queues]

    def has_room(self, index: int) -> bool:
        """Whether one more message of input `index` may wait."""
        side = self._sides[index]
        return len(side.waiting) < side.queue

    def add(self, index: int, message: Message) -> tuple[Message, ...] | None:
        """Take the next message of input `index`; the whole match if it completes one.

        Where there is no room the oldest message that waits is given up.
        """
        side = self._sides[index]
        key = side.next_key(message)
        if key is None:
            self.unjoined += 1
            return None
        if not self.has_room(index):
            self._give_up(side, next(iter(side.waiting)))
        side.waiting[key] = message
        matched = self._match(key)
        if matched is not None or self._is_any_hopeless(side):
            self._give_up_the_hopeless()
        return matched

    def end(self, index: int) -> None:
        """No more messages come on input `index`."""
        self._sides[index].has_ended = True
        for side in self._sides:
            for key in list(side.waiting):
                if self._is_hopeless(side, key):
                    self._give_up(side, key)
        self._give_up_the_hopeless()

    def break_deadlock(self) -> bool:
        """Give up each input's oldest message if none has room: they would wait for each other forever."""
        stuck = [side for side in self._sides if not side.has_ended and len(side.waiting) >= side.queue]
        if not stuck or len(stuck) < sum(not side.has_ended for side in self._sides):
            return False
        for side in stuck:
            self._give_up(side, next(iter(side.waiting)))
        self._give_up_the_hopeless()
        return True

    def close(self) -> None:
        """Give up everything that waits."""
        for side in self._sides:
            self.unjoined += len(side.waiting)
            side.waiting.clear()

    def _match(self, key: Key) -> tuple[Message, ...] | None:
        for side in self._sides:
            if key not in side.waiting:
                return None
        return tuple([side.waiting.pop(key) for side in self._sides])

    def _is_any_hopeless(self, moved: _Side) -> bool:
        """Whether a message at a front has become hopeless now that `moved` has got one without a match.

        Only `moved` has passed anything, so it is the only one that the other fronts must be compared with:
        this is asked for every message.
        """
        waiting = moved.waiting
        for side in self._sides:
            if side is moved:
                if self._is_hopeless(side, next(iter(waiting))):
                    return True
            elif side.waiting and (key := next(iter(side.waiting))) not in waiting and moved.is_past(key):
                return True
        return False

    def _give_up_the_hopeless(self) -> None:
        """Give up every front that is hopeless, until none is: one that goes may have been a partner."""
        has_given_up = True
        while has_given_up:
            has_given_up = False
            # Only from the front: what waits is in order, so this is all of it unless origins mix.
            for side in self._sides:
                while side.waiting and self._is_hopeless(side, key := next(iter(side.waiting))):
                    self._give_up(side, key)
                    has_given_up = True

    def _is_hopeless(self, side: _Side, key: Key) -> bool:
        for other in self._sides:
            if other is not side and key not in other.waiting and other.is_past(key):
                return True
        return False

    def _give_up(self, side: _Side, key: Key) -> None:
        del side.waiting[key]
        self.unjoined += 1


class _Side:
    """One input of a join: what waits, in order of arrival, and how far each origin has come."""

    def __init__(self, queue: int) -> None:
        self.queue = queue
        self.has_ended = False
        self.waiting: dict[Key, Message] = {}
        self._newest: dict[int, Place] = {}

    def next_key(self, message: Message) -> Key | None:
        """The message's place in its origin's stream; None if that stream is past it."""
        _, _, _, origin, epoch, sequence, _ = message.header
        place = Place(epoch, sequence, 1)
        newest = self._newest.get(origin)
        if newest is not None and place <= newest:
            if epoch != newest.epoch or sequence != newest.sequence:
                return None
            place = Place(epoch, sequence, newest.number + 1)
        self._newest[origin] = place
        return origin, place

    def is_past(self, key: Key) -> bool:
        """Whether this input can no longer bring the message `key`."""
        origin, place = key
        return self.has_ended or self._newest.get(origin, _BEFORE_ALL) >= place
