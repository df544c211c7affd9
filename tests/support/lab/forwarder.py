"""A process in the middle of a cable: what passes it comes out later, each way with a delay of its own.

    host eth0 ═══ port-HOST    the packet socket takes the frames as they come, with their offloads
                      │ up          (PACKET_VNET_HDR), so a large one stays one
                      │   ╲ down
                   tap-HOST ─── bridge

For kernels without netem. Frames keep their order, as on a cable: one never overtakes another.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import ctypes
import fcntl
import json
import os
import random
import select
import signal
import socket
import struct
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

_TUNSETIFF, _TUNSETOFFLOAD = 0x400454CA, 0x400454D0
_IFF_TAP, _IFF_NO_PI, _IFF_VNET_HDR = 0x0002, 0x1000, 0x4000
_OFFLOADS = 0x01 | 0x02 | 0x04  # checksums, segmentation of TCP over IPv4 and IPv6
_SOL_PACKET, _PACKET_VNET_HDR, _PACKET_IGNORE_OUTGOING = 263, 15, 23
_SO_RCVBUFFORCE = 33
_ETH_P_ALL = 3
_PR_SET_TIMERSLACK = 29
_LONGEST_FRAME = 10 + 65535 + 64
_BUFFER_BYTES = 8 << 20
_MOST_FRAMES = 20_000  # waiting, each way: more are dropped, as a switch does
_AT_ONCE = 64
_KEPT_LATENESSES = 100_000
_LONGEST_WAIT_S = 1.0

Take = Callable[[], bytes]
Put = Callable[[bytes], object]


class Way:
    """One direction of the cable."""

    def __init__(self, take: Take, put: Put, delay_ns: int, jitter_ns: int) -> None:
        self._take, self._put = take, put
        self._delay_ns, self._jitter_ns = delay_ns, jitter_ns
        self._waiting: collections.deque[tuple[int, bytes]] = collections.deque()
        self._last_due_ns = 0
        self._frames = self._dropped = 0
        self._late_ns: collections.deque[int] = collections.deque(maxlen=_KEPT_LATENESSES)

    def take_in(self) -> None:
        """Take what has come; each frame is given the time at which it goes on."""
        with contextlib.suppress(BlockingIOError):
            for _ in range(_AT_ONCE):
                self._keep(self._take())

    def _keep(self, frame: bytes) -> None:
        self._frames += 1
        if len(self._waiting) >= _MOST_FRAMES:
            self._dropped += 1
            return
        jitter_ns = int(random.random() * self._jitter_ns)
        due_ns = time.monotonic_ns() + self._delay_ns + jitter_ns
        self._last_due_ns = max(self._last_due_ns, due_ns)
        self._waiting.append((self._last_due_ns, frame))

    def send_due(self) -> None:
        """Put out every frame whose time has come."""
        while self._waiting and self._waiting[0][0] <= (now_ns := time.monotonic_ns()):
            due_ns, frame = self._waiting.popleft()
            self._late_ns.append(now_ns - due_ns)
            try:
                self._put(frame)
            except OSError:  # its queue is full, or the link beyond is down
                self._dropped += 1

    def due_ns(self) -> int | None:
        """When the next frame is due."""
        return self._waiting[0][0] if self._waiting else None

    def statistics(self) -> dict[str, float]:
        """How many frames, and how much later than due they went on."""
        late = sorted(self._late_ns) or [0]
        of = {"p50": late[len(late) // 2], "p99": late[len(late) * 99 // 100], "max": late[-1]}
        told = {f"late_{name}_us": value / 1000 for name, value in of.items()}
        return {"frames": self._frames, "dropped": self._dropped, **told}


def main() -> int:
    """Carry until SIGTERM, or until the laboratory's maker has ended."""
    given = _parser().parse_args()
    _be_punctual()
    maker = _pidfd_of(given.maker)
    port, tap = _open_port(given.port), _open_tap(given.tap)
    jitter_ns = _ns(given.jitter_ms)
    up = Way(lambda: port.recv(_LONGEST_FRAME), _writer(tap), _ns(given.up_ms), jitter_ns)
    down = Way(lambda: os.read(tap, _LONGEST_FRAME), port.send, _ns(given.down_ms), jitter_ns)
    given.process_file.write_text(str(os.getpid()))
    print("ready", flush=True)
    with _stop_descriptor() as stop:
        _carry({port.fileno(): up, tap: down}, {maker, stop})
    told = {"up": up.statistics(), "down": down.statistics()}
    # The folder may have gone with the maker.
    with contextlib.suppress(FileNotFoundError):
        given.statistics.write_text(json.dumps(told))
    return 0


def _carry(ways: dict[int, Way], ends: set[int]) -> None:
    while True:
        for way in ways.values():
            way.send_due()
        due = [due_ns for way in ways.values() if (due_ns := way.due_ns()) is not None]
        wait_s = max(min(due) - time.monotonic_ns(), 0) / 1e9 if due else _LONGEST_WAIT_S
        readable, _, _ = select.select([*ways, *ends], [], [], wait_s)
        if ends & set(readable):
            return
        for descriptor in readable:
            ways[descriptor].take_in()


def _open_port(name: str) -> socket.socket:
    """What comes along the host's cable; what is sent goes to the host."""
    port = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    port.setsockopt(_SOL_PACKET, _PACKET_VNET_HDR, 1)
    port.setsockopt(_SOL_PACKET, _PACKET_IGNORE_OUTGOING, 1)
    port.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER_BYTES)
    port.bind((name, _ETH_P_ALL))
    port.setblocking(False)
    return port


def _open_tap(name: str) -> int:
    """The cable's new end on the bridge; it goes with this process."""
    tap = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    flags = _IFF_TAP | _IFF_NO_PI | _IFF_VNET_HDR
    fcntl.ioctl(tap, _TUNSETIFF, struct.pack("16sH22x", name.encode(), flags))
    fcntl.ioctl(tap, _TUNSETOFFLOAD, _OFFLOADS)
    return tap


def _writer(tap: int) -> Put:
    return lambda frame: os.write(tap, frame)


def _pidfd_of(maker: str) -> int:
    """Readable when the maker, rtlab.PID.START, ends."""
    return os.pidfd_open(int(maker.split(".")[1]))


def _be_punctual() -> None:
    """Timers as exact as they are, and before programs that compute."""
    ctypes.CDLL(None).prctl(_PR_SET_TIMERSLACK, 1)
    with contextlib.suppress(PermissionError):
        os.nice(-20)


@contextlib.contextmanager
def _stop_descriptor() -> Iterator[int]:
    """Readable once SIGTERM or SIGINT has come."""
    near, far = socket.socketpair()
    far.setblocking(False)
    with near, far:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: None)
        signal.set_wakeup_fd(far.fileno())
        yield near.fileno()


def _ns(milliseconds: float) -> int:
    return int(milliseconds * 1e6)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("port", "tap", "maker"):
        parser.add_argument(f"--{name}", required=True)
    for name in ("up-ms", "down-ms", "jitter-ms"):
        parser.add_argument(f"--{name}", type=float, default=0.0)
    for name in ("process-file", "statistics"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    return parser


if __name__ == "__main__":
    sys.exit(main())
