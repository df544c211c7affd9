"""How a running graph is shown: a live table on a terminal, lines of changes elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Protocol, Self

import click
from rich.console import Console
from rich.live import Live

from rtmesh.cli import tables
from rtmesh.v1 import graph_pb2, status_pb2

_LINE_EVERY_S = 5.0


class Progress(Protocol):
    """Something that shows statuses as they come; a context manager."""

    def show(self, status: status_pb2.GraphStatus) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def progress_for(graph: graph_pb2.Graph) -> Progress:
    """The progress that suits where stdout goes."""
    return LiveTable() if sys.stdout.isatty() else Lines()


class LiveTable:
    """Redraws the tables in place."""

    def __init__(self) -> None:
        self._live = Live(console=Console(), refresh_per_second=4, transient=True)

    def show(self, status: status_pb2.GraphStatus) -> None:
        self._live.update(tables.status_view(status))

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()


class Lines:
    """Tells each event of the graph in a line on stderr, and a pulse."""

    def __init__(self) -> None:
        self._told_until_ns = 0
        self._told_at_that_time: list[str] = []
        self._pulse_s = time.monotonic()

    def show(self, status: status_pb2.GraphStatus) -> None:
        for event in status.events:
            self._tell(event)
        self._tell_pulse(status)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def _tell(self, event: status_pb2.Event) -> None:
        """Every status holds all events so far, in order: tell those that are new."""
        text = f"{event.subject}: {event.text}"
        if event.time_ns < self._told_until_ns:
            return
        if event.time_ns > self._told_until_ns:
            self._told_until_ns, self._told_at_that_time = event.time_ns, []
        if text not in self._told_at_that_time:
            self._told_at_that_time.append(text)
            click.echo(text, err=True)

    def _tell_pulse(self, status: status_pb2.GraphStatus) -> None:
        now_s = time.monotonic()
        if status.phase != status_pb2.GRAPH_PHASE_RUNNING or now_s - self._pulse_s < _LINE_EVERY_S:
            return
        self._pulse_s = now_s
        sent = sum(edge.sent for edge in status.edges)
        dropped = sum(sum(edge.dropped.values()) for edge in status.edges)
        click.echo(f"{status.name}: {sent} messages sent, {dropped} dropped", err=True)
