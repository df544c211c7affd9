"""What a loop process does between start and end: requests, ticks, joins, kept views."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from loop_rig import LoopRig

from rtmesh.common.control import SLOT_BYTES, WORD_UNJOINED
from rtmesh.common.origins import origin_id
from rtmesh.node.calls import INVALID_ARGUMENT, OK, RESOURCE_EXHAUSTED, UNIMPLEMENTED
from rtmesh.node.channel import LARGEST_PAYLOAD_BYTES
from rtmesh.shm import Policy
from rtmesh.v1 import status_pb2

BLOCK = {"bins": Policy.BLOCK}


def test_a_request_is_answered_between_two_steps(tmp_path: Path) -> None:
    with LoopRig(tmp_path, "loop_nodes:Doubler", policies=BLOCK) as rig:
        rig.start_running()

        reply = rig.ask("Double", value=21)

        assert reply.code == OK
        assert reply.response == b"\x08\x2a"
        assert rig.ask("Forgotten").code == UNIMPLEMENTED


def test_requests_and_replies_larger_than_a_slot_travel_whole(tmp_path: Path) -> None:
    with LoopRig(tmp_path, "loop_nodes:Doubler", policies=BLOCK) as rig:
        rig.start_running()

        for size in (SLOT_BYTES, 20_000, LARGEST_PAYLOAD_BYTES - 100):
            reply = rig.ask("Configure", label="x" * size)
            assert reply.code == OK, reply.message
            assert b"x" * size in reply.response

        refused = rig.ask("Configure", weights=[1.0] * 1000)
        assert refused.code == RESOURCE_EXHAUSTED
        assert f"at most {LARGEST_PAYLOAD_BYTES} fit" in refused.message


def test_a_service_that_takes_no_replies_holds_no_step_and_loses_none(tmp_path: Path) -> None:
    with LoopRig(tmp_path, "loop_nodes:Doubler", policies=BLOCK) as rig:
        rig.start_running()
        rig.ask("Configure", label="x" * 60_000)
        asked = [rig.request("Configure") for _ in range(3)]
        rig.until_so(lambda: rig.account("@replies").readers[0].is_holding)

        rig.feed("bins", values=np.ones(4, "f4"))

        assert rig.take("velocity").values.tolist() == [2, 2, 2, 2]
        assert [len(rig.reply(each).response) > 60_000 for each in asked] == [True] * 3


def test_a_reply_under_way_comes_before_the_end(tmp_path: Path) -> None:
    with LoopRig(tmp_path, "loop_nodes:Doubler", policies=BLOCK) as rig:
        rig.start_running()
        rig.ask("Configure", label="x" * 60_000)
        asked = rig.request("Configure")
        rig.until_so(lambda: rig.account("@replies").readers[0].is_holding)
        rig.stop()

        assert len(rig.reply(asked).response) > 60_000
        rig.until_state(status_pb2.NODE_STATE_STOPPED)


def test_parameters_are_read_set_and_refused(tmp_path: Path) -> None:
    with LoopRig(tmp_path, "loop_nodes:Doubler", policies=BLOCK, parameters={"label": "graph"}) as rig:
        rig.start_running()
        read = rig.ask("Configure")

        refused = rig.ask("Configure", window=-1)
        assert refused.code == INVALID_ARGUMENT
        assert refused.message == "window is -1: give 0 or more"
        assert rig.ask("Configure").response == read.response

        changed = rig.ask("Configure", window=0)
        assert changed.code == OK
        assert changed.response != read.response


def test_a_result_waits_no_longer_than_it_must(tmp_path: Path) -> None:
    with LoopRig(tmp_path, "loop_nodes:Talkative", policies=BLOCK) as rig:
        rig.start_running()
        for _ in range(3):
            rig.feed("bins")

        # Nothing else comes: the loop wakes up by itself to tell the newest.
        rig.until(lambda event: event.result.json == '{"count": 3000}', "the newest result")


def test_arrays_come_and_go_unchanged(tmp_path: Path) -> None:
    with LoopRig(tmp_path, "loop_nodes:Doubler", policies=BLOCK) as rig:
        rig.start_running()
        values = np.arange(192, dtype=np.float32).reshape(2, 96)

        rig.feed("bins", values=values)

        np.testing.assert_array_equal(rig.take("velocity").values, values * 2)


def test_headers_carry_the_epoch_and_the_origin(tmp_path: Path) -> None:
    with LoopRig(tmp_path, "loop_nodes:Doubler", policies=BLOCK) as rig:
        rig.start_running(epoch=3)
        rig.feed("bins", origin=99, values=[1])

        header = rig.take("velocity").header

        assert (header.sequence, header.epoch) == (1, 3)
        assert (header.origin, header.origin_epoch, header.origin_sequence) == (7, 1, 99)


def test_every_keeps_its_rate_and_begins_origins(tmp_path: Path) -> None:
    with LoopRig(tmp_path, "loop_nodes:Pacer", policies=BLOCK) as rig:
        rig.start_running()

        headers = [rig.take("velocity").header for _ in range(20)]

        assert headers[0].origin == origin_id("test", "node", "velocity")
        assert [header.origin_sequence for header in headers] == list(range(1, 21))
        # No call is early, and the first is late by less than a period, or its deadline was skipped.
        assert headers[-1].publish_time_ns - headers[0].publish_time_ns > 18 * 5_000_000
        rig.feed("bins")
        event = rig.until(lambda event: event.HasField("result"), "result")
        assert json.loads(event.result.json)["ticks"] >= 20


def test_a_join_waits_and_counts_what_finds_no_partner(tmp_path: Path) -> None:
    policies = {"bins": Policy.BLOCK, "target": Policy.BLOCK}
    with LoopRig(tmp_path, "loop_nodes:Both", policies=policies) as rig:
        rig.start_running()
        for origin in range(1, 21):
            if rig.writers["bins"].head < 16:
                rig.feed("bins", origin=origin, count=origin)
        for origin in range(2, 17, 2):
            rig.feed("target", origin=origin, count=origin)

        assert [rig.take("velocity").count for _ in range(8)] == [n * 101 for n in range(2, 17, 2)]
        rig.writers["bins"].end()
        rig.writers["target"].end()

        assert rig.rest("velocity") == []
        assert rig.exit_code() == 0
        assert rig.word(WORD_UNJOINED) == 8
        assert [rig.account(port).readers[0].delivered for port in ("bins", "target")] == [16, 8]


def test_a_slow_sibling_loses_nothing_on_block_edges(tmp_path: Path) -> None:
    policies = {"bins": Policy.BLOCK, "target": Policy.BLOCK}
    with LoopRig(tmp_path, "loop_nodes:Both", policies=policies, queue=4) as rig:
        rig.start_running()
        for origin in range(1, 9):
            rig.feed("bins", origin=origin, count=origin)
        for origin in range(1, 9):
            rig.feed("target", origin=origin, count=origin)
            assert rig.take("velocity").count == origin * 101

        rig.stop()
        assert rig.exit_code() == 0
        assert rig.word(WORD_UNJOINED) == 0


def test_kept_messages_stay_as_they_were(tmp_path: Path) -> None:
    with LoopRig(tmp_path, "loop_nodes:Keeper", policies=BLOCK) as rig:
        rig.start_running()

        for number in range(1, 41):
            rig.feed("bins", values=np.full(8, number, np.int32))
        event = rig.until(
            lambda event: event.HasField("result") and len(json.loads(event.result.json)["sums"]) == 40,
            "forty messages",
        )

        assert json.loads(event.result.json)["sums"] == [8 * number for number in range(1, 41)]


def test_a_restarted_node_goes_on_where_the_killed_one_was(tmp_path: Path) -> None:
    with LoopRig(tmp_path, "loop_nodes:Doubler", policies=BLOCK) as rig:
        rig.start_running()
        for number in range(5):
            rig.feed("bins", values=[number])
            rig.take("velocity")
        rig.kill()
        for number in range(5, 9):
            rig.feed("bins", values=[number])

        rig.start_running(epoch=2)

        messages = [rig.take("velocity") for _ in range(4)]
        assert [message.values[0] for message in messages] == [10, 12, 14, 16]
        assert [(message.header.epoch, message.header.sequence) for message in messages] == [
            (2, number) for number in (1, 2, 3, 4)
        ]
        assert rig.account("bins").readers[0].delivered == 9


def test_a_loop_ends_with_the_process_that_spawned_it_if_asked(tmp_path: Path) -> None:
    with LoopRig(tmp_path, "loop_nodes:Doubler", policies=BLOCK) as rig:
        rig.start(die_with_parent=True, parent_process_id=1)

        assert rig.exit_code() == -9, "this test is not process 1, so the parent is taken for dead"
        assert status_pb2.NODE_STATE_READY not in [event.state.state for event in rig.events]
