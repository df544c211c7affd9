"""What is told of a node that fails, and what runs nevertheless."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest
from loop_rig import LoopRig

from rtmesh.common.control import WORD_STATE, WORD_STEP_STARTED_NS
from rtmesh.shm import Policy
from rtmesh.v1 import status_pb2

BLOCK = {"bins": Policy.BLOCK}
FAILED = status_pb2.NODE_STATE_FAILED


def test_an_exception_is_told_with_the_users_frames(tmp_path: Path) -> None:
    with LoopRig(tmp_path, "loop_nodes:Broken", policies=BLOCK) as rig:
        rig.start_running()
        rig.feed("bins", count=0)

        told = rig.until_state(FAILED)

        assert told.reason == "ZeroDivisionError: division by zero"
        assert "in each" in told.detail
        assert "in divide" in told.detail
        assert "engine.py" not in told.detail
        assert "loop.py" not in told.detail
        assert rig.exit_code() == 1
        assert told.detail in rig.log
        assert "teardown" in rig.log
        assert rig.word(WORD_STATE) == FAILED
        assert not rig.account("velocity").ended, "whether it is restarted is for meshd to say"


def test_an_exception_in_teardown_hides_nothing(tmp_path: Path) -> None:
    with LoopRig(tmp_path, "loop_nodes:Broken", policies=BLOCK) as rig:
        rig.start_running()
        rig.feed("bins", count=0, label="worse")
        rig.until_state(FAILED)

        assert rig.exit_code() == 1

        last = rig.events[-1].state
        assert last.reason == "ZeroDivisionError: division by zero"
        assert last.detail.index("division by zero") < last.detail.index("cannot let go")


def test_an_exception_in_teardown_alone_fails_the_node(tmp_path: Path) -> None:
    with LoopRig(tmp_path, "loop_nodes:Broken", policies=BLOCK) as rig:
        rig.start_running()
        rig.feed("bins", count=1, label="worse")
        rig.writers["bins"].end()

        assert rig.until_state(FAILED).reason == "OSError: cannot let go"
        assert rig.exit_code() == 1


@pytest.mark.parametrize(
    ("run", "reason"),
    [
        ("loop_nodes:BrokenInSetup", "FileNotFoundError: no weights: run calibration first"),
        ("loop_broken_import:Node", "ModuleNotFoundError: No module named 'module_that_is_not_there'"),
        ("no_such_module:Node", "nodes.node.run: there is no module no_such_module (looked in "),
        ("loop_nodes:Nobody", "nodes.node.run: module loop_nodes has no 'Nobody': check the spelling"),
        ("loop_nodes:FOREVER", "nodes.node.run: loop_nodes:FOREVER is no node class"),
        ("loop_nodes:Misspelt", "Misspelt.each: @on('bin'): lab.v1.Filter has no input 'bin'"),
    ],
)
def test_a_node_that_cannot_be_set_up_says_why(tmp_path: Path, run: str, reason: str) -> None:
    with LoopRig(tmp_path, run, policies=BLOCK) as rig:
        rig.start()

        told = rig.until_state(FAILED)

        assert told.reason.startswith(reason)
        assert rig.told() == ["SETTING_UP", "FAILED"]
        assert rig.exit_code() == 1
        assert "/node/loop.py" not in told.detail
        assert ("teardown" in rig.log) == (run == "loop_nodes:BrokenInSetup")


def test_an_exit_from_user_code_is_a_failure(tmp_path: Path) -> None:
    with LoopRig(tmp_path, "loop_nodes:Exiting", policies=BLOCK) as rig:
        rig.start_running()
        rig.feed("bins")

        assert rig.until_state(FAILED).reason == "SystemExit: 0"
        assert rig.exit_code() == 1


def test_a_stuck_step_shows_since_when_and_where(tmp_path: Path) -> None:
    with LoopRig(tmp_path, "loop_nodes:Stuck", policies=BLOCK) as rig:
        rig.start_running()
        rig.feed("bins")
        rig.until_so(lambda: rig.word(WORD_STEP_STARTED_NS) > 0)

        rig.process.send_signal(signal.SIGUSR1)

        rig.until_so(lambda: "in each" in (tmp_path / "stack").read_text())
        assert rig.word(WORD_STEP_STARTED_NS) <= time.monotonic_ns()


def test_a_send_that_waits_is_no_stuck_step(tmp_path: Path) -> None:
    with LoopRig(tmp_path, "loop_nodes:Flood", service="Source") as rig:
        rig.start_running()
        rig.until_full("velocity")

        rig.until_so(lambda: rig.word(WORD_STEP_STARTED_NS) == 0)
