"""A client of a node: its outputs, inputs, methods and parameters, typed by its contract.

    from rtmesh.client import Client
    from rtmesh.client.node import array, connect

    with connect(Client("localhost:7400"), "cursor/simulator") as simulator:
        for message in simulator.tap("rates", count=100):
            print(message.header.sequence, array(message.rates).mean())
        simulator.configure({"seed": 7})

It is plain gRPC to the node's own service: what it does, a generated stub does too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Self

from rtmesh.client.node_channel import NodeChannel
from rtmesh.client.node_contract import CONFIGURE, find_method, find_parameters, find_port
from rtmesh.common.errors import InvalidArgumentError, NotFoundError

# grpc, protobuf and numpy take half a second to import: they come with the first client.
if TYPE_CHECKING:
    import numpy as np
    from google.protobuf.descriptor import Descriptor
    from google.protobuf.message import Message

    from rtmesh.client import Client
    from rtmesh.client.node_tap import Tap
    from rtmesh.graph.contract import Contract, MethodSpec, PortSpec
    from rtmesh.v1 import graph_pb2, status_pb2

READY_TIMEOUT_S = 5.0
# For a node that has ended: its service may still be there, and is not coming if it is not.
OVER_TIMEOUT_S = 0.5
# Longer than a service waits for its loop (30 s), whose words say more.
CALL_TIMEOUT_S = 35.0


class NodeClient:
    """Talks to the service of one node; dials at the first use. A context manager, usable from any thread.

    Messages are protobuf messages of a descriptor pool of its own, so that several graphs, or two versions
    of one, never clash in a process.

    Args:
        address: where the service listens: "unix:PATH" or "HOST:PORT".
        definition: the graph as it was applied, or a serialized FileDescriptorSet with its protos.
        service: full name of the proto service that is the node's contract.
        name: what errors call the node, for example cursor/decoder; default: `service`.
        timeout_s: the longest wait for the service to answer at all.
    """

    def __init__(
        self,
        address: str,
        definition: graph_pb2.Graph | bytes,
        service: str,
        *,
        name: str = "",
        timeout_s: float = READY_TIMEOUT_S,
    ) -> None:
        """Raises NotFoundError if the protos have no such service."""
        from rtmesh.graph.contract import Contract
        from rtmesh.graph.protos import pool_of

        self.address = address
        self.name = name or service
        descriptors = definition if isinstance(definition, bytes) else definition.descriptors
        self._pool = pool_of(descriptors)
        try:
            self.contract: Contract = Contract.of(self._pool.FindServiceByName(service))
        except KeyError:
            raise NotFoundError(f"the protos have no service {service}", "is its package right?") from None
        self._channel = NodeChannel(address, self.name, timeout_s)

    @classmethod
    def of(cls, graph: graph_pb2.Graph, status: status_pb2.NodeStatus) -> NodeClient:
        """The client of a node of a graph, given how the node is now.

        Raises:
            FailedPreconditionError: its machine is lost, or it has no service.
            NotFoundError: the graph has no such node.
        """
        from rtmesh.client.node_names import over_word, require_service

        name = f"{graph.name}/{status.name}"
        node = next((node for node in graph.nodes if node.name == status.name), None)
        if node is None:
            raise NotFoundError(f"there is no node {name}")
        require_service(name, status)
        made = cls(status.address, graph, node.service, name=name)
        if over := over_word(status):
            made._channel = NodeChannel(status.address, name, OVER_TIMEOUT_S, over)
        return made

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def tap(self, port: str, count: int = 0) -> Tap:
        """Read an output: an iterator over its messages from now on, until the stream ends.

            for message in client.tap("velocity", count=10):
                print(message.header.sequence, message.vx)

        It never slows the node: who reads too slowly sees gaps in `header.sequence`.

        Args:
            count: end after so many; 0: never.
        Raises:
            NotFoundError: the node has no such output.
            UnavailableError: the service does not answer, or (when iterating) went away.
        """
        from rtmesh.client.node_tap import Tap

        spec = self.port("output", port)
        return Tap(lambda credits: self._stream(spec.rpc)(credits), count, self._channel.told)

    def feed(self, port: str, messages: Iterable[Mapping[str, Any] | Message]) -> int:
        """Send messages to an input that no edge feeds, as fast as the node takes them; how many there were.

            client.feed("target", [{"x": 10.0, "y": -3.0}])

        Returns when the node's ring holds all of them. A header is not needed: the node writes its own.

        Raises:
            NotFoundError: the node has no such input.
            FailedPreconditionError: an edge or another client feeds it.
            InvalidArgumentError: a message does not fit; those before it were sent.
        """
        from rtmesh.client.node_feed import Feed

        spec = self.port("input", port)
        sent = 0
        with Feed(lambda requests: self._stream(spec.rpc)(requests), self._channel.told) as feed:
            for message in messages:
                feed.send(self._message(spec.message, message, port))
                sent += 1
            feed.finish()
        return sent

    def call(
        self,
        method: str,
        request: Mapping[str, Any] | Message | None = None,
        timeout_s: float = CALL_TIMEOUT_S,
    ) -> Any:
        """Call a method; its response message. The node answers between two steps.

            client.call("Calibrate", {"trials": 20}).r2

        Raises:
            NotFoundError: the node has no such method.
            InvalidArgumentError: the request does not fit (each field is told), or the node refuses it.
            DeadlineExceededError: no answer in time.
            UnavailableError: the node is not running.
        """
        import grpc

        spec = self.method(method)
        message = self._message(spec.request, request or {}, method)
        rpc = self._channel.dial().unary_unary(self._path(spec.name), *self._codec(spec.response))
        try:
            return rpc(message, timeout=timeout_s)
        except grpc.RpcError as error:
            raise self._channel.told(error) from error

    def parameters(self) -> Any:
        """The node's parameters as they are now. Raises NotFoundError if it has none."""
        return self.configure({})

    def configure(self, changes: Mapping[str, Any] | Message) -> Any:
        """Change parameters, all or none of them; the parameters afterwards, as the node says they are.

            client.configure({"gain": 2.5}).gain

        Raises:
            InvalidArgumentError: a value does not fit, or the node refuses it: nothing changed.
            NotFoundError: the node has no parameters.
        """
        self.require_parameters()
        return self.call(CONFIGURE, changes)

    def require_parameters(self) -> Descriptor:
        """The type of the node's parameters. Raises NotFoundError if it has none."""
        return find_parameters(self.contract, self.name)

    def port(self, direction: str, name: str) -> PortSpec:
        """What the contract says of an "output" or "input". Raises NotFoundError with those there are."""
        return find_port(self.contract, self.name, direction, name)

    def method(self, name: str) -> MethodSpec:
        """What the contract says of a method. Raises NotFoundError with the methods that there are."""
        return find_method(self.contract, self.name, name)

    def close(self) -> None:
        """End the connection, and with it every tap. A later use makes a new one."""
        self._channel.close()

    def _message(self, descriptor: Descriptor, given: Mapping[str, Any] | Message, rpc: str) -> Message:
        from rtmesh.client.node_values import message_of

        if isinstance(given, Mapping):
            return message_of(descriptor, given, f"{self.name}.{rpc}")
        if given.DESCRIPTOR.full_name != descriptor.full_name:
            raise InvalidArgumentError(
                f"{self.name}.{rpc} takes {descriptor.full_name}, not {given.DESCRIPTOR.full_name}"
            )
        return given  # perhaps of another pool: on the wire they are the same

    def _stream(self, rpc: str) -> Callable[..., Any]:
        method = self.contract.service.methods_by_name[rpc]
        streams: Callable[..., Any] = self._channel.dial().stream_stream(
            self._path(rpc), *self._codec(method.output_type)
        )
        return streams

    def _path(self, rpc: str) -> str:
        return f"/{self.contract.service.full_name}/{rpc}"

    def _codec(self, response: Descriptor) -> tuple[Callable[[Any], bytes], Callable[[bytes], Any]]:
        from google.protobuf.message_factory import GetMessageClass

        return _serialized, GetMessageClass(response).FromString


def connect(client: Client, name: str) -> NodeClient:
    """The client of a node by name: GRAPH/NODE, or NODE where only one graph that runs has such a node.

        with connect(Client("localhost:7400"), "decoder") as decoder:
            print(decoder.parameters().gain)

    Raises:
        NotFoundError: there is no such graph or node.
        InvalidArgumentError: several graphs have such a node.
        FailedPreconditionError: the node's machine is lost, or it has no service.
    """
    from rtmesh.client.node_names import find_node

    return NodeClient.of(*find_node(client, name))


def array(tensor: Any) -> np.ndarray[Any, Any]:
    """The array in a rtmesh.v1.Tensor: read-only, without a copy.

        array(message.rates).mean()

    Raises ValueError if its shape, dtype and data do not fit.
    """
    from rtmesh.common.tensors import to_array

    return to_array(tensor)


def _serialized(message: Any) -> bytes:
    data: bytes = message.SerializeToString()
    return data
