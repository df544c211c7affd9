"""What happened to one graph: its events, newest last, a bounded number of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from rtmesh.scheduler.effects import Happened, Turn
from rtmesh.v1 import status_pb2

MOST_EVENTS = 500


class History:
    """The newest events of a graph, over all its runs."""

    def __init__(self, graph: str, events: Iterable[status_pb2.Event] = ()) -> None:
        self.graph = graph
        self.events: deque[status_pb2.Event] = deque(events, maxlen=MOST_EVENTS)

    def record(self, turn: Turn, subject: str, text: str) -> None:
        """Note that something happened now, here and (by effect) in the log."""
        event = status_pb2.Event(time_ns=turn.now_ns, subject=subject, text=text)
        self.events.append(event)
        turn.add(Happened(self.graph, event))
