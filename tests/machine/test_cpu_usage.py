"""What the kernel says of real threads and CPUs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from rtmesh.machine import cpu_usage
from rtmesh.machine.cpu_masks import LoopMask, ProcessMask, confine, cpus_of
from rtmesh.machine.cpu_relay import RelayProcess
from rtmesh.machine.cpu_usage import (
    CpuTimes,
    are_times_told,
    busy_share,
    cpu_times,
    fast_cpus,
    process_ran_ns,
    thread_times,
)

# Runs until it has used a fifth of a second of CPU time when it reads a line; a thread sleeps beside it.
PROGRAM = """
import subprocess, sys, threading, time
def burn():
    until = time.thread_time() + 0.2
    while time.thread_time() < until: pass
print(threading.main_thread().native_id, flush=True)
for line in sys.stdin:
    if line == "burn\\n": burn()
    if line == "thread\\n":
        thread = threading.Thread(target=time.sleep, args=(60,), daemon=True)
        thread.start()
        print(thread.native_id, flush=True)
    elif line == "thread that burns\\n":
        thread = threading.Thread(target=burn)
        thread.start()
        thread.join()
        print(0, flush=True)
    elif line == "child\\n":
        child = subprocess.Popen(["sleep", "60"])
        print(child.pid, flush=True)
    else: print(time.thread_time(), flush=True)
child.kill() if "child" in globals() else None
"""


class Child:
    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.process_id = self.process.pid
        self.read()

    def read(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    def ask(self, word: str) -> float:
        """What it answers: a number of a thread or process, or the CPU time of its first thread."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{word}\n")
        self.process.stdin.flush()
        return float(self.read())


@pytest.fixture
def child() -> Iterator[Child]:
    made = Child()
    yield made
    made.process.communicate(timeout=30)


needs_times = pytest.mark.skipif(not are_times_told(), reason="this kernel tells no thread times")
ALL = frozenset(os.sched_getaffinity(0))
ONE = frozenset({max(ALL)})


@needs_times
def test_thread_times_grow_by_what_the_thread_ran(child):
    before = thread_times(child.process_id)
    used_s = child.ask("burn")
    after = thread_times(child.process_id)

    assert before is not None
    assert after is not None
    assert after.ran_ns - before.ran_ns >= 0.2e9
    assert after.ran_ns == pytest.approx(used_s * 1e9, rel=0.1)
    assert after.waited_ns >= before.waited_ns


def test_a_process_that_has_ended_has_no_times(child):
    child.process.communicate(timeout=30)

    assert thread_times(child.process_id) is None
    assert process_ran_ns(child.process_id) is None
    assert cpus_of(child.process_id) == frozenset()


def test_every_cpu_that_may_be_used_has_times():
    assert cpu_times().keys() >= ALL


def test_a_cpu_is_busy_when_it_is_not_idle():
    assert busy_share(CpuTimes(100, 60), CpuTimes(200, 135)) == 0.25
    assert busy_share(CpuTimes(100, 60), CpuTimes(100, 60)) == 0.0
    assert busy_share(CpuTimes(100, 60), CpuTimes(101, 62)) == 0.0, "two clocks that tick apart"


def test_kernels_without_times_are_noticed(monkeypatch):
    monkeypatch.setattr(cpu_usage, "thread_times", lambda _: None)
    assert not are_times_told()

    monkeypatch.setattr(cpu_usage, "thread_times", lambda _: cpu_usage.ThreadTimes(0, 0))
    assert not are_times_told()


def test_slow_cores_are_not_chosen(monkeypatch, tmp_path):
    monkeypatch.setattr(cpu_usage, "_CPUS", tmp_path)
    for cpu, speed in enumerate((1024, 1000, 430)):
        (tmp_path / f"cpu{cpu}").mkdir()
        (tmp_path / f"cpu{cpu}" / "cpu_capacity").write_text(f"{speed}\n")

    assert fast_cpus.__wrapped__(frozenset({0, 1, 2})) == {0, 1}
    assert fast_cpus.__wrapped__(frozenset({7, 8})) == {7, 8}, "of which nothing is told"


# masks


def test_a_loop_is_placed_and_let_go(child):
    mask = LoopMask(child.process_id, ALL)

    mask.place(ONE)
    assert (cpus_of(child.process_id), mask.is_ours) == (ONE, True)

    mask.place(None)
    assert (cpus_of(child.process_id), mask.is_ours) == (ALL, True)


def test_what_a_placed_loop_starts_may_run_anywhere(child):
    mask = LoopMask(child.process_id, ALL)
    mask.place(ONE)
    heirs = [int(child.ask("thread")), int(child.ask("child"))]
    assert [cpus_of(heir) for heir in heirs] == [ONE, ONE], "as the kernel has it"

    mask.place(ONE)

    assert cpus_of(child.process_id) == ONE
    assert [cpus_of(heir) for heir in heirs] == [ALL, ALL]


@pytest.mark.skipif(len(ALL) < 2, reason="with one CPU there is no other mask to choose")
def test_a_loop_that_chose_its_cpus_itself_is_left_alone(child):
    own = frozenset({min(ALL)})
    mask = LoopMask(child.process_id, ALL)
    mask.place(ONE)
    confine(child.process_id, own)  # as its own code would

    assert not mask.is_ours
    mask.place(None)

    assert cpus_of(child.process_id) == own


def test_a_process_is_placed_with_all_its_threads_and_let_go(child):
    mask = ProcessMask(child.process_id, ALL)
    first = int(child.ask("thread"))
    mask.place(ONE)
    second = int(child.ask("thread"))
    confine(second, ALL)  # begun while the others were confined
    everyone = (child.process_id, first, second)

    mask.place(ONE)
    assert [cpus_of(thread) for thread in everyone] == [ONE] * 3
    assert mask.is_ours

    mask.place(None)
    assert [cpus_of(thread) for thread in everyone] == [ALL] * 3


def test_a_process_whose_cpus_the_kernel_gave_back_is_placed_again(child):
    mask = ProcessMask(child.process_id, ALL)
    thread = int(child.ask("thread"))
    mask.place(ONE)
    for each in (child.process_id, thread):
        confine(each, ALL)  # as some kernels do when the control group changes

    mask.place(ONE)

    assert [cpus_of(child.process_id), cpus_of(thread)] == [ONE, ONE]


@pytest.mark.skipif(len(ALL) < 2, reason="with one CPU there is no other mask to choose")
def test_a_process_whose_cpus_somebody_chose_is_left_alone(child):
    own = frozenset({min(ALL)})
    relay = RelayProcess()
    relay.follow(child.process_id, ALL)
    relay.use(0)
    confine(child.process_id, own)  # as taskset would

    assert relay.use(0) is None
    relay.place(max(ALL))

    assert cpus_of(child.process_id) == own


# the relay


def test_what_the_relay_did_is_what_all_its_threads_did(child):
    relay = RelayProcess()
    relay.follow(child.process_id, ALL)
    assert relay.use(5) is None, "nothing to compare with"

    child.ask("thread that burns")
    use = relay.use(7)

    assert use is not None
    assert use.ran_ns >= 0.2e9
    assert use.steps == 7
    again = relay.use(7)
    assert again is not None
    assert again.ran_ns < 0.1e9


def test_a_relay_that_is_not_wanted_any_more_is_let_go(child):
    relay = RelayProcess()
    relay.follow(child.process_id, ALL)
    relay.place(max(ALL))
    assert cpus_of(child.process_id) == ONE

    relay.follow(None, ALL)

    assert cpus_of(child.process_id) == ALL
    assert relay.use(0) is None
    relay.place(max(ALL))
    assert cpus_of(child.process_id) == ALL
