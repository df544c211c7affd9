"""A client of the count graph as anyone would write it: grpc, and what plain protoc generated. No rtmesh.

    python plain_client.py GENERATED ADDRESS SERVICE RPC < requests, one JSON object a line

Prints each response as a line of JSON; ends with the status code's number if the call failed.
"""

import json
import sys

import grpc
from google.protobuf import json_format

generated, address, service, rpc = sys.argv[1:]
sys.path.insert(0, generated)

from count.v1 import count_pb2, count_pb2_grpc  # noqa: E402
from grpc_health.v1 import health_pb2, health_pb2_grpc  # noqa: E402

from rtmesh.v1 import stream_pb2  # noqa: E402

assert stream_pb2.__file__.startswith(generated), "not the generated one"

STUBS = {
    "count.v1.Counter": count_pb2_grpc.CounterStub,
    "count.v1.Summer": count_pb2_grpc.SummerStub,
    "grpc.health.v1.Health": health_pb2_grpc.HealthStub,
}
REQUESTS = {
    "count.v1.Counter/Numbers": stream_pb2.Credit,
    "count.v1.Summer/Numbers": count_pb2.Number,
    "count.v1.Summer/Totals": stream_pb2.Credit,
    "count.v1.Summer/Configure": count_pb2.SummerParameters,
    "count.v1.Summer/Reset": count_pb2.ResetRequest,
    "grpc.health.v1.Health/Check": health_pb2.HealthCheckRequest,
}

with grpc.insecure_channel(address) as channel:
    call = getattr(STUBS[service](channel), rpc)
    requests = (json_format.Parse(line, REQUESTS[f"{service}/{rpc}"]()) for line in sys.stdin)
    is_stream = isinstance(call, grpc.StreamStreamMultiCallable)
    try:
        responses = call(requests) if is_stream else [call(next(requests))]
        for response in responses:
            print(json.dumps(json_format.MessageToDict(response)), flush=True)
    except grpc.RpcError as error:
        print(error.details(), file=sys.stderr)
        sys.exit(error.code().value[0])
