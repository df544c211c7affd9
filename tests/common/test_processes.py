"""Processes: told apart, measured, and ended with their parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from running import until

from rtmesh.common.processes import is_alive, process_start_time, spawn, usage

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]


def test_a_process_is_told_from_a_later_one_of_the_same_id() -> None:
    start_time = process_start_time(os.getpid())

    assert start_time is not None
    assert is_alive(os.getpid(), start_time)
    assert not is_alive(os.getpid(), start_time - 1)


def test_a_zombie_does_not_live() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)

    assert process_start_time(child.pid) is None
    child.wait()


def test_a_spawned_process_writes_to_its_log_and_reads_nothing(tmp_path: Path) -> None:
    log = tmp_path / "log"
    code = "import sys; print('said', repr(sys.stdin.read())); sys.exit(3)"
    child = spawn([sys.executable, "-c", code], log_path=log)

    assert child.wait(20) == 3
    assert log.read_text() == "said ''\n"


def test_a_child_that_asked_ends_with_its_parent(tmp_path: Path) -> None:
    child_code = (
        "import os, sys, time; from rtmesh.common.processes import die_with_parent;"
        "die_with_parent(int(sys.argv[1])); print(os.getpid(), flush=True); time.sleep(60)"
    )
    parent_code = (
        "import os, subprocess, sys, time;"
        f"subprocess.Popen([sys.executable, '-c', {child_code!r}, str(os.getpid())]); time.sleep(60)"
    )
    log = tmp_path / "log"
    parent = spawn([sys.executable, "-c", parent_code], log_path=log)
    child_id = int(until(lambda: log.read_text().strip(), 20, "the child's id"))

    parent.send_signal(signal.SIGKILL)
    parent.wait(10)

    until(lambda: process_start_time(child_id) is None, 10, "the child's end")


def test_a_child_whose_parent_is_gone_already_ends_at_once(tmp_path: Path) -> None:
    code = "from rtmesh.common.processes import die_with_parent; die_with_parent(1); print('alive')"
    child = spawn([sys.executable, "-c", code], log_path=tmp_path / "log")

    assert child.wait(20) == -signal.SIGKILL
    assert (tmp_path / "log").read_text() == ""


def test_usage_grows_with_work() -> None:
    before = usage(os.getpid())
    assert before is not None
    sum(range(5_000_000))
    after = usage(os.getpid())

    assert after is not None and after.cpu_time_ms > before.cpu_time_ms and after.memory_bytes > 2**20
    assert usage(2**22) is None
