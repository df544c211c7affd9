"""Redis streams: the server on the left host, as BRAND has it on one of its machines."""

from __future__ import annotations

import contextlib
import subprocess

from bench.net.system import NetSystem, read_places
from bench.redis_server import serving, why_no_server
from bench.ring.endpoint import Seat
from bench.ring.systems.redis_streams import DISTRIBUTIONS, SETTING, RedisEndpoint, connected


class RedisTcpSystem(NetSystem):
    """Over TCP; the left side's way to the server is its own loopback."""

    name = "Redis streams"
    distributions = DISTRIBUTIONS
    setting = f"own redis-server over TCP, on the sender's host; {SETTING}"

    def why_absent(self) -> str | None:
        return super().why_absent() or why_no_server()

    def serve(self, seat: Seat) -> contextlib.AbstractContextManager[None]:
        words = ["--port", str(seat.port), "--bind", self.link.left.address, "--protected-mode", "no"]
        return serving(seat.folder, words, self._start)

    def _start(self, command: list[str], log: int) -> subprocess.Popen[bytes]:
        return self.spawn(self.link.left.inside(command), log)

    def connect(self, seat: Seat) -> RedisEndpoint:
        return RedisEndpoint(seat, connected(seat, host=read_places(seat).left, port=seat.port))


SYSTEM = RedisTcpSystem()
