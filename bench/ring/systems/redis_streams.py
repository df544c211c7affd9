"""Redis streams over a Unix socket, as BRAND uses them: XADD with a bound, XREAD that blocks."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import redis

from bench.ring.cases import KIB, Case
from bench.ring.endpoint import PATIENCE_S, Endpoint, Message, Seat, System
from bench.ring.systems.connecting import dial

SMALL_QUEUE, LARGE_QUEUE = 20_000, 64
LARGE = 64 * KIB
MOST_A_READ = 64
FIELD = b"d"
DISTRIBUTIONS = ("redis", "hiredis")
SETTING = (
    f"no persistence, hiredis; a XADD a message, MAXLEN {SMALL_QUEUE} (above 64 KiB {LARGE_QUEUE}), XREAD "
    f"COUNT {MOST_A_READ} BLOCK: as BRAND has it, no pipeline"
)
# For a program, installed or not: which command makes it so.
REMEDY = "redis-server is not installed; remedy: apt-get install redis-server"


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
        bound = LARGE_QUEUE if len(message) > LARGE else SMALL_QUEUE
        # Exact trimming: approximate would keep 4 MiB messages by the hundred.
        self._redis.xadd(self._out, {FIELD: bytes(message)}, maxlen=bound, approximate=False)

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


@contextlib.contextmanager
def server(
    seat: Seat, words: list[str], start: Callable[[list[str], int], subprocess.Popen[bytes]]
) -> Iterator[None]:
    """A redis-server without persistence while the block runs, told by `words` where to listen."""
    quiet = ["--save", "", "--appendonly", "no", "--daemonize", "no", "--dir", str(seat.folder)]
    with (seat.folder / "redis.log").open("wb") as log:
        process = start(["redis-server", *words, *quiet], log.fileno())
    try:
        yield
    finally:
        process.kill()
        process.wait()


def connected(seat: Seat, **where: Any) -> redis.Redis:
    """A client of the session's server, once that listens."""
    return dial(lambda: _pinged(redis.Redis(**where, socket_timeout=10)), _why_not(seat))


def _pinged(client: redis.Redis) -> redis.Redis:
    try:
        client.ping()
    except redis.ConnectionError as error:
        raise ConnectionError(str(error)) from error
    return client


def _why_not(seat: Seat) -> str:
    return f"redis-server does not listen; see {seat.folder / 'redis.log'}"


def why_no_server() -> str | None:
    """None if there is one."""
    return None if shutil.which("redis-server") else REMEDY


class RedisSystem(System):
    """The harness runs a server of its own, in the session's folder."""

    name = "Redis streams"
    distributions = DISTRIBUTIONS
    setting = f"own redis-server on a Unix socket; {SETTING}"

    def why_absent(self) -> str | None:
        return super().why_absent() or why_no_server()

    def serve(self, seat: Seat) -> contextlib.AbstractContextManager[None]:
        return server(seat, ["--port", "0", "--unixsocket", seat.address], _start)

    def connect(self, seat: Seat) -> RedisEndpoint:
        return RedisEndpoint(seat, connected(seat, unix_socket_path=seat.address))


def _start(command: list[str], log: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)


SYSTEM = RedisSystem()
