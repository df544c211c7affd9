"""A bare gRPC stream of bytes: what any relay over gRPC has to beat or to pay."""

from __future__ import annotations

from typing import Any

from bench.net.system import NetSystem, read_places
from bench.ring.endpoint import Seat

METHOD = "/bench.Bytes/Exchange"
OPTIONS = [
    ("grpc.so_reuseport", 0),
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
    ("grpc.enable_http_proxy", 0),
]


class GrpcSystem(NetSystem):
    """The sender's process serves, the receiver's dials; one bidirectional stream, no serializer."""

    distributions: tuple[str, ...] = ("grpcio",)

    def address(self, seat: Seat) -> str:
        """Where the left host listens."""
        return f"{read_places(seat).left}:{seat.port}"


def add_exchange(server: Any, handler: Any) -> None:
    """Serve METHOD with bytes both ways."""
    import grpc

    service, method = METHOD[1:].split("/")
    exchange = grpc.stream_stream_rpc_method_handler(handler)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {method: exchange}),))
