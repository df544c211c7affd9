"""One lane: a stream between two machines that carries edges of both directions.

Two threads use it. The *sending* one is the lane's own: it asks `frames` for the next one, which takes all
that is ready, of all edges, so that what piles up while a frame is on its way goes together with the next;
when there is nothing it sleeps in the rings themselves. The *receiving* one, which other lanes share, puts
what comes into rings. Neither hands a message to another thread: that costs more than the rest of the way.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from rtmesh.common.errors import AbortedError, RtmeshError
from rtmesh.common.status_codes import error_from_number
from rtmesh.relay.departures import Departures, refusal
from rtmesh.relay.egress import EgressEdge
from rtmesh.relay.frames import Parts, split
from rtmesh.relay.ingress import IngressEdge
from rtmesh.shm import ChunkData, Doorbell, EdgeData, wait
from rtmesh.v1.relay_pb2 import Answer, Frame, Grant, LaneHello, OpenEdge

# A side that has nothing to say says so this often; silence for longer than the other means a cut.
HEARTBEAT_S = 0.5
SILENCE_S = 2.5
# What could wait, is told so often; while messages come without a pause half as often each time, down to the
# longest: to tell of them disturbs the next ones, the more surely as their rate may be in step with it.
_TAIL_S = 0.02
_LONGEST_TAIL_S = 0.25
# Nor so soon behind a message: its reader has it first. Where messages are closer, it waits so long at most.
_CLEAR_S = 0.0003
_MOST_CLEAR_S = 0.002
# Another thread has its turn; who ends it says so, and this is for the one that was interrupted.
_STEP_ASIDE_S = 0.1
_NOT_FOUND = 5  # google.rpc.Code
# How soon an edge is looked at again whose seat another lane has not left yet.
_SEAT_S = 0.005

FindEgress = Callable[[str, str], EgressEdge]


class Lane:
    """A lane to machine `far`.

    Args:
        own: the machine this relay serves.
        far: the other one.
        name: "" for the small edges, else of the one large edge.
        find_egress: the edge of a run that leaves here; raises RtmeshError.
        cancel: ends the call.
    """

    def __init__(
        self, own: str, far: str, name: str, find_egress: FindEgress, cancel: Callable[[], object]
    ) -> None:
        self.far = far
        self.name = name
        self.is_up = False  # something was heard
        self.is_dialled = False  # from here
        self.reason: RtmeshError | None = None  # why it is over
        self._hello = Frame(hello=LaneHello(machine=own, lane=name))
        self._find_egress = find_egress
        self._cancel = cancel
        self._turn = threading.Lock()  # held by the sending thread while it does not send
        self._wanted: deque[None] = deque()  # one for each other thread that wants or has it
        self._returned = threading.Event()
        self._bell = Doorbell()
        self._answers: deque[Answer] = deque()
        self._closed: deque[int] = deque()
        self._unopened: deque[IngressEdge] = deque()
        self._departures = Departures(self._answers.append)
        self._incoming: dict[int, IngressEdge] = {}
        self._numbers = 0
        self._sent_s = self._heard_s = time.monotonic()
        self._came_s = self._heard_s  # the last messages
        self._tail_s = _TAIL_S
        self._tail_due_s = self._heard_s + _TAIL_S
        self._is_tail_due = False
        self._has_passed_news = False  # for the last frame, which had messages: the next one has it

    # any thread

    def open(self, edge: IngressEdge) -> None:
        """Have an edge's messages come on this lane."""
        self._unopened.append(edge)
        self._bell.ring()

    def close_edge(self, edge: IngressEdge) -> None:
        """Have no more of it come; when this returns, the lane does not touch it any more."""
        with self._turn_soon():
            for number in [number for number, other in self._incoming.items() if other is edge]:
                del self._incoming[number]
                self._closed.append(number)
            if edge in self._unopened:
                self._unopened.remove(edge)
        edge.left("")

    def is_silent(self, now_s: float) -> bool:
        """Whether the other side has not been heard for too long."""
        return now_s - self._heard_s > SILENCE_S

    def end(self, reason: RtmeshError) -> None:
        """End the call, and leave every edge; nothing if it is over."""
        with self._turn_soon():
            if self.reason is not None:
                return
            self.reason = reason
            self._departures.end_all()
            edges = [*self._incoming.values(), *self._unopened]
            self._incoming.clear()
            self._unopened.clear()
        for edge in edges:
            edge.left(f"{self.far}: {reason}")
        self._cancel()

    # the receiving thread

    def receive(self, frames: Iterable[bytes]) -> None:
        """Take frames until there are no more; raises what is wrong with one."""
        for frame in frames:
            self.take(frame)

    def take(self, frame: bytes) -> None:
        """Take one frame; raises what is wrong with it."""
        self._heard_s = time.monotonic()
        self.is_up = True
        if frame:
            self._apply(frame)

    def _apply(self, frame: bytes) -> None:
        others, data = split(frame)
        if others:
            self._apply_others(Frame.FromString(others))
        due = False
        if data:
            if self._heard_s - self._came_s >= _TAIL_S:
                self._tail_s, self._tail_due_s = _TAIL_S, self._heard_s
            self._came_s = self._heard_s
        for each in data:
            due |= self._apply_data(each)
        if due or (data and not self._is_tail_due):
            self._bell.ring()

    def _apply_others(self, frame: Frame) -> None:
        for grant in frame.grants:
            outgoing = self._departures.get(grant.number)
            if outgoing is not None and outgoing.grant(grant):
                self._bell.ring()
        if not (frame.opens or frame.answers or frame.closed):
            return
        for opening in frame.opens:
            self._open_egress(opening)
        for answer in frame.answers:
            self._answered(answer)
        for number in frame.closed:
            outgoing = self._departures.get(number)
            if outgoing is not None:
                outgoing.cut(AbortedError("the far machine released it"))
        self._bell.ring()

    def _apply_data(self, data: EdgeData | ChunkData) -> bool:
        edge = self._incoming.get(data.number)
        if edge is None:
            return False  # closed meanwhile
        try:
            is_due = edge.received(data)
        except RtmeshError as error:
            self._give_up(data.number, edge, error)
            return True
        if isinstance(data, EdgeData) and data.end_position:
            self._tail_s, self._tail_due_s = _TAIL_S, self._heard_s
            return True
        return is_due

    def _give_up(self, number: int, edge: IngressEdge, error: RtmeshError) -> None:
        """Ours: the ring, or a message against the rules. As after a cut, the next opening resumes."""
        self._incoming.pop(number, None)
        self._closed.append(number)
        edge.refused(str(error))
        self._unopened.append(edge)

    def _open_egress(self, opening: OpenEdge) -> None:
        try:
            outgoing = self._find_egress(opening.run, opening.edge).open(opening, self._bell.ring)
        except RtmeshError as error:
            self._answers.append(refusal(opening.number, error))
            self._bell.ring()
            return
        self._departures.add(outgoing)

    def _answered(self, answer: Answer) -> None:
        edge = self._incoming.get(answer.number)
        if edge is None:
            return
        if answer.code == 0:
            edge.accepted()
            return
        del self._incoming[answer.number]
        error = error_from_number(answer.code, answer.reason)
        edge.refused("" if answer.code == _NOT_FOUND else f"{self.far}: {error}")
        self._unopened.append(edge)

    # the sending thread

    def frames(self) -> Iterator[bytes]:
        """Everything to send, until the lane is over; each asked for once the last is on its way."""
        yield self._hello.SerializeToString()
        while True:
            with self._turn:
                if self.reason is not None:
                    return
                if not (self._departures.has_more or self._wanted):
                    self._sleep()
                frame = None if self.reason is not None else self._next_frame()
            if frame is not None:
                yield frame
            while self._wanted:  # a lock is not fair
                self._returned.wait(_STEP_ASIDE_S)
                self._returned.clear()

    def _next_frame(self) -> bytes | None:
        """What is ready; None if there is nothing to say yet."""
        self._bell.hear()
        now_s = time.monotonic()
        openings = self._openings(now_s) if self._unopened else []
        if self._departures.wait_for_a_seat:
            self._departures.begin()
        data = self._departures.data()
        # Messages first, without looking further: what is due is found before the next sleep.
        rare = openings or self._answers or self._closed
        self._has_passed_news = bool(data) and not (rare or self._has_passed_news)
        if not self._has_passed_news:
            self._add_news(data, openings, now_s)
        if not data and now_s - self._sent_s < HEARTBEAT_S:
            return None
        self._sent_s = now_s
        return bytes(data[0]) if len(data) == 1 else b"".join(data)

    def _add_news(self, data: Parts, openings: list[OpenEdge], now_s: float) -> None:
        is_tail_over = self._is_tail_due and now_s >= self._tail_at_s()
        if is_tail_over:
            self._tail_s = min(2 * self._tail_s, _LONGEST_TAIL_S)
        grants = self._news(also_little=is_tail_over)
        if grants and not is_tail_over:  # a frame goes anyway
            grants += self._news(also_little=True)
        if grants or is_tail_over:
            self._tail_due_s = now_s + self._tail_s
        if openings or grants or self._answers or self._closed:
            data.insert(0, self._others(openings, grants))

    def _others(self, openings: list[OpenEdge], grants: list[Grant]) -> bytes:
        frame = Frame(opens=openings, grants=grants)
        while self._answers:
            frame.answers.append(self._answers.popleft())
        while self._closed:
            frame.closed.append(self._closed.popleft())
        return bytes(frame.SerializeToString())

    def _tail_at_s(self) -> float:
        """When what could wait is to be told."""
        due_s = self._tail_due_s
        return min(max(due_s, self._came_s + _CLEAR_S), due_s + _MOST_CLEAR_S)

    def _openings(self, now_s: float) -> list[OpenEdge]:
        openings = []
        for _ in range(len(self._unopened)):
            edge = self._unopened.popleft()
            if edge.ended or edge.is_retired:
                continue
            if edge.due_s > now_s:
                self._unopened.append(edge)
                continue
            self._numbers += 1
            self._incoming[self._numbers] = edge
            openings.append(edge.open(self._numbers))
        return openings

    def _news(self, *, also_little: bool) -> list[Grant]:
        news = (edge.news(number, also_little=also_little) for number, edge in list(self._incoming.items()))
        return [grant for grant in news if grant is not None]

    def _sleep(self) -> None:
        """Until there may be something to say. Whoever adds to what is said rings the bell."""
        released = []
        self._is_tail_due = False
        for edge in list(self._incoming.values()):
            outlook = edge.outlook()
            if outlook.is_due:
                return
            self._is_tail_due |= outlook.has_little
            if outlook.due_at:
                released.append((edge.writer, outlook.due_at))
        readers = self._departures.readers()
        wait(readers, timeout_ns=int(self._longest_s() * 1e9), released=released, doorbell=self._bell)

    def _longest_s(self) -> float:
        now_s = time.monotonic()
        until_s = self._sent_s + HEARTBEAT_S
        if self._is_tail_due:
            until_s = min(until_s, self._tail_at_s())
        if self._unopened:
            until_s = min(until_s, *(edge.due_s for edge in self._unopened))
        if self._departures.wait_for_a_seat:
            until_s = min(until_s, now_s + _SEAT_S)
        return max(0.0, until_s - now_s)

    @contextmanager
    def _turn_soon(self) -> Iterator[None]:
        """Keep the sending thread out, from another thread."""
        self._wanted.append(None)
        self._bell.ring()
        try:
            with self._turn:
                yield
        finally:
            self._wanted.pop()
            self._returned.set()
