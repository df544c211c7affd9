"""A machine that edges come from or go to: its lanes, dialled here or accepted from there."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from rtmesh.common.errors import AbortedError, RtmeshError, UnavailableError
from rtmesh.relay.backoff import Backoff
from rtmesh.relay.ingress import IngressEdge
from rtmesh.relay.lane import FindEgress, Lane
from rtmesh.relay.stream import LaneStream
from rtmesh.relay.wire import Connection, Wire

_FIRST_RETRY_S = 0.1
_LONGEST_RETRY_S = 1.0
_LOOK_S = 0.25
# Of two machines the first by name dials; the other does so if it has waited so long in vain.
_VAIN_S = 3.0


class FarMachine:
    """Keeps a lane up for all small edges with one machine, and one for each large edge.

    Those of large edges go over a connection of their own: in one with them a small message waits until a
    large one has left the socket, and for the thread that copies what came.

    Args:
        own: the name of this machine.
        name: of the other one.
        find_egress: the edge of a run that leaves here; raises RtmeshError.
        wire: how it is dialled.
    """

    def __init__(self, own: str, name: str, find_egress: FindEgress, wire: Wire) -> None:
        self._own = own
        self._name = name
        self._find_egress = find_egress
        self._wire = wire
        self._address = ""
        self._lock = threading.RLock()
        self._lanes: dict[str, Lane] = {}
        self._ingress: dict[str, list[IngressEdge]] = {}  # by lane
        self._uses: dict[str, int] = {}  # edges of either direction, by lane
        self._missing_since_s: dict[str, float] = {}
        self._retry: dict[str, Backoff] = {}
        self._dial_at_s: dict[str, float] = {}
        self._connections: dict[bool, Connection] = {}  # by whether it is for large edges
        self._changed = threading.Event()
        self._is_closed = False
        self._keeping = threading.Thread(target=self._keep, name=f"to {name}", daemon=True)
        self._keeping.start()

    def reach(self, address: str) -> None:
        """Say where it listens; "" if that is not known."""
        with self._lock:
            if address and address != self._address:
                self._address = address
                self._hang_up_all()

    def use(self, lane: str, ingress: IngressEdge | None = None) -> None:
        """One more edge goes over a lane; one that enters here is opened there, now and on each after it."""
        with self._lock:
            self._uses[lane] = self._uses.get(lane, 0) + 1
            if ingress is not None:
                self._ingress.setdefault(lane, []).append(ingress)
                if lane in self._lanes:
                    self._lanes[lane].open(ingress)
        self._changed.set()

    def leave(self, lane: str, ingress: IngressEdge | None = None) -> None:
        """One edge less; when this returns, no lane touches it any more."""
        with self._lock:
            self._uses[lane] -= 1
            current = self._lanes.get(lane)
            if ingress is not None:
                ingress.is_retired = True
                self._ingress[lane].remove(ingress)
        if ingress is not None and current is not None:
            current.close_edge(ingress)
        self._changed.set()

    def accept(self, name: str, cancel: Callable[[], object]) -> LaneStream:
        """A lane that the other side has dialled; it takes the place of the one before."""
        return LaneStream(self, self._begin(name, cancel))

    def drop(self, lane: Lane, reason: RtmeshError) -> None:
        """A lane is over; it is begun anew if it is needed."""
        lane.end(reason)
        with self._lock:
            if self._lanes.get(lane.name) is lane:
                del self._lanes[lane.name]
            if lane.is_up and lane.name in self._retry:
                self._retry[lane.name].reset()
            self._hang_up_unused(lane)
        self._changed.set()

    def close(self) -> None:
        """End every lane; the edges must have left."""
        with self._lock:
            self._is_closed = True
            lanes = list(self._lanes.values())
        self._changed.set()
        for lane in lanes:
            lane.end(UnavailableError("the relay ends"))
        with self._lock:
            self._hang_up_all()

    def _begin(self, name: str, cancel: Callable[[], object]) -> Lane:
        lane = Lane(self._own, self._name, name, self._find_egress, cancel)
        with self._lock:
            older = self._lanes.get(name)
            self._lanes[name] = lane
            for edge in self._ingress.get(name, []):
                lane.open(edge)
        if older is not None:
            older.end(AbortedError("a newer lane took its place"))
        return lane

    # the keeping thread

    def _keep(self) -> None:
        while not self._is_closed:
            self._changed.wait(_LOOK_S)
            self._changed.clear()
            self._end_silent()
            self._end_unused()
            self._dial_missing()

    def _end_silent(self) -> None:
        now_s = time.monotonic()
        with self._lock:
            silent = [lane for lane in self._lanes.values() if lane.is_silent(now_s)]
        for lane in silent:
            # Also the connection: what is sent into a dead one waits for its next attempt, which may be long.
            with self._lock:
                self._hang_up(_is_large(lane.name))
            self.drop(lane, UnavailableError("it has not been heard for 2.5 s"))

    def _end_unused(self) -> None:
        with self._lock:
            unused = [
                lane for name, lane in self._lanes.items() if not self._uses.get(name) and lane.is_dialled
            ]
        for lane in unused:
            self.drop(lane, UnavailableError("no edge uses it"))

    def _dial_missing(self) -> None:
        now_s = time.monotonic()
        with self._lock:
            missing = [name for name, uses in self._uses.items() if uses and name not in self._lanes]
            self._missing_since_s = {name: self._missing_since_s.get(name, now_s) for name in missing}
            due = [name for name in missing if self._is_due(name, now_s)]
        for name in due:
            self._dial(name)

    def _is_due(self, lane: str, now_s: float) -> bool:
        mine = self._own <= self._name or now_s - self._missing_since_s[lane] > _VAIN_S
        return bool(self._address) and mine and now_s >= self._dial_at_s.get(lane, 0.0)

    def _dial(self, name: str) -> None:
        with self._lock:
            connection = self._connection_for(name)
            retry = self._retry.setdefault(name, Backoff(_FIRST_RETRY_S, _LONGEST_RETRY_S))
            self._dial_at_s[name] = time.monotonic() + retry.next_s()
        cancels: list[Callable[[], object]] = []
        lane = self._begin(name, lambda: [cancel() for cancel in cancels])
        lane.is_dialled = True
        try:
            cancels.append(connection.call(LaneStream(self, lane)))
        except RtmeshError as error:
            self.drop(lane, error)
        if lane.reason is not None:  # it ended meanwhile, and there was nothing to cancel yet
            for cancel in cancels:
                cancel()

    def _connection_for(self, lane: str) -> Connection:
        is_large = _is_large(lane)
        if is_large not in self._connections:
            self._connections[is_large] = self._wire.connect(self._address)
        return self._connections[is_large]

    def _hang_up_unused(self, over: Lane) -> None:
        """The connection of a lane that is over, but for other lanes: a failed attempt lets the next wait."""
        is_large = _is_large(over.name)
        dialled = (lane.name for lane in self._lanes.values() if lane.is_dialled)
        if all(_is_large(name) != is_large for name in dialled):
            self._hang_up(is_large)

    def _hang_up_all(self) -> None:
        for is_large in list(self._connections):
            self._hang_up(is_large)

    def _hang_up(self, is_large: bool) -> None:
        connection = self._connections.pop(is_large, None)
        if connection is not None:
            connection.close()


def _is_large(lane: str) -> bool:
    """Whether a lane is that of one large edge."""
    return lane != ""
