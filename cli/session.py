"""One `meshctl up`: apply, watch, show, stop, sum up."""

from __future__ import annotations

import json
import queue
import shutil
import signal
import sys
import threading
import time
from pathlib import Path
from types import FrameType

from rich.console import Console

from rtmesh.cli import tables
from rtmesh.cli.embedded import EmbeddedMesh
from rtmesh.cli.progress import Progress, progress_for
from rtmesh.cli.summary import is_exact, summary_of
from rtmesh.client import Client
from rtmesh.common.errors import RtmeshError
from rtmesh.graph.plan import required_machines
from rtmesh.v1 import graph_pb2, status_pb2

_POLL_S = 0.1
# A graph drains for at most its own drain_timeout; beyond it something is wrong.
_STOP_GRACE_S = 30.0
_DEFAULT_MACHINE = "local"


class UpSession:
    """Runs `graph` on an embedded mesh until it ends, is stopped by a signal, or its time is up.

    Args:
        duration_s: how long to run once the graph is running; None: until it ends.
        logs_folder: where to copy the logs of all processes at the end; None: nowhere.
    """

    def __init__(
        self, graph: graph_pb2.Graph, *, duration_s: float | None = None, logs_folder: Path | None = None
    ) -> None:
        self._graph = graph
        self._duration_s = duration_s
        self._logs_folder = logs_folder
        self._stop_wanted = threading.Event()
        self._stopping_since_s: float | None = None
        self._running_since_s: float | None = None
        self._updates: queue.SimpleQueue[status_pb2.GraphStatus | RtmeshError | None] = queue.SimpleQueue()

    def run(self) -> status_pb2.GraphStatus:
        """Run to the end and return the final status."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._on_signal)
        mesh = EmbeddedMesh(required_machines(self._graph) or [_DEFAULT_MACHINE])
        with mesh as client, progress_for(self._graph) as progress:
            client.apply(self._graph)
            threading.Thread(target=self._watch, args=(client,), daemon=True).start()
            try:
                return self._follow(client, mesh, progress)
            finally:
                self._keep_logs(mesh.folder)

    def conclude(self, status: status_pb2.GraphStatus, summary_path: Path | None) -> None:
        """Print the summary, write it if asked, and exit 1 if the graph failed."""
        if summary_path is not None:
            summary_path.write_text(json.dumps(summary_of(status), indent=2) + "\n")
        _print_summary(status)
        if status.phase == status_pb2.GRAPH_PHASE_FAILED:
            sys.exit(1)

    def _follow(self, client: Client, mesh: EmbeddedMesh, progress: Progress) -> status_pb2.GraphStatus:
        status = status_pb2.GraphStatus(name=self._graph.name)
        while True:
            try:
                update = self._updates.get(timeout=_POLL_S)
            except queue.Empty:
                self._check(client, mesh)
                continue
            if isinstance(update, RtmeshError):
                mesh.check()
                raise update
            if update is None:
                return status
            status = update
            self._note_running(status)
            progress.show(status)
            self._check(client, mesh)

    def _check(self, client: Client, mesh: EmbeddedMesh) -> None:
        """Stop the graph if it is time; complain if the mesh is broken."""
        mesh.check()
        now_s = time.monotonic()
        if self._stopping_since_s is None and (self._stop_wanted.is_set() or self._is_over(now_s)):
            self._stopping_since_s = now_s
            client.stop(self._graph.name)
        if self._stopping_since_s is not None and now_s - self._stopping_since_s > self._stop_limit_s():
            raise RtmeshError("the graph did not stop in time; its processes are ended now")

    def _is_over(self, now_s: float) -> bool:
        if self._duration_s is None or self._running_since_s is None:
            return False
        return now_s - self._running_since_s >= self._duration_s

    def _stop_limit_s(self) -> float:
        return self._graph.drain_timeout_ms / 1000 + _STOP_GRACE_S

    def _note_running(self, status: status_pb2.GraphStatus) -> None:
        if self._running_since_s is None and status.phase == status_pb2.GRAPH_PHASE_RUNNING:
            self._running_since_s = time.monotonic()

    def _watch(self, client: Client) -> None:
        try:
            for status in client.watch(self._graph.name, rate_hz=4):
                self._updates.put(status)
            self._updates.put(None)
        except RtmeshError as error:
            self._updates.put(error)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self._stop_wanted.is_set():
            raise KeyboardInterrupt
        self._stop_wanted.set()

    def _keep_logs(self, folder: Path) -> None:
        if self._logs_folder is None:
            return
        for log in folder.rglob("*.log"):
            target = self._logs_folder / "-".join(log.relative_to(folder).parts)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(log, target)


def _print_summary(status: status_pb2.GraphStatus) -> None:
    console = Console(width=None if sys.stdout.isatty() else 180, highlight=False)
    console.print(tables.status_view(status))
    for node in status.nodes:
        if node.result_json:
            console.print(f"result of {node.name}: {node.result_json}", markup=False, soft_wrap=True)
    wrong = [edge for edge in status.edges if not is_exact(edge)]
    for edge in wrong:
        console.print(f"account of {' -> '.join(tables.edge_ends(edge.edge))} does not add up", markup=False)
    if status.edges and not wrong:
        console.print("accounts: every edge adds up (sent = delivered + dropped + in flight)")
    _print_failures(status)


def _print_failures(status: status_pb2.GraphStatus) -> None:
    words = Console(stderr=True, highlight=False, soft_wrap=True)
    for problem in status.problems:
        words.print(f"error: {problem.where}: {problem.path}: {problem.text}; {problem.remedy}", markup=False)
    for node in status.nodes:
        if node.state == status_pb2.NODE_STATE_FAILED:
            words.print(f"error: node {node.name} on {node.machine} failed: {node.reason}", markup=False)
            words.print(node.detail, markup=False)
