"""Follow a graph until something has come true, or cannot any more."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

from rtmesh.cli.naming import lives
from rtmesh.cli.tables import phase_name
from rtmesh.client import Client
from rtmesh.common.errors import DeadlineExceededError, FailedPreconditionError, NotFoundError, RtmeshError
from rtmesh.v1 import status_pb2

Update = status_pb2.GraphStatus | RtmeshError | None
_RATE_HZ = 20.0


@dataclass(frozen=True)
class Outcome:
    """How a wait ended.

    Args:
        has_come_true: whether what was waited for is so.
        status: the graph then.
    """

    has_come_true: bool
    status: status_pb2.GraphStatus


def follow(client: Client, name: str, timeout_s: float) -> Iterator[status_pb2.GraphStatus]:
    """The status of a graph now and after changes, until it has ended or was deleted.

    Where a run was replaced by another, it goes on with that.

    Raises:
        NotFoundError: there is no such graph.
        DeadlineExceededError: after `timeout_s`, naming the phase that the graph is in then.
    """
    deadline_s = time.monotonic() + timeout_s
    while True:
        yield from _follow_run(client, name, deadline_s, timeout_s)
        try:
            status = client.get(name)
        except NotFoundError:
            return
        yield status
        if not lives(status):
            return


def wait_for_phase(client: Client, name: str, wanted: str, timeout_s: float, run: str = "") -> Outcome:
    """Wait until a graph is "running", "completed", "failed" or "stopped", or cannot be any more.

    A short graph that began to run and completed while it was waited for has been running.

    Args:
        run: judge this run and those after it; empty: whichever there is.
    Raises:
        NotFoundError: there is no such graph, or it was deleted meanwhile.
        DeadlineExceededError: neither came within `timeout_s`.
    """
    awaited, status = "", None
    for status in follow(client, name, timeout_s):
        if run and status.run != run:
            continue  # what was before, being stopped
        run = ""
        awaited = awaited if status.running_time_ns else status.run
        phase = phase_name(status.phase)
        was_short = wanted == "running" and phase == "completed" and awaited == status.run
        if phase == wanted or was_short:
            return Outcome(True, status)
    if status is None:
        raise NotFoundError(f"graph {name} was deleted")
    return Outcome(False, status)


def wait_until_gone(client: Client, name: str, timeout_s: float) -> None:
    """Wait until a graph that is being deleted is forgotten.

    Raises:
        FailedPreconditionError: it was applied anew meanwhile.
        DeadlineExceededError: it is still there after `timeout_s`.
    """
    try:
        for _ in follow(client, name, timeout_s):
            pass
        status = client.get(name)
    except NotFoundError:
        return
    raise FailedPreconditionError(
        f"graph {name} is there again as run {status.run}: it was applied meanwhile", "delete it again"
    )


def _follow_run(
    client: Client, name: str, deadline_s: float, timeout_s: float
) -> Iterator[status_pb2.GraphStatus]:
    updates: queue.SimpleQueue[Update] = queue.SimpleQueue()
    threading.Thread(target=_watch, args=(client, name, updates), daemon=True).start()
    last = None
    while True:
        try:
            update = updates.get(timeout=max(0.0, deadline_s - time.monotonic()))
        except queue.Empty:
            raise _too_late(name, last, timeout_s) from None
        if update is None:
            return
        if isinstance(update, RtmeshError):
            raise update
        last = update
        yield update


def _watch(client: Client, name: str, updates: queue.SimpleQueue[Update]) -> None:
    # In a thread: a stream has no limit of its own.
    try:
        for status in client.watch(name, rate_hz=_RATE_HZ):
            updates.put(status)
        updates.put(None)
    except RtmeshError as error:
        updates.put(error)
    except ValueError:
        return  # the channel was closed before the stream began: nobody listens any more


def _too_late(name: str, status: status_pb2.GraphStatus | None, timeout_s: float) -> DeadlineExceededError:
    if status is None:
        return DeadlineExceededError(f"nothing was told of graph {name} within {timeout_s:g} s")
    reason = f" ({status.reason})" if status.reason else ""
    return DeadlineExceededError(
        f"graph {name} is {phase_name(status.phase)} after {timeout_s:g} s{reason}",
        f"see: meshctl describe graph {name}",
    )
