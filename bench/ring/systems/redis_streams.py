"""Redis streams over a Unix socket, as BRAND uses them: XADD with a bound, XREAD that blocks."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import time
from collections import deque
from collections.abc import Iterator
from typing import Any

import redis

from bench.ring.cases import KIB
from bench.ring.endpoint import CONNECT_S, PATIENCE_S, Message, Seat, System

SMALL_QUEUE, LARGE_QUEUE = 20_000, 64
LARGE = 64 * KIB
MOST_A_READ = 64
FIELD = b"d"
# For a program, installed or not: which command makes it so.
REMEDY = "redis-server is not installed; remedy: apt-get install redis-server"


class RedisEndpoint:
    """A stream a way. A writer that is ahead by more than the bound loses messages for its reader."""

    def __init__(self, seat: Seat) -> None:
        self._redis = redis.Redis(unix_socket_path=_socket(seat), socket_timeout=10)
        self._out, self._back = (b"there", b"back") if seat.is_sender else (b"back", b"there")
        self._last = b"0"
        self._waiting: deque[tuple[bytes, dict[bytes, bytes]]] = deque()
        self._redis.ping()

    def begin(self, size: int, spin_ns: int) -> None:
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


class RedisSystem(System):
    """The harness runs a server of its own, without persistence, in the session's folder."""

    name = "Redis streams"
    distributions = ("redis", "hiredis")
    setting = (
        f"own redis-server, no persistence, Unix socket, hiredis; XADD MAXLEN {SMALL_QUEUE} (above 64 KiB "
        f"{LARGE_QUEUE}), XREAD COUNT {MOST_A_READ} BLOCK"
    )

    def why_absent(self) -> str | None:
        return super().why_absent() or (None if shutil.which("redis-server") else REMEDY)

    @contextlib.contextmanager
    def serve(self, seat: Seat) -> Iterator[None]:
        quiet = ["--save", "", "--appendonly", "no", "--daemonize", "no", "--dir", str(seat.folder)]
        command = ["redis-server", "--port", "0", "--unixsocket", _socket(seat), *quiet]
        with (seat.folder / "redis.log").open("wb") as log:
            server = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        try:
            _await_server(seat, server)
            yield
        finally:
            server.kill()
            server.wait()

    def connect(self, seat: Seat) -> RedisEndpoint:
        return RedisEndpoint(seat)


def _socket(seat: Seat) -> str:
    return str(seat.folder / "redis.sock")


def _await_server(seat: Seat, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + CONNECT_S
    while server.poll() is None and time.monotonic() < deadline:
        with (
            contextlib.suppress(redis.ConnectionError),
            redis.Redis(unix_socket_path=_socket(seat)) as client,
        ):
            client.ping()
            return
        time.sleep(0.02)
    raise OSError(f"redis-server did not start: {(seat.folder / 'redis.log').read_text()[-400:]}")


SYSTEM = RedisSystem()
