"""The service process of a node: `python -m rtmesh.node.service CONFIG.json`.

It serves the node's own proto service to whoever comes: ports over rings, methods over the control
rings. It is off the critical path: a graph runs without it, and its end cuts no edge. The loop process
imports none of the files whose names begin with service.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import grpc
import uvloop
from google.protobuf import json_format
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from rtmesh.common import logs
from rtmesh.common.clock import ClockPage
from rtmesh.common.errors import NotFoundError, RtmeshError
from rtmesh.common.logs import get_logger
from rtmesh.common.processes import die_with_parent
from rtmesh.common.serving import SERVER_OPTIONS, add_port
from rtmesh.graph.contract import Contract
from rtmesh.graph.protos import pool_of
from rtmesh.node.service_calls import LoopCalls
from rtmesh.node.service_handlers import NodeHandlers
from rtmesh.node.service_reflection import reflection_handlers
from rtmesh.shm import RingError
from rtmesh.v1 import node_pb2, status_pb2

# Clients get this long to take what is under way; threads need one slice more. Together below 1 s.
GRACE_S = 0.4
JOIN_S = 0.3

_SERVING_STATES = (
    status_pb2.NODE_STATE_READY,
    status_pb2.NODE_STATE_RUNNING,
    status_pb2.NODE_STATE_STUCK,
    status_pb2.NODE_STATE_DRAINING,
)
_log = get_logger()


def main(arguments: Sequence[str]) -> int:
    """Serve until SIGTERM or SIGINT; 0 then, 1 if serving could not begin."""
    if len(arguments) != 1:
        print("usage: python -m rtmesh.node.service CONFIG.json", file=sys.stderr)
        return 2
    config = json_format.Parse(Path(arguments[0]).read_text(), node_pb2.LoopConfig())
    if config.die_with_parent:
        die_with_parent(config.parent_process_id)
    logs.configure(f"service {config.node.node.name}", config.machine)
    try:
        uvloop.run(serve(config))
    except (RtmeshError, RingError) as error:
        _log.error("cannot serve", error=str(error))
        return 1
    return 0


async def serve(config: node_pb2.LoopConfig) -> None:
    """Serve the node that `config` describes until a signal comes.

    Raises:
        RingError: a control ring or the clock page is not there.
        NotFoundError: the descriptors do not have the service.
        UnavailableError: the address cannot be bound.
    """
    stopping = _stop_signal()
    clock = ClockPage.open(config.clock_segment)
    watch = HealthWatch(config.node.node.service)
    pool = pool_of(Path(config.descriptors_path).read_bytes())
    contract = _contract(pool, config.node.node.service)
    calls = LoopCalls(config, clock.now_ns, watch.state_is)
    handlers = NodeHandlers(config, contract, calls, clock.now_ns)
    server = grpc.aio.server(options=SERVER_OPTIONS)
    services = [config.node.node.service, health.SERVICE_NAME]
    server.add_generic_rpc_handlers((handlers.handler, *reflection_handlers(services, pool)))
    health_pb2_grpc.add_HealthServicer_to_server(watch.servicer, server)
    try:
        address = add_port(server, config.service_address)
        await server.start()
        _log.info("listening", address=address)
        await stopping.wait()
    finally:
        await _shut_down(server, watch, handlers, calls)
        clock.close()


class HealthWatch:
    """Health of the node's service: serving while its loop answers. "" tells of this process alone."""

    def __init__(self, service: str) -> None:
        self._service = service
        self._is_serving: bool | None = None
        self._changes: set[asyncio.Task[None]] = set()
        self.servicer = health.aio.HealthServicer()

    def state_is(self, state: int) -> None:
        """The loop is in this NodeState; 0: it is not there."""
        is_serving = state in _SERVING_STATES
        if is_serving != self._is_serving:
            self._is_serving = is_serving
            status = health_pb2.HealthCheckResponse
            change = self.servicer.set(self._service, status.SERVING if is_serving else status.NOT_SERVING)
            task = asyncio.create_task(change)
            self._changes.add(task)  # the event loop itself holds tasks weakly
            task.add_done_callback(self._changes.discard)


def _contract(pool: DescriptorPool, service: str) -> Contract:
    try:
        return Contract.of(pool.FindServiceByName(service))
    except KeyError:
        raise NotFoundError(
            f"the graph's descriptors have no service {service}", "apply the graph again"
        ) from None


def _stop_signal() -> asyncio.Event:
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    return stopping


async def _shut_down(
    server: grpc.aio.Server, watch: HealthWatch, handlers: NodeHandlers, calls: LoopCalls
) -> None:
    """Tell clients, end streams and calls, and let every thread leave its ring."""
    await watch.servicer.enter_graceful_shutdown()
    calls.stop()
    for tap in handlers.taps:
        tap.stop()
    await server.stop(GRACE_S)
    await asyncio.to_thread(_join, handlers, calls)


def _join(handlers: NodeHandlers, calls: LoopCalls) -> None:
    for tap in handlers.taps:
        tap.join(JOIN_S)
    calls.close(JOIN_S)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
