"""The machine's relay, as meshd sees it: started when first needed, told what to carry, started again.

While it is dead, its readers are absent (a `block` edge holds its writer for at most `hold_absent`)
and its edges from other machines are told as cut.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

import grpc

from rtmesh.common.errors import RtmeshError, UnavailableError
from rtmesh.common.logs import get_logger
from rtmesh.common.serving import CHANNEL_OPTIONS
from rtmesh.common.status_codes import from_rpc_error
from rtmesh.machine.children import Child, Children, log_tail
from rtmesh.machine.keeper import Keeper
from rtmesh.machine.paths import Paths
from rtmesh.machine.rings import RunRings
from rtmesh.machine.supervisor import describe_exit
from rtmesh.v1 import machine_pb2, relay_pb2, relay_pb2_grpc, status_pb2

CARRY_TIMEOUT_S = 15.0
RELEASE_TIMEOUT_S = 5.0
HOPELESS_AFTER = 3
AGAIN_S = 0.2
END_GRACE_S = 2.0

log = get_logger()


@dataclass(frozen=True)
class Carried:
    """What the relay carries for one run."""

    request: relay_pb2.CarryRequest
    rings: RunRings

    def process_died(self, process_id: int) -> None:
        """Put right what the dead relay left in the rings: it will be back."""
        readers = ((edge.ring, edge.reader) for edge in self.request.egress)
        self.rings.free_readers(readers, process_id, is_gone=False)
        for edge in self.request.ingress:
            self.rings.free_writer(edge.ring, process_id, ends=False)


class Relay:
    """The relay process and what it carries.

    Args:
        data_address: where it listens for other machines' relays.
        on_link: called with each change of an edge from another machine.
    """

    def __init__(
        self,
        machine: str,
        paths: Paths,
        children: Children,
        data_address: str,
        parent_process_id: int,
        on_link: Callable[[machine_pb2.LinkReport], None],
    ) -> None:
        self._machine = machine
        self._paths = paths
        self._children = children
        self._data_address = data_address
        self._parent_process_id = parent_process_id
        self._on_link = on_link
        self._carried: dict[str, Carried] = {}
        self._links: dict[tuple[str, str], machine_pb2.LinkReport] = {}
        self._keeper = Keeper("relay", self._start, self._ended, self._restarted)
        self._channel: grpc.aio.Channel | None = None
        self._deaths = 0  # since it last did as it was told
        self._is_hopeless = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    async def carry(self, request: relay_pb2.CarryRequest, rings: RunRings) -> None:
        """Have a run's edges carried, also by every relay after this one.

        Raises:
            RtmeshError: the relay refused, ended three times, or did not answer within 15 s.
            OSError: it could not be started.
        """
        if self._channel is None:
            self._begin()
        self._carried[request.run] = Carried(request, rings)
        sending = asyncio.get_running_loop().create_task(self._send_carry(request))
        waiting = asyncio.get_running_loop().create_task(self._is_hopeless.wait())
        await asyncio.wait((sending, waiting), timeout=CARRY_TIMEOUT_S, return_when="FIRST_COMPLETED")
        waiting.cancel()
        if not sending.done():
            sending.cancel()
            said = log_tail(self._paths.relay_log, lines=1)
            raise RtmeshError(f"the relay does not come up: {said}", f"see {self._paths.relay_log}")
        sending.result()

    async def release(self, run: str) -> None:
        """Have a run's edges ended and its rings let go. Never fails: a dead relay holds nothing."""
        carried = self._carried.pop(run, None)
        for key in [key for key in self._links if key[0] == run]:
            del self._links[key]
        if carried is None or self._channel is None or not self._keeper.is_running:
            return
        try:
            request = relay_pb2.ReleaseRequest(run=run)
            await self._stub().Release(request, timeout=RELEASE_TIMEOUT_S)
        except grpc.aio.AioRpcError as error:
            log.warning("relay did not release", run=run, error=error.details())

    async def end(self) -> None:
        """End the relay for good."""
        for task in self._tasks:
            task.cancel()
        if self._channel is not None:
            await self._channel.close()
        await self._keeper.end(END_GRACE_S)

    def status(self) -> status_pb2.ProcessStatus | None:
        return self._keeper.status()

    @property
    def process_id(self) -> int | None:
        """Of the process that runs now."""
        return self._keeper.process_id

    def links(self) -> list[machine_pb2.LinkReport]:
        """The state of every edge from another machine, as last told."""
        return list(self._links.values())

    # the process

    def _begin(self) -> None:
        self._keeper.begin()
        self._channel = grpc.aio.insecure_channel(
            f"unix:{self._paths.relay_control}", options=CHANNEL_OPTIONS
        )
        self._run_task(self._watch())

    def _start(self, on_exit: Callable[[int], None]) -> Child:
        for path in (self._paths.relay_data, self._paths.relay_control):
            path.unlink(missing_ok=True)
        arguments = [
            "--machine",
            self._machine,
            "--data",
            self._data_address,
            "--control",
            f"unix:{self._paths.relay_control}",
        ]
        if self._parent_process_id:
            arguments += ["--die-with-parent", str(self._parent_process_id)]
        command = [sys.executable, "-P", "-m", "rtmesh.relay", *arguments]
        return self._children.spawn("relay", command, log_path=self._paths.relay_log, on_exit=on_exit)

    def _restarted(self) -> None:
        for carried in self._carried.values():
            self._run_task(self._carry_again(carried.request))

    def _ended(self, return_code: int, process_id: int) -> None:
        self._deaths += 1
        if self._deaths >= HOPELESS_AFTER:
            self._is_hopeless.set()
        how = describe_exit(return_code)
        reason = f"the relay {how}" if return_code >= 0 else f"the relay was {how}"
        for carried in self._carried.values():
            carried.process_died(process_id)
            for edge in carried.request.ingress:
                self._tell(carried.request.run, edge.edge, connected=False, reason=reason)

    def _run_task(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _stub(self) -> relay_pb2_grpc.RelayControlStub:
        return relay_pb2_grpc.RelayControlStub(self._channel)

    async def _send_carry(self, request: relay_pb2.CarryRequest) -> None:
        """Ask until a relay answers, this or the one after it; the caller bounds the time."""
        while True:
            try:
                await self._stub().Carry(request, wait_for_ready=True)
                self._deaths = 0
                self._is_hopeless.clear()
                return
            except grpc.aio.AioRpcError as error:
                told = from_rpc_error(error)
                if not isinstance(told, UnavailableError):
                    raise told from error
            await asyncio.sleep(AGAIN_S)

    async def _carry_again(self, request: relay_pb2.CarryRequest) -> None:
        while request.run in self._carried:
            try:
                await self._send_carry(request)
                return
            except RtmeshError as error:
                log.error("relay refuses a run it carried before", run=request.run, error=str(error))
            await asyncio.sleep(AGAIN_S)

    async def _watch(self) -> None:
        """Hear of edges from this relay and those after it."""
        while True:
            try:
                async for change in self._stub().Watch(relay_pb2.WatchRequest(), wait_for_ready=True):
                    self._tell(change.run, change.edge, connected=change.connected, reason=change.reason)
            except grpc.aio.AioRpcError as error:
                log.info("relay not watched", error=error.details())
            await asyncio.sleep(AGAIN_S)

    def _tell(self, run: str, edge: str, *, connected: bool, reason: str) -> None:
        report = machine_pb2.LinkReport(run=run, edge=edge, connected=connected, reason=reason)
        if run in self._carried and self._links.get((run, edge)) != report:
            self._links[run, edge] = report
            self._on_link(report)
