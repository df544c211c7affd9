"""The CPUs are kept awake while the block runs, the hosts are apart, and all is let go behind it."""

from __future__ import annotations

import contextlib
import os
import struct
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from bench.awake import UNBOUND_US, AwakeError, held_by_others, kept_awake, why_not
from bench.net import link, system
from bench.net.cases import PACED, awake
from bench.net.link import Host, loopback, why_not_apart
from bench.net.system import NetSystem
from bench.ring.endpoint import Seat

AFFINITY = "import os; print(sorted(os.sched_getaffinity(0)))"


class OnTwoHosts(NetSystem):
    name, setting = "on two hosts", ""

    def connect(self, seat: Seat) -> object:
        raise AssertionError("nothing is measured here")


@pytest.fixture
def device(tmp_path: Path) -> Path:
    made = tmp_path / "cpu_dma_latency"
    made.write_bytes(struct.pack("=i", UNBOUND_US))
    return made


def is_open(path: Path) -> bool:
    """Has this process a descriptor of it?"""
    found = set()
    for descriptor in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            found.add(str(descriptor.readlink()))
    return str(path) in found


def test_the_device_is_held_at_nothing_while_the_block_runs_and_no_longer(device: Path) -> None:
    with kept_awake(device):
        assert device.read_bytes() == bytes(4)
        assert is_open(device)

    assert not is_open(device)


def test_the_device_is_let_go_when_the_block_breaks(device: Path) -> None:
    with pytest.raises(KeyError), kept_awake(device):
        raise KeyError

    assert not is_open(device)


def test_a_device_that_cannot_be_opened_is_refused_with_why(tmp_path: Path) -> None:
    missing = tmp_path / "missing" / "device"

    with pytest.raises(AwakeError, match=r"cannot be kept awake: .*missing/device"), kept_awake(missing):
        raise AssertionError("not held, and yet it ran")
    assert "it needs root" in str(why_not(missing))


def test_a_device_that_can_be_held_is_let_go_by_the_question(device: Path) -> None:
    assert why_not(device) is None
    assert not is_open(device)


def test_who_else_keeps_the_cpus_awake_is_told(device: Path, tmp_path: Path) -> None:
    assert held_by_others(device) is None
    assert held_by_others(tmp_path / "missing") is None

    device.write_bytes(struct.pack("=i", 20))
    assert "a bound of 20 us" in str(held_by_others(device))


def test_a_session_of_the_setting_holds_the_device_and_sets_the_hosts_apart(
    device: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(system, "kept_awake", partial(kept_awake, device))
    monkeypatch.setattr(link.os, "sched_getaffinity", lambda _: {5, 2})
    measured = OnTwoHosts()

    with measured.settled(awake(PACED)):
        assert is_open(device)
        inside = [host.inside(["x"]) for host in measured.link.hosts]
        assert inside == [["taskset", "--cpu-list", cpu, "x"] for cpu in ("2", "5")]

    assert not is_open(device)
    assert measured.link == loopback()


def test_a_session_as_it_comes_touches_neither(device: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(system, "kept_awake", partial(kept_awake, device))
    measured = OnTwoHosts()

    with measured.settled(PACED):
        assert measured.link == loopback()

    assert device.read_bytes() == struct.pack("=i", UNBOUND_US)


def test_what_begins_on_a_host_with_one_cpu_stays_there() -> None:
    for cpu in sorted(os.sched_getaffinity(0)):
        command = Host("127.0.0.1").on(cpu).inside([sys.executable, "-c", AFFINITY])
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert done.stdout.strip() == str([cpu])


def test_two_hosts_on_one_cpu_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link.os, "sched_getaffinity", lambda _: {0})

    assert why_not_apart() == "there is one CPU for both hosts"
