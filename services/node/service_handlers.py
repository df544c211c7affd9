"""The rpcs of a node's own service, made from its contract: bytes in, bytes out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import grpc

from rtmesh.common.errors import RtmeshError, UnavailableError
from rtmesh.common.origins import origin_id
from rtmesh.common.status_codes import abort_with, code_from_number
from rtmesh.graph.contract import Contract, PortSpec
from rtmesh.node.message import MessageType
from rtmesh.node.service_calls import LoopCalls
from rtmesh.node.service_inputs import FedInput, FreeInput
from rtmesh.node.service_outputs import OutputPort
from rtmesh.node.service_pending import RefusedError
from rtmesh.node.service_taps import OutputTap
from rtmesh.shm import RingError
from rtmesh.v1 import node_pb2

Behavior = Callable[[Any, grpc.aio.ServicerContext], Awaitable[bytes | None]]


class NodeHandlers:
    """What serves one node: `handler` for the server, and the taps that its clients share."""

    def __init__(
        self, config: node_pb2.LoopConfig, contract: Contract, calls: LoopCalls, now_ns: Callable[[], int]
    ) -> None:
        self._config = config
        self._now_ns = now_ns
        self._calls = calls
        self._node = config.node.node.name
        self.taps: list[OutputTap] = []
        handlers = {spec.rpc: self._output(spec) for spec in contract.outputs}
        handlers |= {spec.rpc: self._input(spec) for spec in contract.inputs}
        handlers |= {method.name: self._method(method.name) for method in contract.methods}
        self.handler = grpc.method_handlers_generic_handler(contract.service.full_name, handlers)

    def _output(self, spec: PortSpec) -> grpc.RpcMethodHandler:
        ring = _binding(self._config.node.outputs, spec.name).ring
        tap = OutputTap(f"{self._node}.{spec.name}", self._config.segments[ring], self._now_ns)
        self.taps.append(tap)
        return grpc.stream_stream_rpc_method_handler(_reporting(OutputPort(tap).serve))

    def _input(self, spec: PortSpec) -> grpc.RpcMethodHandler:
        binding = _binding(self._config.node.inputs, spec.name)
        name = f"{self._node}.{spec.name}"
        if not binding.is_free:
            return grpc.stream_stream_rpc_method_handler(_reporting(FedInput(name, binding.ring).serve))
        origin = origin_id(self._config.graph, self._node, spec.name)
        segment = self._config.segments[binding.ring]
        port = FreeInput(name, segment, MessageType(spec.message), origin, self._now_ns)
        return grpc.stream_stream_rpc_method_handler(_reporting(port.serve))

    def _method(self, name: str) -> grpc.RpcMethodHandler:
        async def call(request: bytes, context: grpc.aio.ServicerContext) -> bytes:
            return await self._calls.call(name, request)

        return grpc.unary_unary_rpc_method_handler(_reporting(call))


def _binding(bindings: Any, port: str) -> Any:
    """The plan's binding of a port. Plan and contract come from one graph, so it is there."""
    return next(binding for binding in bindings if binding.port == port)


def _reporting(behavior: Behavior) -> Behavior:
    """The same behavior, its errors told to the client as statuses."""

    async def reporting(request: Any, context: grpc.aio.ServicerContext) -> bytes | None:
        try:
            return await behavior(request, context)
        except RefusedError as refused:
            await context.abort(code_from_number(refused.code), refused.message)
        except RtmeshError as error:
            await abort_with(context, error)
        except RingError as error:
            await abort_with(context, UnavailableError(str(error)))
        return None

    return reporting
