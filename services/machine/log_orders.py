"""The scheduler's orders to read logs, each carried out by a task of its own."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable

from rtmesh.common.errors import NotFoundError, RtmeshError
from rtmesh.graph.names import NODE_NAME, is_name
from rtmesh.machine.faults import told
from rtmesh.machine.log_files import LogFiles
from rtmesh.machine.log_reader import LogReader
from rtmesh.machine.paths import KEPT_RUNS, Paths
from rtmesh.v1 import machine_pb2

LOOK_PERIOD_S = 0.25
_RUN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


class LogOrders:
    """Reads under way, by id. They belong to one stream: `cancel_all` when it is cut.

    Args:
        send: tells the scheduler; waits while much waits already.
        is_live: whether a run of that name lives here.
    """

    def __init__(
        self,
        paths: Paths,
        send: Callable[[machine_pb2.JoinRequest], Awaitable[None]],
        is_live: Callable[[str], bool],
    ) -> None:
        self._paths = paths
        self._send = send
        self._is_live = is_live
        self._reads: dict[int, asyncio.Task[None]] = {}

    def begin(self, order: machine_pb2.ReadLog) -> None:
        """Answer with LogChunks from now on."""
        self.cancel(order.id)
        task = asyncio.get_running_loop().create_task(self._read(order))
        self._reads[order.id] = task
        task.add_done_callback(lambda _: self._forget(order.id, task))

    def cancel(self, number: int) -> None:
        """Send no more for that id."""
        if (task := self._reads.pop(number, None)) is not None:
            task.cancel()

    def cancel_all(self) -> None:
        for number in list(self._reads):
            self.cancel(number)

    def _forget(self, number: int, task: asyncio.Task[None]) -> None:
        if self._reads.get(number) is task:
            del self._reads[number]

    async def _read(self, order: machine_pb2.ReadLog) -> None:
        error = ""
        try:
            reader = LogReader(self._files(order), order.last_lines)
            try:
                await self._send_all(order, reader)
            finally:
                reader.close()
        except (RtmeshError, OSError) as failure:
            error = told(failure)
        await self._tell(machine_pb2.LogChunk(id=order.id, end=True, error=error))

    async def _send_all(self, order: machine_pb2.ReadLog, reader: LogReader) -> None:
        is_going_on = True
        while is_going_on:
            # Asked before reading: what a run wrote until its end is read in the last turn.
            is_going_on = order.follow and not order.previous and self._is_live(order.run)
            while chunk := reader.next_chunk():
                await self._tell(machine_pb2.LogChunk(id=order.id, text=chunk))
            if is_going_on:
                await asyncio.sleep(LOOK_PERIOD_S)

    async def _tell(self, chunk: machine_pb2.LogChunk) -> None:
        await self._send(machine_pb2.JoinRequest(log=chunk))

    def _files(self, order: machine_pb2.ReadLog) -> LogFiles:
        """The files to read. Raises NotFoundError."""
        node, run = order.node, order.run
        # Names become paths here: none may lead out of the folder.
        if not is_name(node, NODE_NAME) or not _RUN.fullmatch(run):
            raise NotFoundError(f"{run}/{node} cannot name a run and a node")
        folder = self._paths.run(run).folder
        if not folder.is_dir():
            kept = f"a machine keeps those of its {KEPT_RUNS} newest runs"
            raise NotFoundError(f"there are no logs of run {run} here", kept)
        files = LogFiles(folder, f"{node}.1" if order.previous else node)
        if not files.current.exists():
            raise _no_log(order)
        return files


def _no_log(order: machine_pb2.ReadLog) -> NotFoundError:
    if order.previous:
        return NotFoundError(
            f"{order.node} has lived once in run {order.run}: there is no log of an earlier life",
            "leave --previous out",
        )
    return NotFoundError(f"run {order.run} has no log of a node {order.node} on this machine")
