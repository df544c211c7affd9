"""One `meshctl up`: apply, watch, show, stop. What comes of it is an Outcome, however it ends."""

from __future__ import annotations

import queue
import shutil
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rtmesh.cli.embedded import SCHEDULER, EmbeddedMesh, Ended
from rtmesh.cli.progress import Progress, progress_for
from rtmesh.cli.stop_signals import StopSignals
from rtmesh.cli.warm import Warm
from rtmesh.client import Client
from rtmesh.common.errors import RtmeshError, UnavailableError
from rtmesh.graph.plan import required_machines
from rtmesh.v1 import graph_pb2, status_pb2

_POLL_S = 0.1
_NOTICE_S = 2.0
# A graph drains for at most its own drain_timeout; beyond it something is wrong.
_STOP_GRACE_S = 30.0
_DEFAULT_MACHINE = "local"
_UNPLACED = (status_pb2.GRAPH_PHASE_UNSPECIFIED, status_pb2.GRAPH_PHASE_PENDING)
_ENDED = (
    status_pb2.GRAPH_PHASE_STOPPED,
    status_pb2.GRAPH_PHASE_COMPLETED,
    status_pb2.GRAPH_PHASE_FAILED,
)
_OVER = (status_pb2.NODE_STATE_ENDED, status_pb2.NODE_STATE_STOPPED, status_pb2.NODE_STATE_FAILED)


@dataclass
class Outcome:
    """How a run ended.

    Args:
        status: the last that is known of it.
        failures: what went wrong around the graph, a sentence each.
        is_final: whether the run was seen to its end; if not, its accounts are those of a graph that ran.
    """

    status: status_pb2.GraphStatus
    failures: list[str] = field(default_factory=list)
    is_final: bool = True


class _GiveUpError(Exception):
    """The run cannot be seen to its end; the text says why."""


class UpSession:
    """Runs `graph` on an embedded mesh until it ends, is stopped by a signal, or its time is up.

    Args:
        warm: starts the processes of the mesh.
        duration_s: how long to run once the graph is running; None: until it ends.
        logs_folder: where to copy the logs of all processes at the end; None: nowhere.
        meshd_options: further options of each meshd.
    """

    def __init__(
        self,
        graph: graph_pb2.Graph,
        signals: StopSignals,
        warm: Warm,
        *,
        duration_s: float | None = None,
        logs_folder: Path | None = None,
        meshd_options: Sequence[str] = (),
    ) -> None:
        self._graph = graph
        self._signals = signals
        self._warm = warm
        self._duration_s = duration_s
        self._logs_folder = logs_folder
        self._meshd_options = meshd_options
        self._outcome = Outcome(status_pb2.GraphStatus(name=graph.name))
        self._lost_machines: list[str] = []
        self._was_told_to_stop = False
        self._stopping_since_s: float | None = None
        self._running_since_s: float | None = None
        self._is_applied = threading.Event()
        self._updates: queue.SimpleQueue[status_pb2.GraphStatus | RtmeshError | None] = queue.SimpleQueue()

    def run(self) -> Outcome:
        """Run to the end. Raises RtmeshError if the graph cannot be begun."""
        machines = required_machines(self._graph) or [_DEFAULT_MACHINE]
        nodes = [node.name for node in self._graph.nodes]
        mesh = EmbeddedMesh(machines, nodes, self._warm, self._meshd_options)
        try:
            with progress_for(self._graph) as progress:
                self._run_on(mesh, progress)
        except _GiveUpError as reason:
            self._give_up(str(reason))
        finally:
            mesh.end(at_once=self._signals.want_end)
            self._keep_logs(mesh.folder)
            mesh.close()
        return self._outcome

    def _run_on(self, mesh: EmbeddedMesh, progress: Progress) -> None:
        client = mesh.start(self._look_at_signals)
        threading.Thread(target=self._watch, args=(client,), daemon=True).start()
        self._follow(client, mesh, progress)
        # The scheduler may have seen a meshd go, and the run end of it, before we looked.
        gone = [machine.name for machine in self._outcome.status.machines if not machine.connected]
        mesh.await_end(gone, _NOTICE_S)
        self._look_at_processes(mesh, progress)

    def _follow(self, client: Client, mesh: EmbeddedMesh, progress: Progress) -> None:
        while not (self._signals.want_end and self._has_ended()):
            self._check(client, mesh, progress)
            try:
                update = self._updates.get(timeout=_POLL_S)
            except queue.Empty:
                continue
            if update is None:
                return
            if isinstance(update, RtmeshError):
                self._cannot_watch(update, mesh, progress)
            else:
                self._outcome.status = update
                self._note_running(update)
                progress.show(update)

    def _has_ended(self) -> bool:
        """Whether the last status has the final accounts: then there is nothing to be cut short."""
        return self._outcome.status.phase in _ENDED

    def _cannot_watch(self, error: RtmeshError, mesh: EmbeddedMesh, progress: Progress) -> None:
        """The scheduler is dead, does not answer, or refuses the graph."""
        if isinstance(error, UnavailableError):
            mesh.await_end([SCHEDULER], _NOTICE_S)
            self._look_at_processes(mesh, progress)
        if self._is_applied.is_set():
            raise _GiveUpError(str(error))
        raise error

    def _check(self, client: Client, mesh: EmbeddedMesh, progress: Progress) -> None:
        """Stop the graph if it is time; notice what has ended."""
        self._look_at_signals()
        self._look_at_processes(mesh, progress)
        if self._signals.want_stop and not self._was_told_to_stop:
            self._was_told_to_stop = True
            progress.tell("stopping the graph; Ctrl-C again ends its processes at once")
        now_s = time.monotonic()
        if self._stopping_since_s is None and self._is_time_to_stop(now_s):
            self._stopping_since_s = now_s
            # Not here: a scheduler that does not answer must not keep us from the second Ctrl-C.
            threading.Thread(target=self._hand_over, args=(self._stop, client), daemon=True).start()
        if self._stopping_since_s is not None and now_s - self._stopping_since_s > self._stop_limit_s():
            raise _GiveUpError("the graph did not stop in time; its processes are ended")

    def _look_at_signals(self) -> None:
        if self._signals.want_end:
            raise _GiveUpError("ended at once, as asked for by a second signal")

    def _look_at_processes(self, mesh: EmbeddedMesh, progress: Progress) -> None:
        for ended in mesh.take_ended():
            if ended.name == SCHEDULER:
                raise _GiveUpError(_told(ended))
            self._lost_machines.append(ended.name)
            failure = _told(ended, self._nodes_lost_with(ended.name))
            self._outcome.failures.append(failure)
            progress.tell(failure)

    def _nodes_lost_with(self, machine: str) -> list[str]:
        nodes = self._outcome.status.nodes or self._graph.nodes
        return [
            node.name
            for node in nodes
            if node.machine == machine and getattr(node, "state", None) not in _OVER
        ]

    def _is_time_to_stop(self, now_s: float) -> bool:
        if not self._is_applied.is_set():
            return False
        # A graph that is not placed waits for its machines, and one that has ended does not come back.
        waits_in_vain = bool(self._lost_machines) and self._outcome.status.phase in _UNPLACED
        return self._signals.want_stop or self._is_over(now_s) or waits_in_vain

    def _is_over(self, now_s: float) -> bool:
        if self._duration_s is None or self._running_since_s is None:
            return False
        return now_s - self._running_since_s >= self._duration_s

    def _stop_limit_s(self) -> float:
        return self._graph.drain_timeout_ms / 1000 + _STOP_GRACE_S

    def _note_running(self, status: status_pb2.GraphStatus) -> None:
        if self._running_since_s is None and status.phase == status_pb2.GRAPH_PHASE_RUNNING:
            self._running_since_s = time.monotonic()

    def _give_up(self, reason: str) -> None:
        self._outcome.failures.append(reason)
        self._outcome.is_final = False

    # Threads: what they find out goes through the queue.

    def _watch(self, client: Client) -> None:
        self._hand_over(self._apply_and_watch, client)

    def _apply_and_watch(self, client: Client) -> None:
        client.apply(self._graph)
        self._is_applied.set()
        for status in client.watch(self._graph.name, rate_hz=4):
            self._updates.put(status)
        self._updates.put(None)

    def _stop(self, client: Client) -> None:
        client.stop(self._graph.name)

    def _hand_over(self, work: Callable[[Client], None], client: Client) -> None:
        try:
            work(client)
        except RtmeshError as error:
            self._updates.put(error)

    def _keep_logs(self, folder: Path) -> None:
        if self._logs_folder is None:
            return
        try:
            for log in folder.rglob("*.log"):
                target = self._logs_folder / "-".join(log.relative_to(folder).parts)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(log, target)
        except OSError as error:
            self._outcome.failures.append(f"the logs cannot be kept: {error}")


def _told(ended: Ended, nodes: list[str] | None = None) -> str:
    """A process's end in a sentence, with what it took along; unless it was killed, the end of its log."""
    text = ended.text
    if nodes:
        text += f"; node {nodes[0]} is lost" if len(nodes) == 1 else f"; nodes {', '.join(nodes)} are lost"
    return text if ended.return_code < 0 else f"{text}\n{ended.log_tail}"
