"""What the laboratory does to cables, seen by sockets at both ends, and that it leaves nothing."""

from __future__ import annotations

import errno
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from lab.box import Box, boxes, remove_leftovers
from lab.cluster import Lab
from running import until

HOSTS = ("near", "far")
PORT = 9000
WAIT_S = 5.0
# Long enough for a datagram on a busy computer; nothing waits for it that should come.
SILENCE_S = 0.3
KILLED = """
import signal
from lab.cluster import Lab
made = Lab(("near",))
made.build()
made.start()
print("up", flush=True)
signal.pause()
"""


@pytest.fixture(scope="module")
def cables() -> Iterator[Lab]:
    """Two hosts, no mesh."""
    made = Lab(HOSTS)
    try:
        made.build()
        yield made
    finally:
        made.close()


@pytest.fixture
def ends(cables: Lab) -> Iterator[dict[str, socket.socket]]:
    """A datagram socket on each host, connected to the other's; whole cables before and after."""
    made = {host: cables.network.socket(host, socket.SOCK_DGRAM) for host in HOSTS}
    for host, end in made.items():
        end.bind((cables.network.address(host), PORT))
        end.settimeout(WAIT_S)
    for host, other in (HOSTS, HOSTS[::-1]):
        made[host].connect((cables.network.address(other), PORT))
    assert passes(made["near"], made["far"])
    yield made
    for host, end in made.items():
        end.close()
        cables.faults.undelay(host)
        cables.faults.limit(host, "")
        cables.faults.restore(host)


def test_a_loud_cut_is_told_to_the_sender(cables: Lab, ends: dict[str, socket.socket]) -> None:
    cables.faults.cut("far")
    with pytest.raises(OSError) as raised:
        ends["far"].send(b"lost")

    assert raised.value.errno == errno.ENETUNREACH
    cables.faults.restore("far")
    assert passes(ends["far"], ends["near"]) and passes(ends["near"], ends["far"])


@pytest.mark.parametrize("kind", ["host", "path"])
def test_a_silent_cut_is_told_to_nobody(cables: Lab, ends: dict[str, socket.socket], kind: str) -> None:
    cables.faults.cut_silently("far") if kind == "host" else cables.faults.cut_path("near", "far")
    for near, far in (HOSTS, HOSTS[::-1]):
        assert not passes(ends[near], ends[far], SILENCE_S)

    cables.faults.restore("far")
    assert passes(ends["far"], ends["near"]) and passes(ends["near"], ends["far"])


def test_each_way_has_its_own_delay_and_order_is_kept(cables: Lab, ends: dict[str, socket.socket]) -> None:
    cables.faults.delay("far", up_ms=60, down_ms=10, jitter_ms=5)
    up_s, down_s = way_s(ends["far"], ends["near"]), way_s(ends["near"], ends["far"])
    for number in range(50):
        ends["far"].send(bytes([number]))
    came = [ends["near"].recv(16)[0] for _ in range(50)]

    assert up_s >= 0.060 and 0.010 <= down_s < 0.060
    assert came == list(range(50))
    cables.faults.undelay("far")
    assert way_s(ends["far"], ends["near"]) < 0.010


def test_a_silent_cut_holds_for_a_delayed_cable_too(cables: Lab, ends: dict[str, socket.socket]) -> None:
    cables.faults.delay("far", up_ms=1)
    cables.faults.cut_silently("far")
    assert not passes(ends["near"], ends["far"], SILENCE_S)

    cables.faults.restore("far")
    assert passes(ends["near"], ends["far"])


def test_a_limit_holds_back_what_is_more(cables: Lab, ends: dict[str, socket.socket]) -> None:
    assert stream_s(cables, 512 << 10) < 0.3
    cables.faults.limit("far", "8mbit")

    # A megabyte a second, of which 64 kB and what the sockets hold pass at once.
    assert stream_s(cables, 512 << 10) > 0.3


def test_a_killed_laboratory_ends_and_is_removed_by_the_next(cables: Lab) -> None:
    environment = {**cables.environment(), "PYTHONPATH": str(Path(__file__).parent.parent / "support")}
    maker = subprocess.Popen([sys.executable, "-c", KILLED], stdout=subprocess.PIPE, env=environment)
    try:
        assert maker.stdout is not None
        with maker.stdout:
            assert maker.stdout.readline() == b"up\n"
        (box,) = [box for box in boxes() if box.process_id == maker.pid]
        assert daemons(box) == ["rtmesh.cli.meshd", "rtmesh.scheduler"]
    finally:
        maker.kill()
        maker.wait(WAIT_S)

    until(lambda: not box.processes(), 10, "the end of its processes")
    assert box in remove_leftovers()
    assert not box.hosts() and not box.folder.exists()
    assert Box.own() in boxes(), "a living laboratory is not touched"
    assert not Lab(("near",)).left_segments()


def daemons(box: Box) -> list[str]:
    """What was started on the hosts of a laboratory, without what that started itself."""
    running = {process_id: psutil.Process(process_id) for process_id in box.processes()}
    lines = [" ".join(each.cmdline()) for each in running.values() if each.ppid() not in running]
    found = [re.search(r"rtmesh\.scheduler|rtmesh\.cli\.meshd", line) for line in lines]
    return sorted(match[0] if match else "?" for match in found)


def passes(sender: socket.socket, receiver: socket.socket, timeout_s: float = WAIT_S) -> bool:
    """Whether a datagram arrives."""
    receiver.settimeout(timeout_s)
    sender.send(b"hello")
    try:
        return receiver.recv(16) == b"hello"
    except TimeoutError:
        return False
    finally:
        receiver.settimeout(WAIT_S)


def way_s(sender: socket.socket, receiver: socket.socket) -> float:
    """How long the fastest of ten datagrams took one way."""
    return min(_one_way_s(sender, receiver) for _ in range(10))


def _one_way_s(sender: socket.socket, receiver: socket.socket) -> float:
    sent_s = time.monotonic()
    sender.send(b"now")
    receiver.recv(16)
    return time.monotonic() - sent_s


def stream_s(cables: Lab, size_bytes: int) -> float:
    """How long so many bytes take from far to near."""
    with (
        cables.network.socket("near", socket.SOCK_STREAM) as listener,
        cables.network.socket("far", socket.SOCK_STREAM) as sender,
    ):
        listener.bind((cables.network.address("near"), 0))
        listener.listen()
        sender.connect(listener.getsockname())
        receiver, _ = listener.accept()
        with receiver:
            started_s = time.monotonic()
            sending = threading.Thread(target=sender.sendall, args=(bytes(size_bytes),))
            sending.start()
            left = size_bytes
            while left:
                left -= len(receiver.recv(65536))
            sending.join()
            return time.monotonic() - started_s
