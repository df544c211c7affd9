"""The loop process from its configuration to its exit, on real rings."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from loop_rig import LoopRig

from rtmesh.common.control import WORD_STATE, WORD_STEP_STARTED_NS, WORD_STEPS
from rtmesh.common.time_slice import time_slice_us
from rtmesh.node import loop as loop_module
from rtmesh.shm import Policy, ReaderState
from rtmesh.v1 import node_pb2, status_pb2

BLOCK = {"bins": Policy.BLOCK}


def test_a_node_lives_from_setup_to_the_end_of_its_input(tmp_path: Path) -> None:
    with LoopRig(tmp_path, "loop_nodes:Doubler", policies=BLOCK) as rig:
        rig.start_running()
        for count in range(20):
            rig.feed("bins", values=[count], count=count)
            assert rig.take("velocity").values[0] == 2 * count
        rig.writers["bins"].end()

        assert rig.rest("velocity") == []
        assert rig.exit_code() == 0

        assert rig.told() == ["SETTING_UP", "READY", "RUNNING", "ENDED"]
        assert rig.word(WORD_STATE) == status_pb2.NODE_STATE_ENDED
        assert rig.word(WORD_STEPS) == 21
        assert rig.word(WORD_STEP_STARTED_NS) == 0
        assert rig.log.index("setup") < rig.log.index("teardown")


def test_the_accounts_of_both_rings_are_exact_at_the_end(tmp_path: Path) -> None:
    with LoopRig(tmp_path, "loop_nodes:Doubler", policies=BLOCK) as rig:
        rig.start_running()
        for count in range(30):
            rig.feed("bins", values=[count])
            rig.take("velocity")
        rig.writers["bins"].end()
        rig.exit_code()

        bins, velocity = rig.account("bins"), rig.account("velocity")
        assert (bins.head, bins.readers[0].delivered, sum(bins.readers[0].dropped.values())) == (30, 30, 0)
        assert bins.readers[0].state == ReaderState.GONE
        assert (velocity.head, velocity.ended, velocity.readers[0].delivered) == (30, True, 30)


def test_nothing_is_sent_before_the_start(tmp_path: Path) -> None:
    with LoopRig(tmp_path, "loop_nodes:Burst", service="Source") as rig:
        rig.start()
        rig.until_state(status_pb2.NODE_STATE_READY)
        assert rig.ask("Configure", window=3).code == 0, "the loop answers while it waits"
        assert rig.account("velocity").head == 0

        rig.order(start=node_pb2.StartNode())

        assert [message.count for message in rig.rest("velocity")] == [0, 1, 2]
        assert rig.exit_code() == 0


def test_each_event_rings_the_doorbell(tmp_path: Path) -> None:
    with LoopRig(tmp_path, "loop_nodes:Burst", service="Source") as rig:
        rig.start()

        assert rig.rang() == f"{rig.config.run}/node".encode()


def test_a_missing_doorbell_is_no_error(tmp_path: Path) -> None:
    with LoopRig(tmp_path, "loop_nodes:Burst", service="Source") as rig:
        (tmp_path / "bell").unlink()

        rig.start_running()

        assert rig.exit_code() == 0


def test_stop_ends_a_running_node(tmp_path: Path) -> None:
    with LoopRig(tmp_path, "loop_nodes:Doubler", policies=BLOCK) as rig:
        rig.start_running()

        rig.stop()

        assert rig.exit_code() == 0
        assert rig.told()[-1] == "STOPPED"
        assert "teardown" in rig.log
        assert not rig.account("velocity").ended, "a stop is no end of stream"


def test_stop_ends_a_node_that_waits_for_the_start(tmp_path: Path) -> None:
    with LoopRig(tmp_path, "loop_nodes:Doubler", policies=BLOCK) as rig:
        rig.start()
        rig.until_state(status_pb2.NODE_STATE_READY)

        rig.stop()

        assert rig.exit_code() == 0
        assert rig.told()[-1] == "STOPPED"


@pytest.mark.parametrize("how", ["order", "signal"])
def test_stop_during_setup_ends_a_node_after_it(tmp_path: Path, how: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    with LoopRig(tmp_path, "loop_nodes:SlowToSetUp", service="Source") as rig:
        rig.start()
        rig.until_so((tmp_path / "in_setup").exists)
        if how == "order":
            rig.order(start=node_pb2.StartNode())
            rig.stop()
        else:
            rig.process.send_signal(signal.SIGTERM)
        with (tmp_path / "pipe").open("r+b", buffering=0) as pipe:
            pipe.write(b"go on\n")
            assert rig.exit_code() == 0

        assert rig.told() == ["SETTING_UP", "READY", "STOPPED"]
        assert "teardown" in rig.log
        assert "started" not in rig.log


@pytest.mark.parametrize("node", ["Flood", "Swallowing"])
def test_stop_interrupts_a_send_that_waits(tmp_path: Path, node: str) -> None:
    with LoopRig(tmp_path, f"loop_nodes:{node}", service="Source") as rig:
        rig.start_running()
        rig.until_full("velocity")

        rig.stop()

        assert rig.exit_code() == 0
        assert rig.told()[-1] == "STOPPED"
        assert "teardown" in rig.log
        assert "swallowed" not in rig.log


def test_sigterm_stops_as_an_order_does(tmp_path: Path) -> None:
    with LoopRig(tmp_path, "loop_nodes:Flood", service="Source") as rig:
        rig.start_running()
        rig.until_full("velocity")

        rig.process.send_signal(signal.SIGTERM)

        assert rig.exit_code() == 0
        assert rig.told()[-1] == "STOPPED"


def test_draining_ends_a_source_and_its_stream(tmp_path: Path) -> None:
    with LoopRig(tmp_path, "loop_nodes:Flood", service="Source") as rig:
        rig.start_running()
        assert [rig.take("velocity").count for _ in range(50)] == list(range(1, 51))

        rig.drain()

        rest = [message.count for message in rig.rest("velocity")]
        assert rest == list(range(51, 51 + len(rest)))
        assert rig.exit_code() == 0
        assert rig.told()[-2:] == ["DRAINING", "ENDED"]


def test_draining_before_the_start_ends_the_node(tmp_path: Path) -> None:
    with LoopRig(tmp_path, "loop_nodes:Burst", service="Source") as rig:
        rig.start()
        rig.until_state(status_pb2.NODE_STATE_READY)

        rig.drain()

        assert rig.rest("velocity") == []
        assert rig.exit_code() == 0


def test_the_loop_imports_neither_grpc_nor_asyncio(tmp_path: Path) -> None:
    with LoopRig(tmp_path, "loop_nodes:Modules", policies=BLOCK) as rig:
        rig.start_running()
        rig.feed("bins")

        event = rig.until(lambda event: event.HasField("result"), "result")

        assert '"heavy": []' in event.result.json


def test_the_kernel_reports_the_time_slice_of_the_plan(tmp_path: Path) -> None:
    knows_slices = time_slice_us() is not None  # Linux 6.12 and later
    with LoopRig(tmp_path, "loop_nodes:Doubler", policies=BLOCK) as rig:
        rig.start_running()
        assert rig.process is not None

        assert time_slice_us(rig.process.pid) == (150 if knows_slices else None)


def test_a_free_input_may_go_without_on(tmp_path: Path) -> None:
    policies = {"bins": Policy.BLOCK, "target": Policy.BLOCK}
    with LoopRig(tmp_path, "loop_nodes:Doubler", policies=policies, free=("target",)) as rig:
        rig.start_running()


@pytest.mark.parametrize("spin_us", [0, 50])
def test_a_loop_spins_as_long_as_its_graph_says(monkeypatch: pytest.MonkeyPatch, spin_us: int) -> None:
    seen: list[int] = []
    monkeypatch.setattr(loop_module, "Channel", lambda config: None)
    monkeypatch.setattr(loop_module.ClockPage, "open", lambda segment: None)
    monkeypatch.setattr(loop_module, "LoopHost", lambda clock, channel, spin_ns: seen.append(spin_ns))

    loop_module.Loop(node_pb2.LoopConfig(node={"node": {"spin_us": spin_us}}))

    assert seen == [spin_us * 1000]
