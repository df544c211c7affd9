"""What is told of a node that fails, and what runs nevertheless."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

import pytest
from loop_rig import LoopRig

from rtmesh.common.control import WORD_STATE, WORD_STEP_STARTED_NS
from rtmesh.node.calls import UNKNOWN
from rtmesh.node.tracebacks import LONGEST_DETAIL
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
    ("label", "reason", "in_detail"),
    [
        ("long", f"ValueError: {'x' * 287}…", "characters are left out here]\nxxx"),
        ("many lines", "ValueError: first line", "\nlast line\n"),
        ("no text", "Unspeakable (its text cannot be shown: str() raised KeyError)", "raise Unspeakable"),
        ("in an argument", "KeyError (its text cannot be shown: str() raised KeyError)", "raise KeyError"),
        ("no characters", r"FileNotFoundError: data/\udcff.npz", r"FileNotFoundError: data/\udcff.npz"),
        ("no log", "ValueError: no log", "ValueError: no log"),
    ],
)
def test_an_exception_that_is_hard_to_tell_is_told(
    tmp_path: Path, label: str, reason: str, in_detail: str
) -> None:
    with LoopRig(tmp_path, "loop_nodes:Talkative", policies=BLOCK) as rig:
        rig.start_running()
        rig.feed("bins", label=label)

        told = rig.until_state(FAILED)

        assert told.reason == reason
        assert "in fail" in told.detail and in_detail in told.detail
        assert len(told.detail) <= LONGEST_DETAIL
        assert rig.exit_code() == 1
        assert (tmp_path / "teardown").exists()


def test_a_method_whose_exception_has_no_text_is_refused(tmp_path: Path) -> None:
    with LoopRig(tmp_path, "loop_nodes:Talkative", policies=BLOCK) as rig:
        rig.start_running()

        reply = rig.ask("Double", value=1)

        assert reply.code == UNKNOWN
        assert reply.message == "Unspeakable (its text cannot be shown: str() raised KeyError)"
        assert rig.told()[-1] == "RUNNING"


def test_of_many_results_the_last_is_told_before_the_failure_and_after_teardown(tmp_path: Path) -> None:
    with LoopRig(tmp_path, "loop_nodes:Talkative", policies=BLOCK) as rig:
        rig.start_running()
        rig.feed("bins", label="enough")

        assert rig.exit_code() == 1

        result, failed, last = rig.events[-3:]
        assert json.loads(result.result.json) == {"count": 1000}
        assert failed.state.reason == "ValueError: enough"
        assert json.loads(last.result.json) == {"count": 1000, "is_torn_down": True}
        assert rig.told() == ["SETTING_UP", "READY", "RUNNING", "FAILED"]
        assert len(rig.events) == 6, "nothing else was told"


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
