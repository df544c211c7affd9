"""An edge that enters: opened on each lane to its machine in turn, written into a ring of this machine."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import NamedTuple

import structlog

from rtmesh.common.errors import FailedPreconditionError
from rtmesh.relay.backoff import Backoff
from rtmesh.relay.ingress_ring import IngressRing
from rtmesh.relay.window import DROPPING_WINDOW, Window
from rtmesh.shm import ChunkData, EdgeData, RingError, Writer
from rtmesh.v1.graph_pb2 import WHEN_FULL_BLOCK
from rtmesh.v1.plan_pb2 import IngressPlan
from rtmesh.v1.relay_pb2 import Grant, OpenEdge

_FIRST_RETRY_S = 0.1
_LONGEST_RETRY_S = 2.0

Tell = Callable[[bool, str], None]


class Outlook(NamedTuple):
    """What there may be to tell the far side.

    Attributes:
        is_due: there is something that should not wait.
        has_little: there is, or may soon be, something that could.
        due_at: position that the ring's reader has to release before something is due; 0: never.
    """

    is_due: bool
    has_little: bool
    due_at: int


_NOTHING = Outlook(is_due=False, has_little=False, due_at=0)


class IngressEdge:
    """One edge; a lane's two threads use it at a time.

    Args:
        run: the run it belongs to.
        plan: which edge, and how it is bounded.
        ring: the ring to fill; closed with the edge.
        tell: called with (connected, reason) as that changes.
    """

    def __init__(self, run: str, plan: IngressPlan, ring: IngressRing, tell: Tell) -> None:
        self.run = run
        self.plan = plan
        self._ring = ring
        self._tell = tell
        self._blocks = plan.when_full == WHEN_FULL_BLOCK
        self._lock = threading.Lock()
        self._window: Window | None = None  # while it is open on a lane
        self._retry = Backoff(_FIRST_RETRY_S, _LONGEST_RETRY_S)
        self._log = structlog.get_logger().bind(run=run, edge=plan.edge)
        self._last_reason = ""
        # When it may be opened again after a refusal, on time.monotonic().
        self.due_s = 0.0
        self.is_retired = False  # its run is released: no lane opens it any more
        if self._ring.ended:
            self._connected()  # for good: an earlier life of this process brought the end
        else:
            tell(False, f"waiting for {plan.from_machine}")

    @property
    def ended(self) -> bool:
        """Whether the stream has ended: nothing more will come."""
        return self._ring.ended

    @property
    def writer(self) -> Writer:
        """The ring's writer, to wait for what its reader releases."""
        return self._ring.writer

    def open(self, number: int) -> OpenEdge:
        """Begin on a lane: what to ask the far side for."""
        with self._lock:
            held = self._ring.held()
            size = self.plan.queue if self._blocks else DROPPING_WINDOW
            self._window = Window(size, held, follows_release=self._blocks)
            return OpenEdge(
                number=number,
                run=self.run,
                edge=self.plan.edge,
                resume_position=held.source_position,
                held_messages=held.head,
                grant=self._grant(self._window, number),
            )

    def accepted(self) -> None:
        """The far side sends from now on."""
        self._retry.reset()
        self._log.info("edge connected")
        self._connected()

    def refused(self, reason: str) -> None:
        """The far side does not send; "" if that is no news: it is not prepared yet."""
        self.due_s = time.monotonic() + self._retry.next_s()
        self.left(reason)

    def left(self, reason: str) -> None:
        """The lane is over, or no longer carries it."""
        with self._lock:
            self._window = None
        if reason and not self._ring.ended:
            self._tell(False, reason)
            if reason != self._last_reason:
                self._log.warning("edge cut", reason=reason)
            self._last_reason = reason

    def received(self, data: EdgeData | ChunkData) -> bool:
        """Put into the ring what came; True if the far side should be told something now.

        Raises:
            RtmeshError: it came out of order or without credit, or the ring does not take it.
        """
        with self._lock:
            if self._window is None:
                return False
            try:
                if isinstance(data, ChunkData):
                    self._take_part(self._window, data)
                else:
                    self._take(self._window, data)
            except (ValueError, RingError) as error:
                raise FailedPreconditionError(str(error)) from error
            return self._look(self._window)

    def news(self, number: int, *, also_little: bool) -> Grant | None:
        """What to tell the far side now, if anything; `also_little`: also what could wait."""
        with self._lock:
            window = self._window
            if window is None:
                return None
            window.released(self._ring.released)
            if window.is_due or (also_little and window.has_news):
                return self._grant(window, number)
            return None

    def outlook(self) -> Outlook:
        """What there may be to tell before long."""
        with self._lock:
            window = self._window
            if window is None:
                return _NOTHING
            has_little = window.has_news or window.unreleased > 0
            return Outlook(window.is_due, has_little, max(1, window.due_at) if self._blocks else 0)

    def close(self) -> None:
        """Let go of the ring, which keeps what it holds. No lane has it any more."""
        with self._lock:
            self._window = None
            self._ring.close()

    def _take(self, window: Window, data: EdgeData) -> None:
        if data.skip_position:
            window.skipped(data.skip_position)
            self._ring.skip_to(data.skip_position)
        if data.records:
            window.received(
                *self._ring.write(
                    data.records, window.next_position, window.credit, is_contiguous=self._blocks
                )
            )
        if data.end_position:
            self._ring.end(data.end_position - 1)

    def _take_part(self, window: Window, chunk: ChunkData) -> None:
        expected = window.next_position
        if chunk.position < expected or (self._blocks and chunk.position > expected) or not window.credit:
            raise ValueError(f"message {chunk.position} came when {expected} was the next")
        if self._ring.write_part(chunk):
            window.received(1, chunk.position + 1)

    def _look(self, window: Window) -> bool:
        window.released(self._ring.released)
        return window.is_due

    def _grant(self, window: Window, number: int) -> Grant:
        credit, released_position = window.grant()
        return Grant(number=number, credit=credit, released_position=released_position)

    def _connected(self) -> None:
        self._last_reason = ""
        self._tell(True, "")
