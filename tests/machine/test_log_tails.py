"""What is told of a log when its process has ended."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from rtmesh.machine.children import crash_tail, log_tail

CRASH = """
import os
def deep(more):
    os.abort() if not more else deep(more - 1)
deep(50)
"""


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A log whose last words are a crash in a deep place, as Python tells it."""
    path = tmp_path / "loop.log"
    path.write_text("".join(f"line {number}\n" for number in range(100)))
    with path.open("ab") as file:
        subprocess.run(
            [sys.executable, "-X", "faulthandler", "-c", CRASH], stderr=file, timeout=60, cwd=tmp_path
        )
    return path


def test_of_a_crash_all_is_told_from_its_reason_on(log: Path) -> None:
    told = crash_tail(log).splitlines()

    assert told[0] == "Fatal Python error: Aborted"
    assert len([line for line in told if " in deep" in line]) == 51


def test_a_crash_of_an_earlier_life_is_not_told_again(log: Path) -> None:
    with log.open("a") as file:
        file.writelines(f"later {number}\n" for number in range(200))

    assert crash_tail(log) == log_tail(log) == "\n".join(f"later {number}" for number in range(180, 200))


def test_a_log_without_a_crash_tells_its_end(tmp_path: Path) -> None:
    path = tmp_path / "loop.log"
    assert crash_tail(path) == ""
    path.write_text("one\ntwo\n")
    assert crash_tail(path) == "one\ntwo"
