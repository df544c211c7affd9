"""The edges that leave on one lane, for its sending thread: what they have, as fields of the next frame."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from rtmesh.common.errors import RtmeshError
from rtmesh.common.status_codes import number_of
from rtmesh.relay.frames import Parts
from rtmesh.relay.outgoing import MOST_BYTES, MOST_MESSAGES, Outgoing
from rtmesh.shm import FRAME_CARE, FRAME_MORE, Outflow, Reader, take_frame
from rtmesh.v1.relay_pb2 import Answer

# A frame is full above this; one edge gives 64 KiB at a time, or one large message.
FULL_BYTES = 256 * 1024


class Departures:
    """Any thread adds and finds; the rest is the sending thread's, or is done in its stead.

    Args:
        answer: called with what the far side is to hear of an edge.
    """

    def __init__(self, answer: Callable[[Answer], object]) -> None:
        self.has_more = True  # to look for without a sleep
        self._answer = answer
        self._unbegun: deque[Outgoing] = deque()
        self._begun: dict[int, Outgoing] = {}
        self._flows: list[Outflow] = []  # of those that are small
        self._has_large = False
        self._turn = 0

    def add(self, outgoing: Outgoing) -> None:
        """One more, to be begun."""
        self._unbegun.append(outgoing)

    def get(self, number: int) -> Outgoing | None:
        """The one that the far side has given this number; None if it has not begun."""
        return self._begun.get(number)

    @property
    def wait_for_a_seat(self) -> bool:
        """Whether there are some that could not begin yet."""
        return bool(self._unbegun)

    def begin(self) -> None:
        """Begin those that can."""
        for _ in range(len(self._unbegun)):
            outgoing = self._unbegun.popleft()
            try:
                begun = outgoing.reason is None and outgoing.try_begin()
            except RtmeshError as error:
                outgoing.cut(error)
            if outgoing.reason is not None:
                self._end(outgoing)
            elif begun:
                self._begun[outgoing.number] = outgoing
                self._sort()
                self._answer(Answer(number=outgoing.number))
            else:
                self._unbegun.append(outgoing)

    def end_all(self) -> None:
        """Leave every seat; nobody is told."""
        for outgoing in [*self._begun.values(), *self._unbegun]:
            outgoing.end()
        self._begun.clear()
        self._unbegun.clear()
        self._sort()

    def data(self) -> Parts:
        """What they have, each time another one first."""
        self._turn += 1
        bounds = (time.time_ns(), MOST_MESSAGES, MOST_BYTES, FULL_BYTES)
        frame, state = take_frame(self._flows, self._turn, *bounds)
        self.has_more = bool(state & FRAME_MORE)
        parts: Parts = [frame] if frame else []
        if state & FRAME_CARE or self._has_large:
            self._add_with_care(parts)
        return parts

    def readers(self) -> list[Reader]:
        """Those that have to have something before there is more to send."""
        return [reader for outgoing in self._begun.values() if (reader := outgoing.waits_for) is not None]

    def _add_with_care(self, parts: Parts) -> None:
        """Large messages, and what is rare: an end, a cut, a ring that cannot be read."""
        for outgoing in self._in_turn():
            try:
                if outgoing.reason is None:
                    parts += outgoing.next_field()
                    self.has_more |= outgoing.is_amid
            except RtmeshError as error:
                outgoing.cut(error)
            if outgoing.reason is not None:
                self._end(outgoing)
            if len(parts) > 2 and sum(map(len, parts)) >= FULL_BYTES:
                self.has_more = True
                break

    def _in_turn(self) -> list[Outgoing]:
        outgoing = list(self._begun.values())
        first = self._turn % len(outgoing) if outgoing else 0
        return outgoing[first:] + outgoing[:first]

    def _sort(self) -> None:
        self._flows = [outgoing.flow for outgoing in self._begun.values() if not outgoing.is_large]
        self._has_large = len(self._flows) < len(self._begun)

    def _end(self, outgoing: Outgoing) -> None:
        self._begun.pop(outgoing.number, None)
        self._sort()
        outgoing.end()
        if outgoing.reason is not None:
            self._answer(refusal(outgoing.number, outgoing.reason))


def refusal(number: int, error: RtmeshError) -> Answer:
    """An edge is not connected, or no longer, and why."""
    return Answer(number=number, code=number_of(error), reason=str(error))
