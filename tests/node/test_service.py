"""The service process as a whole: health, reflection, and its end."""

from __future__ import annotations

import signal

import pytest
from google.protobuf import descriptor_pb2
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2
from served_node import INPUT_QUEUE, SERVICE, WAIT_S, Client, FakeLoop, ServedNode

from rtmesh.shm import ReaderState, Writer
from rtmesh.v1 import status_pb2
from rtmesh.v1.stream_pb2 import Credit

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
HEALTH, V1, V1ALPHA = (
    "grpc.health.v1.Health",
    "grpc.reflection.v1.ServerReflection",
    "grpc.reflection.v1alpha.ServerReflection",
)


def health_of(client: Client, service: str) -> int:
    stub = health_pb2_grpc.HealthStub(client.channel)
    return stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=WAIT_S).status


def reflect(client: Client, version: str, **question: str) -> reflection_pb2.ServerReflectionResponse:
    stub = client.channel.stream_stream(
        f"/{version}/ServerReflectionInfo",
        request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
        response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
    )
    request = reflection_pb2.ServerReflectionRequest(**question)
    return next(stub(iter([request]), timeout=WAIT_S))


def test_health_follows_the_loop(node: ServedNode, client: Client, loop: FakeLoop) -> None:
    stub = health_pb2_grpc.HealthStub(client.channel)
    watch = stub.Watch(health_pb2.HealthCheckRequest(service=SERVICE), timeout=WAIT_S)
    assert health_of(client, "") == SERVING
    assert next(watch).status == NOT_SERVING

    loop.tell_state(status_pb2.NODE_STATE_RUNNING)
    assert next(watch).status == SERVING
    assert health_of(client, SERVICE) == SERVING

    loop.tell_state(status_pb2.NODE_STATE_FAILED)
    assert next(watch).status == NOT_SERVING
    assert health_of(client, "") == SERVING, "the service itself runs"


@pytest.mark.parametrize("version", [V1, V1ALPHA])
def test_reflection_lists_every_service(client: Client, version: str) -> None:
    services = reflect(client, version, list_services="").list_services_response.service

    assert {service.name for service in services} == {SERVICE, HEALTH, V1, V1ALPHA}


@pytest.mark.parametrize("version", [V1, V1ALPHA])
@pytest.mark.parametrize(
    "symbol", [SERVICE, HEALTH, V1, V1ALPHA, "served.v1.BinnedSpikes", "rtmesh.v1.Tensor"]
)
def test_reflection_describes_every_symbol_completely(client: Client, version: str, symbol: str) -> None:
    answer = reflect(client, version, file_containing_symbol=symbol).file_descriptor_response

    pool = DescriptorPool()
    waiting = [descriptor_pb2.FileDescriptorProto.FromString(file) for file in answer.file_descriptor_proto]
    while waiting:  # imports first
        known = {file.name for file in waiting}
        ready = [file for file in waiting if not known & set(file.dependency)]
        waiting = [file for file in waiting if file not in ready]
        for file in ready:
            pool.Add(file)
    assert pool.FindFileContainingSymbol(symbol)


def test_reflection_alone_is_enough_to_read_an_output(node: ServedNode, client: Client) -> None:
    answer = reflect(client, V1, file_containing_symbol=SERVICE).file_descriptor_response
    files = [descriptor_pb2.FileDescriptorProto.FromString(file) for file in answer.file_descriptor_proto]
    service = next(file.service[0] for file in files if file.service)

    methods = {method.name: (method.input_type, method.output_type) for method in service.method}
    assert methods["Velocity"] == (".rtmesh.v1.Credit", ".served.v1.CursorVelocity")
    assert methods["Bins"] == (".served.v1.BinnedSpikes", ".rtmesh.v1.Credit")


def test_an_unknown_symbol_is_not_found(client: Client) -> None:
    answer = reflect(client, V1, file_containing_symbol="served.v1.Nothing")

    assert answer.error_response.error_code == 5


def test_a_service_told_to_end_ends_its_streams_and_leaves_its_rings(own_node: ServedNode) -> None:
    client = Client(own_node)
    stream = client.output("Velocity")
    stream.send(Credit(messages=5))

    assert own_node.end() == 0, own_node.log
    assert stream.error()[0] == "UNAVAILABLE"
    readers = own_node.ring("decoder.velocity").snapshot().readers
    assert ReaderState.ATTACHED not in {reader.state for reader in readers}
    assert "Traceback" not in own_node.log
    client.close()


def test_a_killed_service_cuts_nothing_and_the_next_one_serves(own_node: ServedNode) -> None:
    client = Client(own_node)
    client.output("Velocity")
    client.input("Bins").take(1)
    own_node.end(signal.SIGKILL)
    client.close()
    writer = Writer(own_node.segments["decoder.velocity"])
    assert all(writer.try_publish(own_node.velocity(number), 1) for number in range(1, 200))

    own_node.start()
    again = Client(own_node)
    assert again.input("Bins").take(1)[0].messages == INPUT_QUEUE
    stream = again.output("Velocity")
    stream.send(Credit(messages=1))
    assert writer.try_publish(own_node.velocity(200), 1)
    assert stream.take(1)[0].header.sequence == 200
    again.close()
    writer.close()


def test_a_service_that_cannot_serve_says_why(own_node: ServedNode) -> None:
    path = own_node.folder / "decoder.json"
    config = path.read_text()
    own_node.end()
    wrong = {
        "cannot listen on": config.replace(own_node.address, f"unix:{own_node.folder}/missing/s"),
        "no such segment": config.replace(own_node.requests_segment, own_node.requests_segment + "x"),
        "served.v1.Nobody": config.replace(SERVICE, "served.v1.Nobody"),
    }

    for text, content in wrong.items():
        path.write_text(content)
        assert own_node.start().wait(WAIT_S) == 1
        assert text in own_node.log
        assert "Traceback" not in own_node.log
