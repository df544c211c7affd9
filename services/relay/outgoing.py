"""An edge that leaves, on one lane: read from its ring against credit, by the lane's sending thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from rtmesh.common.errors import FailedPreconditionError, RtmeshError
from rtmesh.relay.frames import Parts, chunk_field, message_field, records_field
from rtmesh.shm import Outflow, Reader, RingError, View, take_records
from rtmesh.v1.relay_pb2 import Grant, OpenEdge

if TYPE_CHECKING:
    from rtmesh.relay.egress import EgressEdge

# Of one edge in one frame, so that the others have their turn.
MOST_MESSAGES = 256
MOST_BYTES = 64 * 1024
# A longer message goes in parts of this size.
PART_BYTES = 4 * 1024 * 1024
_OVER_WITHIN_S = 5.0

RingBell = Callable[[], None]


class Outgoing:
    """The sending thread begins, reads and ends it; the receiving one grants; any may cut it."""

    def __init__(self, edge: EgressEdge, opening: OpenEdge, ring_bell: RingBell, *, is_large: bool) -> None:
        self.number = opening.number
        self.is_large = is_large
        self.flow = Outflow(opening.number, opening.grant.credit)
        self._edge = edge
        self._opening = opening
        self._ring_bell = ring_bell
        self._reader: Reader | None = None
        self._view: View | None = None  # of a message that goes in parts
        self._offset = 0
        self._over = threading.Event()
        self.reason: RtmeshError | None = None

    # any thread

    def grant(self, grant: Grant) -> bool:
        """Take credit and an acknowledgement; whether it waited for credit."""
        had_none = self._has_no_credit
        self.flow.granted += grant.credit
        reader = self._reader
        if reader is not None:
            self._release(reader, grant.released_position)
        return had_none and grant.credit > 0

    def cut(self, reason: RtmeshError) -> None:
        """Have it ended."""
        self.reason = self.reason or reason
        self.flow.needs_care = True
        self._ring_bell()

    def wait_until_over(self) -> None:
        """Return once its reader is closed, which a cut brings about."""
        self._over.wait(_OVER_WITHIN_S)

    # the sending thread

    def try_begin(self) -> bool:
        """Attach the reader where the far side left off; False while another lane still reads.

        Raises:
            RtmeshError: the ring cannot be read, or the far side holds what was never sent.
        """
        reader = self._edge.try_sit(self)
        if reader is None:
            return False
        self._reader = reader
        try:
            reader.resume(self._opening.resume_position, self._opening.held_messages)
        except RingError as error:
            raise FailedPreconditionError(str(error)) from error
        if reader.taken > self._opening.resume_position:
            self.flow.skip_position = reader.taken
        self._release(reader, self._opening.grant.released_position)
        self.flow.attach(reader)
        return True

    @property
    def waits_for(self) -> Reader | None:
        """The reader that has to have something before there is more to send; None: credit is missing."""
        has_ended = self.flow.is_over or self._reader is None
        return None if has_ended or self._has_no_credit else self._reader

    @property
    def _has_no_credit(self) -> bool:
        return self.flow.sent == self.flow.granted

    @property
    def is_amid(self) -> bool:
        """Whether a message has gone in part: what is missing can be sent."""
        return self._view is not None

    def next_field(self) -> Parts:
        """What there is to send, as far as there is credit; nothing if there is nothing.

        Raises:
            RtmeshError: the ring cannot be read any more.
        """
        if self._reader is None or self.flow.is_over:
            return []
        try:
            return self._next_of(self._reader)
        except RingError as error:
            raise FailedPreconditionError(str(error)) from error

    def end(self) -> None:
        """Leave the seat; hold_absent bounds its hold on the writer."""
        self._view = None
        reader, self._reader = self._reader, None
        if reader is not None:
            if not reader.ended:
                reader.set_absent()
            reader.close()
        self._edge.stand_up(self)
        self._over.set()

    def _next_of(self, reader: Reader) -> Parts:
        if self._view is not None:
            return self._next_part()
        credit = min(self.flow.granted - self.flow.sent, MOST_MESSAGES)
        if reader.available() and credit:
            return self._messages(reader, credit)
        if reader.ended:
            self.flow.is_over = True
            return records_field(self.number, b"", skip=self._pop_skip(), end=reader.taken + 1)
        return records_field(self.number, b"", skip=self._pop_skip()) if self.flow.skip_position else []

    def _messages(self, reader: Reader, credit: int) -> Parts:
        # The latencies that an egress reader records are nobody's: the wall clock will do.
        if self.is_large:
            return self._large(reader)
        records, count = take_records(reader, time.time_ns(), credit, MOST_BYTES)
        self.flow.sent += count
        return records_field(self.number, records, skip=self._pop_skip()) if count else []

    def _large(self, reader: Reader) -> Parts:
        view = reader.try_take(time.time_ns())
        if view is None:
            return []
        self.flow.sent += 1
        if len(view) <= PART_BYTES:
            return message_field(self.number, view, skip=self._pop_skip())
        self._view, self._offset = view, 0
        skip = records_field(self.number, b"", skip=self._pop_skip()) if self.flow.skip_position else []
        return skip + self._next_part()

    def _next_part(self) -> Parts:
        assert self._view is not None
        field = chunk_field(self.number, self._view, self._offset, PART_BYTES)
        self._offset += PART_BYTES
        if self._offset >= len(self._view):
            self._view = None
        return field

    def _pop_skip(self) -> int:
        position, self.flow.skip_position = self.flow.skip_position, 0
        return position

    def _release(self, reader: Reader, position: int) -> None:
        try:
            reader.release(position)
        except ValueError:
            pass  # the sending thread has just closed it
