"""A client of the scheduler: one method a rpc, errors with a remedy."""

from __future__ import annotations

import builtins
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Self

from rtmesh.common.errors import DeadlineExceededError, RtmeshError, UnavailableError

# grpc and protobuf take a third of a second to import: a command that only prints help does without.
if TYPE_CHECKING:
    import grpc

    from rtmesh.v1 import graph_pb2, scheduler_pb2, status_pb2

TIMEOUT_S = 10.0
# gRPC takes the shortest wait between two attempts for the longest of one attempt. A machine that is
# busy answers late, one that drops what it is sent never.
CONNECT_TIMEOUT = ("grpc.min_reconnect_backoff_ms", 2000)


class Client:
    """A connection to the scheduler at an address; made at the first call. Usable from any thread.

    Every method raises a RtmeshError: UnavailableError naming the address if nobody answers there,
    DeadlineExceededError if no answer came within `timeout_s`, else what the scheduler says.

    Args:
        address: "unix:PATH" or "HOST:PORT".
        timeout_s: the longest wait for an answer.
    """

    def __init__(self, address: str, timeout_s: float = TIMEOUT_S) -> None:
        self.address = address
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        self._channel: grpc.Channel | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def apply(self, graph: graph_pb2.Graph) -> scheduler_pb2.ApplyResponse:
        """Make `graph` the one that runs under its name; returns once that is recorded.

        Raises InvalidArgumentError with every problem of the graph, one a line.
        """
        from rtmesh.v1 import scheduler_pb2

        response: scheduler_pb2.ApplyResponse = self._call("Apply", scheduler_pb2.ApplyRequest(graph=graph))
        return response

    def stop(self, name: str) -> None:
        """Begin to drain and stop a graph. Raises NotFoundError."""
        from rtmesh.v1 import scheduler_pb2

        self._call("Stop", scheduler_pb2.StopRequest(name=name))

    def delete(self, name: str) -> None:
        """Stop a graph if it runs, and forget it. Raises NotFoundError."""
        from rtmesh.v1 import scheduler_pb2

        self._call("Delete", scheduler_pb2.DeleteRequest(name=name))

    def get(self, name: str) -> status_pb2.GraphStatus:
        """The status of a graph. Raises NotFoundError."""
        from rtmesh.v1 import scheduler_pb2

        response: scheduler_pb2.GetGraphResponse = self._call(
            "GetGraph", scheduler_pb2.GetGraphRequest(name=name)
        )
        return response.status

    def definition(self, name: str) -> graph_pb2.Graph:
        """A graph as it was applied, its compiled protos included. Raises NotFoundError."""
        from rtmesh.v1 import scheduler_pb2

        response: scheduler_pb2.GetDefinitionResponse = self._call(
            "GetDefinition", scheduler_pb2.GetDefinitionRequest(name=name)
        )
        return response.graph

    def list(self) -> list[status_pb2.GraphStatus]:
        """The status of every graph, by name."""
        from rtmesh.v1 import scheduler_pb2

        return [*self._call("ListGraphs", scheduler_pb2.ListGraphsRequest()).graphs]

    def machines(self) -> builtins.list[status_pb2.MachineStatus]:
        """Every machine that is or was joined, by name."""
        from rtmesh.v1 import scheduler_pb2

        return [*self._call("ListMachines", scheduler_pb2.ListMachinesRequest()).machines]

    def watch(self, name: str, rate_hz: float = 4) -> Iterator[status_pb2.GraphStatus]:
        """The status of a graph now and after changes, at most `rate_hz` times a second, until it has ended.

        Closing the iterator ends the watch. Raises NotFoundError, and UnavailableError if the scheduler goes:
        a graph does not end with it, so whoever wants to go on watching calls again.
        """
        from rtmesh.v1 import scheduler_pb2

        request = scheduler_pb2.WatchGraphRequest(name=name, rate_hz=rate_hz)
        for response in self._stream("WatchGraph", request):
            yield response.status

    def read_log(
        self, graph: str, node: str, previous: bool = False, follow: bool = False, last_lines: int = 0
    ) -> Iterator[bytes]:
        """The log of a node, in pieces that end anywhere. Closing the iterator ends the read.

        Args:
            previous: that of the life before this one.
            follow: go on as it grows, until the run has ended.
            last_lines: begin so many lines before the end; 0: at the beginning.
        Raises:
            NotFoundError: there is no such graph or node, it has not run yet, or has no log of that life.
            ResourceExhaustedError: the log comes faster than it is read here.
            UnavailableError: the scheduler, or the machine that carries the node, is not there (any more).
        """
        from rtmesh.v1 import scheduler_pb2

        request = scheduler_pb2.ReadLogRequest(
            graph=graph, node=node, previous=previous, follow=follow, last_lines=last_lines
        )
        for response in self._stream("ReadLog", request):
            yield response.text

    def wait_ready(self, timeout_s: float) -> None:
        """Wait until the scheduler answers. Raises UnavailableError after `timeout_s`."""
        import grpc

        from rtmesh.v1 import scheduler_pb2

        try:
            self._stub().ListMachines(
                scheduler_pb2.ListMachinesRequest(), timeout=timeout_s, wait_for_ready=True
            )
        except grpc.RpcError as error:
            raise UnavailableError(
                f"no scheduler answers at {self.address} within {timeout_s:g} s",
                "check that it runs and that the address is right",
            ) from error

    @staticmethod
    def prepare() -> None:
        """Import what the first call needs: for who has time before it."""
        from rtmesh.common import serving  # noqa: F401
        from rtmesh.v1 import scheduler_pb2_grpc  # noqa: F401

    def close(self) -> None:
        """End the connection and every watch. A later call makes a new one."""
        with self._lock:
            channel, self._channel = self._channel, None
        if channel is not None:
            channel.close()

    def _call(self, rpc: str, request: Any) -> Any:
        import grpc

        method: Callable[..., Any] = getattr(self._stub(), rpc)
        try:
            return method(request, timeout=self._timeout_s)
        except grpc.RpcError as error:
            raise self._error(error) from error

    def _stream(self, rpc: str, request: Any) -> Iterator[Any]:
        import grpc

        call = getattr(self._stub(), rpc)(request)
        try:
            yield from call
        except grpc.RpcError as error:
            raise self._error(error) from error
        finally:
            call.cancel()

    def _error(self, error: grpc.RpcError) -> RtmeshError:
        from rtmesh.common.status_codes import from_rpc_error

        told = from_rpc_error(error, self.address)
        if isinstance(told, DeadlineExceededError):
            return DeadlineExceededError(
                f"the scheduler at {self.address} did not answer within {self._timeout_s:g} s",
                "see its log, or try again",
            )
        return told

    def _stub(self) -> Any:
        import grpc

        from rtmesh.common.serving import CHANNEL_OPTIONS
        from rtmesh.v1 import scheduler_pb2_grpc

        with self._lock:
            if self._channel is None:
                others = [option for option in CHANNEL_OPTIONS if option[0] != CONNECT_TIMEOUT[0]]
                self._channel = grpc.insecure_channel(self.address, options=[*others, CONNECT_TIMEOUT])
            return scheduler_pb2_grpc.SchedulerStub(self._channel)  # type: ignore[no-untyped-call]
