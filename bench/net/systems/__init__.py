"""The systems under test between two hosts, one a file; each module has a `SYSTEM`."""

from __future__ import annotations

PACKAGE = __name__
# Name on the command line: module. The order is that of the interleaved runs and of the tables.
MODULES = {
    "rtmesh": "relayed",
    "grpc-aio": "grpc_aio",
    "grpc-uvloop": "grpc_uvloop",
    "grpc-sync": "grpc_sync",
    "grpc-aio-tuned": "tuned",
    "grpc-sync-tuned": "tuned_sync",
    "socket": "tcp_socket",
    "zmq": "zmq_tcp",
    "zenoh": "zenoh_tcp",
    "ezmsg": "ezmsg_tcp",
    "redis": "redis_tcp",
    "dora": "dora_daemons",
    "ring": "local_ring",
    "rtmesh-eight": "eight_edges",
    "rtmesh-beside": "beside",
    "rtmesh-stamped": "stamped",
}
