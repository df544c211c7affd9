"""An edge that enters: pulled from a far relay, written into a ring of this machine."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine

import grpc
import structlog

from rtmesh.common.errors import NotFoundError, UnavailableError
from rtmesh.common.status_codes import from_rpc_error
from rtmesh.relay.backoff import Backoff
from rtmesh.relay.granter import Granter
from rtmesh.relay.ingress_ring import IngressRing
from rtmesh.relay.window import DROPPING_WINDOW, Grant, Held, Window
from rtmesh.v1.graph_pb2 import WHEN_FULL_BLOCK
from rtmesh.v1.plan_pb2 import IngressPlan
from rtmesh.v1.relay_pb2 import PullRequest, PullResponse

PULL = "/rtmesh.v1.Relay/Pull"

# How long a far side may take to accept a pull before it is asked again.
_ACCEPT_TIMEOUT_S = 5.0
_FIRST_RETRY_S = 0.1
_LONGEST_RETRY_S = 2.0
_LAST_READS_S = 1.0

Tell = Callable[[bool, str], None]


class IngressEdge:
    """One edge, pulled until its stream ends. Belongs to one event loop.

    Args:
        run: the run it belongs to.
        plan: which edge, and how it is bounded.
        ring: the ring to fill; closed with the edge.
        channel: to the relay of the machine that it comes from.
        tell: called with (connected, reason) as that changes.
    """

    def __init__(
        self, run: str, plan: IngressPlan, ring: IngressRing, channel: grpc.aio.Channel, tell: Tell
    ) -> None:
        self._run = run
        self._plan = plan
        self._ring = ring
        self._tell = tell
        self._blocks = plan.when_full == WHEN_FULL_BLOCK
        self._retry = Backoff(_FIRST_RETRY_S, _LONGEST_RETRY_S)
        self._log = structlog.get_logger().bind(run=run, edge=plan.edge)
        self._pull = channel.stream_stream(
            PULL,
            request_serializer=PullRequest.SerializeToString,
            response_deserializer=PullResponse.FromString,
        )
        self._last_reason = ""
        tell(False, f"waiting for {plan.from_machine}")
        self._task = asyncio.create_task(self._pull_until_end())

    async def close(self) -> None:
        """Stop pulling and let go of the ring, which keeps what it holds."""
        self._task.cancel()
        await asyncio.wait([self._task])
        await self._ring.close()

    async def _pull_until_end(self) -> None:
        while not self._ring.ended:
            reason = await self._pull_once()
            if reason is not None:
                self._cut(reason)
            if not self._ring.ended:
                await asyncio.sleep(self._retry.next_s())
        # Connected for good: also if an earlier life of this process brought the end.
        self._tell(True, "")

    def _connected(self) -> None:
        self._tell(True, "")
        self._retry.reset()
        self._log.info("edge connected")
        self._last_reason = ""

    def _cut(self, reason: str) -> None:
        self._tell(False, reason)
        if reason != self._last_reason:
            self._log.warning("edge cut", reason=reason)
        self._last_reason = reason

    async def _pull_once(self) -> str | None:
        """Pull until the end or a cut; returns the cut's reason if it is worth telling."""
        call = self._pull()
        try:
            await self._carry(call)
        except grpc.aio.AioRpcError as error:
            return self._reason_of(error)
        except TimeoutError:
            return f"no answer from {self._plan.from_machine} within {_ACCEPT_TIMEOUT_S:g} s"
        except Exception as error:
            # Ours (the ring, a message against the rules): as after a cut, the next pull resumes.
            self._log.exception("pull failed")
            return str(error)
        finally:
            call.cancel()
        return None

    def _reason_of(self, error: grpc.aio.AioRpcError) -> str | None:
        told = from_rpc_error(error)
        if isinstance(told, NotFoundError):
            return None  # the far side has not prepared the run yet, or has released it
        return f"{self._plan.from_machine}: {told}"

    async def _carry(self, call: grpc.aio.StreamStreamCall) -> None:
        held = self._ring.held()
        size = self._plan.queue if self._blocks else DROPPING_WINDOW
        window = Window(size, held, follows_release=self._blocks)
        await self._open(call, held, window.grant())
        self._connected()
        granter = Granter(call, window, self._ring)
        await _together(self._receive(call, window, granter), granter.run())

    async def _open(self, call: grpc.aio.StreamStreamCall, held: Held, grant: Grant) -> None:
        """Say what is held, and wait until the far side has accepted."""
        opening = PullRequest(
            run=self._run,
            edge=self._plan.edge,
            resume_position=held.source_position,
            held_messages=held.head,
            credit=grant.credit,
            released_position=grant.released_position,
        )
        async with asyncio.timeout(_ACCEPT_TIMEOUT_S):
            await call.write(opening)
            await call.initial_metadata()
        if call.done():
            await call.read()  # raises why it was refused

    async def _receive(self, call: grpc.aio.StreamStreamCall, window: Window, granter: Granter) -> None:
        """Fill the ring until the end of the stream."""
        while (response := await call.read()) is not grpc.aio.EOF:
            if response.end:
                return self._ring.end(response.position)
            if response.skip:
                window.skipped(response.position)
                self._ring.skip_to(response.position)
            else:
                window.received(response.position)
                self._ring.write(response)
                granter.message_held()
        raise UnavailableError(f"{self._plan.from_machine} closed the stream before its end")


async def _together(main: Coroutine[None, None, None], beside: Coroutine[None, None, None]) -> None:
    """Run `main` to its end with another beside it; an error of either ends both.

    A write that fails says only that the call has ended; the reads say how, and may still bring the end of
    the stream. So they have a little time to.
    """
    tasks = asyncio.create_task(main), asyncio.create_task(beside)
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if not tasks[0].done():
            await asyncio.wait(tasks[:1], timeout=_LAST_READS_S)
        if not tasks[0].done():
            await tasks[1]
        await tasks[0]
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
