"""Stock gRPC tools, one interface: each knows a node's socket, and nothing of rtmesh."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import grpc
from google.protobuf import descriptor_pb2, json_format
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from grpc_reflection.v1alpha import reflection_pb2
from running import GRAPHS, REPOSITORY, Up, until

PLAIN_CLIENT = REPOSITORY / "tests" / "tools" / "plain_client.py"
WAIT_S = 30
Json = dict[str, Any]


class Nodes:
    """A running graph of count nodes, as clients find it: a socket for each node."""

    def __init__(self, running: Up) -> None:
        self.running = running

    def socket(self, node: str) -> Path:
        """It lies beside the configuration of the node's service."""
        config = Path(*[part for part in self.running.find_service(node).cmdline() if part][-1:])
        path = config.with_suffix(".sock")
        until(path.exists, 20, f"the socket of {node}")
        return path


class ToolError(Exception):
    """A call that failed."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"{code}: {text}")
        self.code = code
        self.text = text


class Tool(Protocol):
    """Calls an rpc with all requests at once, then half-closes."""

    def call(self, socket: Path, service: str, rpc: str, *requests: Json) -> list[Json]:
        """The responses, as JSON. Raises ToolError."""
        ...


class PlainStubs:
    """A client in a process of its own, with stubs that plain protoc generated."""

    def __init__(self, generated: Path) -> None:
        self._generated = generated
        generate_stubs(generated)

    def command(self, socket: Path, service: str, rpc: str) -> list[str]:
        return [sys.executable, str(PLAIN_CLIENT), str(self._generated), f"unix:{socket}", service, rpc]

    def call(self, socket: Path, service: str, rpc: str, *requests: Json) -> list[Json]:
        ended = _run(self.command(socket, service, rpc), requests)
        if ended.returncode:
            raise ToolError(ended.returncode, ended.stderr)
        return [json.loads(line) for line in ended.stdout.splitlines()]


class Reflection:
    """Knows no proto: asks the server for its descriptors, by symbol, and builds its messages from them."""

    def __init__(self, version: str) -> None:
        self._method = f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo"

    def services(self, socket: Path) -> list[str]:
        with channel_to(socket) as channel:
            answer = self._ask(channel, list_services="")
        return [service.name for service in answer.list_services_response.service]

    def call(self, socket: Path, service: str, rpc: str, *requests: Json) -> list[Json]:
        with channel_to(socket) as channel:
            pool = self._pool(channel, service)
            method = pool.FindServiceByName(service).methods_by_name[rpc]
            request_class = GetMessageClass(method.input_type)
            messages = [
                json_format.ParseDict(each, request_class(), descriptor_pool=pool) for each in requests
            ]
            try:
                responses = list(self._responses(channel, method, messages))
            except grpc.RpcError as error:
                raise ToolError(error.code().value[0], error.details()) from None
        return [json_format.MessageToDict(response, descriptor_pool=pool) for response in responses]

    def _responses(
        self, channel: grpc.Channel, method: MethodDescriptor, requests: Sequence[Message]
    ) -> Iterator[Message]:
        path = f"/{method.containing_service.full_name}/{method.name}"
        write = GetMessageClass(method.input_type).SerializeToString
        read = GetMessageClass(method.output_type).FromString
        if method.server_streaming:
            yield from channel.stream_stream(path, write, read)(iter(requests), timeout=WAIT_S)
        else:
            yield channel.unary_unary(path, write, read)(requests[0], timeout=WAIT_S)

    def _pool(self, channel: grpc.Channel, symbol: str) -> DescriptorPool:
        """The file of a symbol with all that it imports; what the server left out is asked for by name."""
        files = self._files(channel, file_containing_symbol=symbol)
        while missing := {name for file in files.values() for name in file.dependency} - files.keys():
            files |= self._files(channel, file_by_filename=missing.pop())
        pool = DescriptorPool()
        added: set[str] = set()
        while len(added) < len(files):
            for name, file in files.items():
                if name not in added and added.issuperset(file.dependency):
                    pool.AddSerializedFile(file.SerializeToString())
                    added.add(name)
        return pool

    def _files(self, channel: grpc.Channel, **question: str) -> dict[str, descriptor_pb2.FileDescriptorProto]:
        answer = self._ask(channel, **question)
        files = answer.file_descriptor_response.file_descriptor_proto
        protos = [descriptor_pb2.FileDescriptorProto.FromString(file) for file in files]
        return {proto.name: proto for proto in protos}

    def _ask(self, channel: grpc.Channel, **question: str) -> reflection_pb2.ServerReflectionResponse:
        stub = channel.stream_stream(
            self._method,
            # Both versions have the same messages.
            request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
            response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
        )
        return next(stub(iter([reflection_pb2.ServerReflectionRequest(**question)]), timeout=WAIT_S))


class Grpcurl:
    """The real grpcurl."""

    def __init__(self, program: str) -> None:
        self._program = program

    def services(self, socket: Path) -> list[str]:
        command = [self._program, "-plaintext", f"unix:{socket}", "list"]
        return _run(command, ()).stdout.split()

    def call(self, socket: Path, service: str, rpc: str, *requests: Json) -> list[Json]:
        options = ["-plaintext", "-format-error", "-max-time", str(WAIT_S), "-d", "@"]
        ended = _run([self._program, *options, f"unix:{socket}", f"{service}/{rpc}"], requests)
        if ended.returncode:
            status = json.loads(ended.stderr)
            raise ToolError(status["code"], status.get("message", ""))
        return list(_objects(ended.stdout))


def grpcurl() -> str | None:
    """The program, if it is installed (scripts/install-grpcurl)."""
    return shutil.which("grpcurl") or shutil.which("grpcurl", path=REPOSITORY / ".venv" / "bin")


def generate_stubs(folder: Path) -> None:
    """What a user of the count graph generates from its proto, with protoc and nothing else."""
    protoc = [sys.executable, "-m", "grpc_tools.protoc"]
    outputs = [f"--python_out={folder}", f"--grpc_python_out={folder}"]
    includes = [f"-I{REPOSITORY / 'protos'}", f"-I{GRAPHS / 'count'}"]
    protos = ["count/v1/count.proto", "rtmesh/v1/stream.proto"]
    subprocess.run([*protoc, *outputs, *includes, *protos], check=True)
    for package in ("rtmesh", "rtmesh/v1", "count", "count/v1"):
        (folder / package / "__init__.py").touch()


def _run(command: Sequence[str], requests: Sequence[Json]) -> subprocess.CompletedProcess[str]:
    lines = "".join(f"{json.dumps(request)}\n" for request in requests)
    return subprocess.run(command, input=lines, capture_output=True, text=True, timeout=2 * WAIT_S)


def channel_to(socket: Path) -> grpc.Channel:
    """A channel to a node's service."""
    # A pool of its own: the next run's socket may have the name of the last one's.
    return grpc.insecure_channel(f"unix:{socket}", [("grpc.use_local_subchannel_pool", 1)])


def _objects(text: str) -> Iterator[Json]:
    """JSON objects in a row, over as many lines as they take."""
    decoder = json.JSONDecoder()
    while text := text.strip():
        value, end = decoder.raw_decode(text)
        yield value
        text = text[end:]
