"""The scheduler's gRPC services. They translate and wait; they do not decide."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
from google.protobuf.message import DecodeError

from rtmesh.common import heartbeat
from rtmesh.common.errors import InvalidArgumentError, RtmeshError
from rtmesh.common.logs import get_logger
from rtmesh.common.status_codes import abort_with
from rtmesh.scheduler.graphs import is_ended
from rtmesh.scheduler.server import Orders, Server, Watch
from rtmesh.v1 import machine_pb2, machine_pb2_grpc, scheduler_pb2, scheduler_pb2_grpc, status_pb2

log = get_logger()
DEFAULT_RATE_HZ = 4.0
MOST_RATE_HZ = 100.0


class SchedulerServicer(scheduler_pb2_grpc.SchedulerServicer):
    """What users ask of the mesh."""

    def __init__(self, server: Server) -> None:
        self._server = server

    async def Apply(
        self, request: scheduler_pb2.ApplyRequest, context: grpc.aio.ServicerContext
    ) -> scheduler_pb2.ApplyResponse:
        try:
            return await self._server.apply(request.graph)
        except RtmeshError as error:
            await abort_with(context, error)

    async def Stop(
        self, request: scheduler_pb2.StopRequest, context: grpc.aio.ServicerContext
    ) -> scheduler_pb2.StopResponse:
        try:
            self._server.stop(request.name)
        except RtmeshError as error:
            await abort_with(context, error)
        return scheduler_pb2.StopResponse()

    async def Delete(
        self, request: scheduler_pb2.DeleteRequest, context: grpc.aio.ServicerContext
    ) -> scheduler_pb2.DeleteResponse:
        try:
            self._server.delete(request.name)
        except RtmeshError as error:
            await abort_with(context, error)
        return scheduler_pb2.DeleteResponse()

    async def GetGraph(
        self, request: scheduler_pb2.GetGraphRequest, context: grpc.aio.ServicerContext
    ) -> scheduler_pb2.GetGraphResponse:
        try:
            return scheduler_pb2.GetGraphResponse(status=self._server.scheduler.status(request.name))
        except RtmeshError as error:
            await abort_with(context, error)

    async def ListGraphs(
        self, request: scheduler_pb2.ListGraphsRequest, context: grpc.aio.ServicerContext
    ) -> scheduler_pb2.ListGraphsResponse:
        return scheduler_pb2.ListGraphsResponse(graphs=self._server.scheduler.statuses())

    async def WatchGraph(
        self, request: scheduler_pb2.WatchGraphRequest, context: grpc.aio.ServicerContext
    ) -> AsyncIterator[scheduler_pb2.WatchGraphResponse]:
        try:
            period_s = _period_s(request.rate_hz)
            watch = self._server.watch(request.name)
        except RtmeshError as error:
            await abort_with(context, error)
        try:
            async for status in self._statuses(request.name, watch, period_s):
                yield scheduler_pb2.WatchGraphResponse(status=status)
        finally:
            self._server.unwatch(request.name, watch)

    async def ListMachines(
        self, request: scheduler_pb2.ListMachinesRequest, context: grpc.aio.ServicerContext
    ) -> scheduler_pb2.ListMachinesResponse:
        return scheduler_pb2.ListMachinesResponse(machines=self._server.machine_statuses())

    async def GetDefinition(
        self, request: scheduler_pb2.GetDefinitionRequest, context: grpc.aio.ServicerContext
    ) -> scheduler_pb2.GetDefinitionResponse:
        try:
            return scheduler_pb2.GetDefinitionResponse(graph=self._server.scheduler.definition(request.name))
        except RtmeshError as error:
            await abort_with(context, error)

    async def ReadLog(
        self, request: scheduler_pb2.ReadLogRequest, context: grpc.aio.ServicerContext
    ) -> AsyncIterator[scheduler_pb2.ReadLogResponse]:
        try:
            read = self._server.read_log(request)
        except RtmeshError as error:
            await abort_with(context, error)
        try:
            async for text in read.texts():
                yield scheduler_pb2.ReadLogResponse(text=text)
        except RtmeshError as error:
            await abort_with(context, error)
        finally:
            read.close()

    async def _statuses(
        self, name: str, watch: Watch, period_s: float
    ) -> AsyncIterator[status_pb2.GraphStatus]:
        """The status now and after changes, not more often than every `period_s` but for the last."""
        while True:
            await watch.changed.wait()
            watch.changed.clear()
            status = watch.last or self._server.scheduler.status(name)
            yield status
            if is_ended(status.phase):
                return
            try:
                await asyncio.wait_for(watch.ended.wait(), period_s)
            except TimeoutError:
                pass  # the usual case: the period is over and the graph lives


class MachinesServicer(machine_pb2_grpc.MachinesServicer):
    """How machines join."""

    def __init__(self, server: Server) -> None:
        self._server = server

    async def Join(
        self, request_iterator: AsyncIterator[machine_pb2.JoinRequest], context: grpc.aio.ServicerContext
    ) -> AsyncIterator[machine_pb2.JoinResponse]:
        try:
            hello = await _hello(request_iterator)
            orders = self._server.join(hello, is_local=context.peer().startswith("unix:"))
        except RtmeshError as error:
            await abort_with(context, error)
        listening = asyncio.get_running_loop().create_task(
            self._listen(hello.machine, request_iterator, orders)
        )
        try:
            while (order := await orders.get()) is not None:
                yield order
        finally:
            listening.cancel()
            self._server.leave(hello.machine, orders)

    async def Clock(
        self, request_iterator: AsyncIterator[machine_pb2.ClockRequest], context: grpc.aio.ServicerContext
    ) -> AsyncIterator[machine_pb2.ClockResponse]:
        async for request in request_iterator:
            received_ns = self._server.now_ns()
            yield machine_pb2.ClockResponse(
                request_sent_ns=request.sent_ns,
                received_time_ns=received_ns,
                sent_time_ns=self._server.now_ns(),
            )

    async def _listen(
        self, machine: str, reports: AsyncIterator[machine_pb2.JoinRequest], orders: Orders
    ) -> None:
        """Take in reports until the stream ends or falls silent; then end the orders.

        The machine is let go here: an order on its way to a cable that is cut may hold up the other side.
        """
        loop, listener = asyncio.get_running_loop(), heartbeat.Listener()
        reading = loop.create_task(self._read(machine, reports, listener))
        silence = loop.create_task(listener.until_silent())
        beating = loop.create_task(heartbeat.beat(lambda: _beat(orders)))
        silent_s = 0.0
        try:
            await asyncio.wait((reading, silence), return_when=asyncio.FIRST_COMPLETED)
            silent_s = 0 if reading.done() else heartbeat.SILENCE_S
        finally:
            for task in (reading, silence, beating):
                task.cancel()
            self._server.leave(machine, orders, int(silent_s * 1e9))
            orders.put_nowait(None)

    async def _read(
        self, machine: str, reports: AsyncIterator[machine_pb2.JoinRequest], listener: heartbeat.Listener
    ) -> None:
        listener.heard()  # Hello
        async for report in reports:
            listener.heard()
            if report.WhichOneof("report") is not None:
                await self._take(machine, report)

    async def _take(self, machine: str, report: machine_pb2.JoinRequest) -> None:
        """One report that cannot be handled must not cost the mesh its machine."""
        try:
            await self._server.report(machine, report)
        except Exception:
            kind = report.WhichOneof("report")
            log.exception("a report could not be handled", reporter=machine, report=kind)


class RefuseMalformed(grpc.aio.ServerInterceptor):  # type: ignore[misc]  # grpc has no types
    """Answers a request whose bytes are no message with INVALID_ARGUMENT; gRPC would answer UNKNOWN."""

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler]],
        details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler:
        handler = await continuation(details)
        if handler is None or handler.unary_unary is None:
            return handler

        async def parse_and_handle(request: bytes, context: grpc.aio.ServicerContext) -> Any:
            try:
                message = handler.request_deserializer(request)
            except DecodeError as error:
                await abort_with(context, InvalidArgumentError(f"the request cannot be read: {error}"))
            return await handler.unary_unary(message, context)

        return grpc.unary_unary_rpc_method_handler(
            parse_and_handle, response_serializer=handler.response_serializer
        )


def _beat(orders: Orders) -> None:
    """A sign of life, unless an order is about to be one."""
    if orders.empty():
        orders.put_nowait(machine_pb2.JoinResponse())


async def _hello(reports: AsyncIterator[machine_pb2.JoinRequest]) -> machine_pb2.Hello:
    async for report in reports:
        if report.WhichOneof("report") == "hello":
            return report.hello
        break
    raise InvalidArgumentError("the first report of a machine must be Hello")


def _period_s(rate_hz: float) -> float:
    """Seconds between two statuses; 0 Hz asks for the default."""
    if math.isnan(rate_hz) or rate_hz < 0:
        raise InvalidArgumentError(f"rate_hz {rate_hz:g} is not a rate", "give one of 0 (default) to 100")
    return 1 / min(rate_hz or DEFAULT_RATE_HZ, MOST_RATE_HZ)
