"""The connection to a node's service, and what its failures mean for the node."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from rtmesh.common.errors import RtmeshError, UnavailableError

if TYPE_CHECKING:
    import grpc


class NodeChannel:
    """A channel to one node; dialled at the first use. Usable from any thread.

    Args:
        address: where the service listens: "unix:PATH" or "HOST:PORT".
        name: what errors call the node.
        timeout_s: the longest wait for the service to answer at all.
        over: how the node has ended, if it has; empty: it runs.
    """

    def __init__(self, address: str, name: str, timeout_s: float, over: str = "") -> None:
        self._address = address
        self._name = name
        self._timeout_s = timeout_s
        self._over = over
        self._lock = threading.Lock()
        self._channel: grpc.Channel | None = None

    def dial(self) -> grpc.Channel:
        """The channel, once somebody answers. Raises UnavailableError if nobody does."""
        import grpc

        from rtmesh.common.serving import CHANNEL_OPTIONS

        with self._lock:
            if self._channel is None:
                channel = grpc.insecure_channel(self._address, options=CHANNEL_OPTIONS)
                try:
                    grpc.channel_ready_future(channel).result(self._timeout_s)
                except grpc.FutureTimeoutError:
                    channel.close()
                    raise self._silent() from None
                self._channel = channel
            return self._channel

    def close(self) -> None:
        """End the connection. A later use makes a new one."""
        with self._lock:
            channel, self._channel = self._channel, None
        if channel is not None:
            channel.close()

    def told(self, error: grpc.RpcError) -> RtmeshError:
        """What an rpc raised, as an error that names the node."""
        from rtmesh.common.status_codes import from_rpc_error

        told = from_rpc_error(error)
        remedy = "" if ": " in told.message else f"see how {self._name} is, then try again"
        is_lost = isinstance(told, UnavailableError)
        return UnavailableError(f"{self._name}: {told.message}", remedy) if is_lost else told

    def _silent(self) -> UnavailableError:
        if self._over:
            return UnavailableError(f"node {self._name} {self._over}", "start its graph again")
        return UnavailableError(
            f"{self._name}: nobody answers at {self._address} within {self._timeout_s:g} s",
            "is it running, and is that address reachable from here?",
        )
