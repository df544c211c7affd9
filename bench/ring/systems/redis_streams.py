"""Redis streams over a Unix socket, as BRAND uses them: XADD with a bound, XREAD that blocks."""

from __future__ import annotations

import contextlib
from collections import deque
from typing import Any

import redis

from bench.redis_server import LOG, serving, why_no_server
from bench.ring.cases import KIB, Case
from bench.ring.endpoint import PATIENCE_S, Endpoint, Message, Seat, System
from bench.ring.systems.connecting import dial

SMALL_QUEUE, LARGE_QUEUE = 20_000, 64
LARGE = 64 * KIB
MOST_A_READ = 64
FIELD = b"d"
DISTRIBUTIONS = ("redis", "hiredis")
SETTING = (
    f"no persistence, hiredis, one connection a process; a XADD a message, MAXLEN ~ {SMALL_QUEUE} (above "
    f"64 KiB {LARGE_QUEUE}, exact), XREAD COUNT {MOST_A_READ} BLOCK: as BRAND has it, no pipeline"
)


class RedisEndpoint(Endpoint):
    """A stream a way. A writer that is ahead by more than the bound loses messages for its reader."""

    def __init__(self, seat: Seat, client: redis.Redis) -> None:
        self._redis = client
        self._out, self._back = (way.encode() for way in seat.ways)
        self._last = b"0"
        self._waiting: deque[tuple[bytes, dict[bytes, bytes]]] = deque()

    def begin(self, case: Case) -> None:
        """What an earlier case left is passed over: a reader begins at the end of its stream."""
        self._waiting.clear()
        newest = self._redis.xrevrange(self._back, count=1)
        self._last = newest[0][0] if newest else b"0"

    def send(self, message: Message) -> None:
        is_large = len(message) > LARGE
        bound = LARGE_QUEUE if is_large else SMALL_QUEUE
        # Approximate trimming costs less, but would keep 4 MiB messages by the hundred.
        self._redis.xadd(self._out, {FIELD: bytes(message)}, maxlen=bound, approximate=not is_large)

    def receive(self) -> Message | None:
        if not self._waiting and not self._read():
            return None
        self._last, fields = self._waiting.popleft()
        return fields[FIELD]

    def _read(self) -> bool:
        answer: Any = self._redis.xread(
            {self._back: self._last}, count=MOST_A_READ, block=int(PATIENCE_S * 1000)
        )
        if not answer:
            return False
        # Protocol 3 answers with a map of lists of lists, protocol 2 with a list of pairs.
        entries = next(iter(answer.values())) if isinstance(answer, dict) else answer[0][1]
        self._waiting.extend(entries[0] if isinstance(answer, dict) else entries)
        return bool(self._waiting)

    def close(self) -> None:
        self._redis.close()


def connected(seat: Seat, **where: Any) -> redis.Redis:
    """A client of the session's server, once that listens."""
    return dial(lambda: _pinged(where), _why_not(seat))


def _pinged(where: dict[str, Any]) -> redis.Redis:
    try:
        # One connection of its own: else each command takes one from the pool, and puts it back.
        client = redis.Redis(**where, socket_timeout=10, single_connection_client=True)
        client.ping()
    except redis.ConnectionError as error:
        raise ConnectionError(str(error)) from error
    return client


def _why_not(seat: Seat) -> str:
    return f"redis-server does not listen; see {seat.folder / LOG}"


class RedisSystem(System):
    """The harness runs a server of its own, in the session's folder."""

    name = "Redis streams"
    distributions = DISTRIBUTIONS
    setting = f"own redis-server on a Unix socket; {SETTING}"

    def why_absent(self) -> str | None:
        return super().why_absent() or why_no_server()

    def serve(self, seat: Seat) -> contextlib.AbstractContextManager[None]:
        return serving(seat.folder, ["--port", "0", "--unixsocket", seat.address])

    def connect(self, seat: Seat) -> RedisEndpoint:
        return RedisEndpoint(seat, connected(seat, unix_socket_path=seat.address))


SYSTEM = RedisSystem()
