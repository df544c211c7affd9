"""What the tests hold for their own: not what another mesh of the same user makes beside them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lab.box import Box, run
from lab.network import Network
from leftovers import SESSION, Leftovers
from running import until

from rtmesh.shm import create_segment, list_segments, segment_name, unlink_segment

# Makes a segment, says so, and goes when it is told to, leaving the segment.
MAKER = """
import sys
from rtmesh.shm import create_segment
create_segment(sys.argv[1], 64)
open(sys.argv[2], "w").close()
sys.stdin.read()
"""
# Ends at once, so that its child is nobody's.
STARTER = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', *sys.argv[1:]])"


@contextmanager
def made_by_an_orphan(name: str, folder: Path, environment: dict[str, str]) -> Iterator[None]:
    """A segment made by a living process that is not below this one."""
    made = folder / "made"
    command = [sys.executable, "-c", STARTER, MAKER, name, str(made)]
    starter = subprocess.Popen(command, stdin=subprocess.PIPE, env=environment)
    assert starter.stdin is not None
    try:
        starter.wait(10)
        until(made.exists, 10, "the segment")
        yield
    finally:
        starter.stdin.close()
        unlink_segment(name)


def test_a_segment_of_ours_is_a_leftover_until_it_is_gone() -> None:
    leftovers = Leftovers()
    before = leftovers.now()
    name = segment_name("tests", str(os.getpid()), "ours")
    create_segment(name, 64).close()
    left = leftovers.since(before)
    unlink_segment(name)

    assert left == [f"segment {name}"]
    assert not leftovers.since(before)


def test_a_laboratory_of_ours_is_a_leftover_until_it_is_gone() -> None:
    leftovers = Leftovers()
    before = leftovers.now()
    box = Box.own()
    box.folder.mkdir()
    left = leftovers.since(before)
    box.remove()

    assert left == [f"laboratory {box.folder}"]
    assert not leftovers.since(before)


def test_a_host_with_its_bridge_or_cables_is_a_leftover_until_it_is_gone() -> None:
    leftovers = Leftovers()
    before = leftovers.now()
    network = Network(Box.own(), ["one"])
    network.build()
    left = leftovers.since(before)
    network.box.remove()

    assert left == [f"laboratory /run/netns/{network.box.namespace(host)}" for host in ("desk", "one")]
    assert not leftovers.since(before)


def test_a_cable_that_was_made_in_the_network_of_this_computer_is_a_leftover() -> None:
    leftovers = Leftovers()
    before = leftovers.now()
    run("ip", "tuntap", "add", "tap-test", "mode", "tap")
    left = leftovers.since(before)
    run("ip", "link", "del", "tap-test")

    assert left == ["device tap-test"]
    assert not leftovers.since(before)


def test_a_segment_of_an_orphan_that_a_test_started_is_ours(tmp_path: Path) -> None:
    leftovers = Leftovers()
    before = leftovers.now()
    name = segment_name("tests", str(os.getpid()), "orphan")
    with made_by_an_orphan(name, tmp_path, dict(os.environ)):
        assert leftovers.since(before) == [f"segment {name}"]


def test_a_segment_of_somebody_else_is_not_even_after_its_maker_died(tmp_path: Path) -> None:
    leftovers = Leftovers()
    before = leftovers.now()
    name = segment_name("tests", str(os.getpid()), "theirs")
    environment = {key: value for key, value in os.environ.items() if key != SESSION}
    with made_by_an_orphan(name, tmp_path, environment):
        assert name in list_segments() and not leftovers.since(before)
        created = (Path("/dev/shm") / name).read_bytes()
    (Path("/dev/shm") / name).write_bytes(created)
    try:
        assert not leftovers.since(before)
    finally:
        unlink_segment(name)
