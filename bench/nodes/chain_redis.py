"""BRAND's own test as BRAND does it: one process a node, Redis streams over a Unix socket.

    chain_redis.py source SOCKET RATE_HZ COUNT
    chain_redis.py hop SOCKET INDEX
    chain_redis.py sink SOCKET INDEX PATH

Each node blocks in XREAD for one entry, and appends with XADD and a bound on the stream's length. An
entry has the samples and the times so far. Stream 0 is the source's, stream K that of hop K. Of the
settings that were tried these are the fastest: see REDIS_SETTING in redis_rival.py.
"""

from __future__ import annotations

import struct
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import redis

SHAPE = (1024, 30)
# A second of blocks: a reader that is later than that loses some, which is counted.
MOST_ENTRIES = 1000
END = b"end"


def source(server: redis.Redis, rate_hz: int, count: int) -> None:
    """Sends `count` blocks at absolute deadlines; those that have passed are skipped, as @every does it."""
    block, period_ns = np.ones(SHAPE, np.int16), 1_000_000_000 // rate_hz
    deadline_ns = time.monotonic_ns() + period_ns
    for number in range(1, count + 1):
        while (remaining_ns := deadline_ns - time.monotonic_ns()) > 0:
            time.sleep(remaining_ns / 1e9)
        append(server, 0, number, block.tobytes(), [time.monotonic_ns()])
        deadline_ns += (1 + (time.monotonic_ns() - deadline_ns) // period_ns) * period_ns
    server.xadd("0", {END: b""})


def hop(server: redis.Redis, index: int) -> None:
    """Hands each block on, the bytes as they came: a copy less."""
    for number, times_ns, data in entries(server, index - 1):
        assert np.frombuffer(data, np.int16).reshape(SHAPE).shape == SHAPE
        append(server, index, number, data, times_ns)
    server.xadd(str(index), {END: b""})


def sink(server: redis.Redis, index: int, path: Path) -> None:
    """Writes down what came, and when."""
    rows = []
    for number, times_ns, data in entries(server, index - 1):
        assert np.frombuffer(data, np.int16).reshape(SHAPE).shape == SHAPE
        rows.append([number, *times_ns])
    path.write_bytes(np.array(rows, np.int64).tobytes())


def append(server: redis.Redis, index: int, number: int, data: bytes, times_ns: list[int]) -> None:
    stamps = struct.pack(f"<{1 + len(times_ns)}q", number, *times_ns)
    fields = {b"ts": stamps, b"samples": data}
    server.xadd(str(index), fields, maxlen=MOST_ENTRIES, approximate=True)


def entries(server: redis.Redis, index: int) -> Iterator[tuple[int, list[int], bytes]]:
    """What comes on a stream, with the time of its coming added."""
    stream, last = str(index), b"0-0"
    while True:
        reply = server.xread({stream: last}, block=0, count=1)
        arrived_ns = time.monotonic_ns()
        last, fields = (reply[0][1] if isinstance(reply, list) else next(iter(reply.values()))[0])[0]
        if END in fields:
            return
        number, *times_ns = struct.unpack(f"<{len(fields[b'ts']) // 8}q", fields[b"ts"])
        yield number, [*times_ns, arrived_ns], fields[b"samples"]


def main(role: str, socket: str, *rest: str) -> int:
    # One connection of its own: else each command takes one from the pool, and puts it back.
    server = redis.Redis(unix_socket_path=socket, single_connection_client=True)
    if role == "source":
        source(server, int(rest[0]), int(rest[1]))
    elif role == "hop":
        hop(server, int(rest[0]))
    else:
        sink(server, int(rest[0]), Path(rest[1]))
    server.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
