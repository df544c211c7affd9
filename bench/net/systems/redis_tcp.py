"""Redis streams: the server on the left host, as BRAND has it on one of its machines."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections import deque
from collections.abc import Iterator

import redis

from bench.net.system import NetSystem, read_places
from bench.ring.endpoint import CONNECT_S, Seat
from bench.ring.systems.redis_streams import REMEDY, RedisEndpoint, RedisSystem


class RedisTcpEndpoint(RedisEndpoint):
    """Over TCP; the left side's way to the server is its own loopback."""

    def __init__(self, seat: Seat, address: str) -> None:
        self._redis = redis.Redis(host=address, port=seat.port, socket_timeout=10)
        self._out, self._back = (b"there", b"back") if seat.is_sender else (b"back", b"there")
        self._last = b"0"
        self._waiting: deque[tuple[bytes, dict[bytes, bytes]]] = deque()
        self._redis.ping()


class RedisTcpSystem(NetSystem):
    """The harness runs a server of its own, without persistence."""

    name = "Redis streams"
    distributions = RedisSystem.distributions
    setting = RedisSystem.setting.replace("Unix socket", "TCP, the server on the sender's host")

    def why_absent(self) -> str | None:
        return super().why_absent() or (None if shutil.which("redis-server") else REMEDY)

    @contextlib.contextmanager
    def serve(self, seat: Seat) -> Iterator[None]:
        address = self.link.left.address
        command = ["redis-server", "--port", str(seat.port), "--bind", address, "--protected-mode", "no"]
        command += ["--save", "", "--appendonly", "no", "--daemonize", "no", "--dir", str(seat.folder)]
        with (seat.folder / "redis.log").open("wb") as log:
            server = self.spawn(self.link.left.inside(command), log.fileno())
        try:
            yield
        finally:
            server.kill()
            server.wait()

    def connect(self, seat: Seat) -> RedisTcpEndpoint:
        deadline = time.monotonic() + CONNECT_S
        while time.monotonic() < deadline:
            with contextlib.suppress(redis.ConnectionError):
                return RedisTcpEndpoint(seat, read_places(seat).left)
            time.sleep(0.02)
        raise TimeoutError("redis-server did not start")


SYSTEM = RedisTcpSystem()
