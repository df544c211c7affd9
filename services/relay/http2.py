"""The wire by HTTP/2 of our own, as gRPC speaks it: any gRPC client or server may be at the other end.

gRPC for Python hands what comes from thread to thread. Here one thread a connection sleeps in the socket
itself, finds the message in C and puts it into the ring; a lane's sending thread writes into the socket.
Nothing wakes in between. What is said seldom is in Python; its frames and headers are those of the libraries
hyperframe and hpack.
"""

from __future__ import annotations

from rtmesh.relay.http2_connection import Http2Connection
from rtmesh.relay.http2_listener import Http2Listener
from rtmesh.relay.wire import Accept


class Http2Wire:
    """See wire.Wire."""

    def connect(self, address: str) -> Http2Connection:
        """See wire.Wire."""
        return Http2Connection(address)

    def listen(self, accept: Accept) -> Http2Listener:
        """See wire.Wire."""
        return Http2Listener(accept)
