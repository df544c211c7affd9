"""The CPUs of a host's processes while a session of ours runs."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator

import pytest

from bench.net.keepers import HostKeeper, keep_cpus
from bench.net.relays import Relay
from rtmesh.machine.cpu_usage import CpuTimes

BOUND_S = 20.0
CPUS = sorted(os.sched_getaffinity(0))
needs_two = pytest.mark.skipif(len(CPUS) < 2, reason="two hosts that share no CPU need two")


@pytest.fixture
def sleepers() -> Iterator[list[subprocess.Popen[bytes]]]:
    made = [subprocess.Popen(["sleep", "60"]) for _ in range(4)]
    yield made
    for each in made:
        each.kill()
        each.wait()


@pytest.fixture
def idle_cpus(monkeypatch) -> None:
    """Whatever this computer does, for how much it has left is not what is tested."""
    idle = {cpu: CpuTimes(1000, 1000) for cpu in CPUS}
    monkeypatch.setattr("rtmesh.machine.cpu_keeper.cpu_times", lambda: idle)


def masks(processes: list[subprocess.Popen[bytes]]) -> list[set[int]]:
    return [os.sched_getaffinity(process.pid) for process in processes]


@needs_two
def test_node_and_relay_of_a_host_share_the_cpu_that_is_the_hosts(sleepers, idle_cpus):
    for index, own in enumerate(CPUS[:2]):
        relay, node = sleepers[2 * index : 2 * index + 2]
        keeper = HostKeeper(own, Relay(relay, "", ""))
        keeper.add(node.pid)
        now_ns = time.monotonic_ns()
        for period in range(8):
            keeper.look(now_ns + period * 250_000_000)

        assert masks([relay, node]) == [{own}] * 2


@needs_two
def test_both_hosts_are_looked_after_while_a_session_runs(sleepers, idle_cpus):
    left, left_node, right, right_node = sleepers
    with keep_cpus((Relay(left, "", ""), Relay(right, "", ""))) as keepers:
        keepers[0].add(left_node.pid)
        keepers[1].add(right_node.pid)
        until_s = time.monotonic() + BOUND_S
        while masks([left_node, right_node]) != [{CPUS[0]}, {CPUS[1]}]:
            assert time.monotonic() < until_s, "did not come about"
            time.sleep(0.05)
