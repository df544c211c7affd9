"""How a running graph is shown: a live table on a terminal, lines of changes elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

import click

from rtmesh.v1 import graph_pb2, status_pb2

# rich is for terminals, and takes a while to import.
if TYPE_CHECKING:
    from rich.console import Console

_LINE_EVERY_S = 5.0
_TROUBLE = {
    status_pb2.NODE_STATE_STUCK: "is stuck",
    status_pb2.NODE_STATE_FAILED: "failed",
    status_pb2.NODE_STATE_RESTARTING: "failed and is started again",
}
_ENDING = (
    status_pb2.GRAPH_PHASE_DRAINING,
    status_pb2.GRAPH_PHASE_STOPPING,
    status_pb2.GRAPH_PHASE_FAILED,
)


class Progress(Protocol):
    """Something that shows statuses as they come; a context manager."""

    def show(self, status: status_pb2.GraphStatus) -> None: ...

    def tell(self, text: str) -> None:
        """Say something beside the statuses."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def progress_for(graph: graph_pb2.Graph) -> Progress:
    """The progress that suits where stdout goes."""
    return LiveTable() if sys.stdout.isatty() else Lines()


class Troubles:
    """Tells what is wrong with a node once for each time that it gets stuck or fails."""

    def __init__(self) -> None:
        self._told: dict[str, tuple[int, int]] = {}

    def new_in(self, status: status_pb2.GraphStatus) -> list[str]:
        """The stack or traceback of each node that got into trouble since the last status, with a heading.

        Not of one whose failure ends the graph: the conclusion, which follows, tells it.
        """
        found = []
        for node in status.nodes:
            if node.state == status_pb2.NODE_STATE_FAILED and status.phase in _ENDING:
                continue
            key = (node.state, node.restarts)
            if node.state not in _TROUBLE:
                self._told.pop(node.name, None)
            elif node.detail and self._told.get(node.name) != key:
                self._told[node.name] = key
                found.append(_trouble_text(node))
        return found


def _trouble_text(node: status_pb2.NodeStatus) -> str:
    reason = f": {node.reason}" if node.reason else ""
    detail = "\n".join(f"  {line}" for line in node.detail.rstrip("\n").splitlines())
    return f"node {node.name} on {node.machine} {_TROUBLE[node.state]}{reason}\n{detail}"


class LiveTable:
    """Redraws the tables in place; what is told stays above them."""

    def __init__(self, console: Console | None = None) -> None:
        from rich.console import Console
        from rich.live import Live

        self._live = Live(console=console or Console(), refresh_per_second=4, transient=True)
        self._troubles = Troubles()

    def show(self, status: status_pb2.GraphStatus) -> None:
        from rtmesh.cli.status_view import status_view

        for text in self._troubles.new_in(status):
            self.tell(text)
        self._live.update(status_view(status))

    def tell(self, text: str) -> None:
        self._live.console.print(text, markup=False, highlight=False, soft_wrap=True)

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
        self._troubles = Troubles()

    def show(self, status: status_pb2.GraphStatus) -> None:
        for event in status.events:
            self._tell(event)
        for text in self._troubles.new_in(status):
            self.tell(text)
        self._tell_pulse(status)

    def tell(self, text: str) -> None:
        click.echo(text, err=True)

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
