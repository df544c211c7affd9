"""What does the SDK add: encoding and decoding a typed message?"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from rtmesh.graph.protos import compile_protos, message_class, pool_of
from rtmesh.node.message import MessageType
from rtmesh.node.wire import HeaderValues

CURSOR = Path(__file__).parent.parent / "graphs" / "cursor"
HEADER = HeaderValues(1, 1, 1, 1, 1, 1, 1)
FIELDS = {
    "cursor.v1.CursorVelocity": {"vx": 1.5, "vy": -2.5},
    "cursor.v1.FiringRates": {"rates": np.ones(192, np.float32)},
}


@pytest.fixture(scope="module")
def types() -> dict[str, MessageType]:
    pool = pool_of(compile_protos(["cursor/v1/cursor.proto"], [CURSOR]))
    return {name: MessageType(message_class(pool, name).DESCRIPTOR) for name in FIELDS}


@pytest.mark.parametrize("name", FIELDS)
def bench_encode(benchmark: BenchmarkFixture, types: dict[str, MessageType], name: str) -> None:
    """Fields to wire bytes in a slot, header stamped."""
    message_type, fields = types[name], FIELDS[name]
    slot = memoryview(bytearray(4096))

    def once() -> None:
        encoded = message_type.encode(fields)
        encoded.write_into(slot[: encoded.length], HEADER)

    benchmark(once)


@pytest.mark.parametrize("name", FIELDS)
def bench_decode(benchmark: BenchmarkFixture, types: dict[str, MessageType], name: str) -> None:
    """Wire bytes to every field and the header."""
    message_type, fields = types[name], FIELDS[name]
    data = message_type.encode(fields).to_bytes(HEADER)

    def once() -> None:
        message = message_type.decode(data)
        for field in fields:
            getattr(message, field)
        _ = message.header

    benchmark(once)
