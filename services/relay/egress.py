"""An edge that leaves: a ring of this machine, read for one far machine.

The reader's seat in the ring is the edge's memory: *taken* is what was sent, *released* what the
far side has acknowledged. Each opening moves *taken* back to what the far side holds, so whatever was lost on
the way, with a connection or with a process, is read from the ring again. Nothing is kept here.
"""

from __future__ import annotations

import threading

from rtmesh.common.errors import AbortedError, FailedPreconditionError, RtmeshError, UnavailableError
from rtmesh.relay.outgoing import Outgoing, RingBell
from rtmesh.shm import Reader, Ring, RingError
from rtmesh.v1.relay_pb2 import OpenEdge


class EgressEdge:
    """One reader's seat in a ring, lent to one lane at a time; any thread.

    Raises (from the constructor):
        RingError: the ring cannot be opened.
        FailedPreconditionError: it has no such reader.
    """

    def __init__(self, name: str, segment: str, reader: int, *, is_large: bool = False) -> None:
        self._name = name
        self._is_large = is_large
        self._index = reader
        self._ring = Ring.open(segment)
        self._lock = threading.Lock()
        self._newest: Outgoing | None = None
        # Who reads the ring now: a lane that was taken over lets go when its thread comes by.
        self._reading: Outgoing | None = None
        self._is_closed = False
        if reader >= len(self._ring.layout.readers):
            self._ring.close()
            raise FailedPreconditionError(
                f"ring {segment} has no reader {reader}, which edge {name} needs",
                "the plan and the ring differ; apply the graph again",
            )

    def open(self, opening: OpenEdge, ring_bell: RingBell) -> Outgoing:
        """Lend the seat to a lane, taking it from the one before.

        Raises:
            UnavailableError: the edge is closed.
        """
        outgoing = Outgoing(self, opening, ring_bell, is_large=self._is_large)
        with self._lock:
            self._check_open()
            previous, self._newest = self._newest, outgoing
        if previous is not None:
            previous.cut(AbortedError(f"another lane took over edge {self._name}"))
        return outgoing

    def try_sit(self, outgoing: Outgoing) -> Reader | None:
        """The ring's reader for a lane; None while another still reads.

        Raises:
            RtmeshError: the reader cannot be attached, or a still newer lane came.
        """
        with self._lock:
            self._check_open()
            if outgoing is not self._newest:
                raise AbortedError(f"another lane took over edge {self._name}")
            if self._reading is not None:
                return None
            try:
                reader = Reader(self._ring.name, self._index, keep_unreleased=True)
            except RingError as error:
                raise self._unreadable(error) from error
            self._reading = outgoing
            return reader

    def stand_up(self, outgoing: Outgoing) -> None:
        """The lane has closed its reader."""
        with self._lock:
            if self._reading is outgoing:
                self._reading = None

    def close(self) -> None:
        """Take the seat from the lane that has it, if any, and let go of the ring."""
        with self._lock:
            self._is_closed = True
            outgoings = [outgoing for outgoing in (self._newest, self._reading) if outgoing is not None]
        for outgoing in outgoings:
            outgoing.cut(UnavailableError(f"edge {self._name} was released"))
            outgoing.wait_until_over()
        self._ring.close()

    def _check_open(self) -> None:
        if self._is_closed:
            raise UnavailableError(f"edge {self._name} was released")

    def _unreadable(self, error: RingError) -> RtmeshError:
        return FailedPreconditionError(f"edge {self._name} cannot be read: {error}")
