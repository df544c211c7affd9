"""What is told, and what is left, when a node fails in one of the ways there are."""

from __future__ import annotations

import os
import signal

from rtmesh.shm import list_segments
from rtmesh.v1 import graph_pb2, status_pb2

ATTACHED, GONE = status_pb2.READER_STATE_ATTACHED, status_pb2.READER_STATE_GONE
RESTART = graph_pb2.Restart(when=graph_pb2.RESTART_WHEN_ON_FAILURE, most=2, backoff_ms=50)


def test_a_killed_writer_is_told_and_its_stream_ends(machine, plans):
    machine.begin_run(plans.chain(plans.node("source", "endless"), plans.node("sink", "take")))
    accounts = machine.until_accounts(lambda accounts: accounts.rings[0].head > 100)

    os.kill(accounts.nodes[0].loop.process_id, signal.SIGKILL)
    failed = machine.until_state("source", "FAILED")
    machine.until_state("sink", "ENDED")
    (ring,) = machine.stop_run().rings

    assert failed.reason == "killed by SIGKILL (9)"
    assert ring.ended
    assert ring.readers[0].delivered == ring.head > 100


def test_a_killed_reader_is_gone_and_does_not_hold_its_writer(machine, plans):
    machine.begin_run(plans.chain(plans.node("source", "endless"), plans.node("sink", "take")))
    accounts = machine.until_accounts(lambda accounts: accounts.rings[0].head > 100)

    os.kill(accounts.nodes[1].loop.process_id, signal.SIGKILL)
    machine.until_state("sink", "FAILED")
    after = machine.until_accounts(lambda accounts: accounts.rings[0].readers[0].state == GONE)
    machine.until_accounts(lambda accounts: accounts.rings[0].head > after.rings[0].head + 1000)
    (ring,) = machine.stop_run().rings
    (reader,) = ring.readers

    assert reader.dropped["reader_gone"] + reader.delivered == ring.head


def test_a_restarted_reader_goes_on_where_it_was(machine, plans):
    sink = plans.node("sink", "take", restart=RESTART)
    machine.begin_run(plans.chain(plans.node("source", "endless"), sink))
    accounts = machine.until_accounts(lambda accounts: accounts.rings[0].head > 100)

    os.kill(accounts.nodes[1].loop.process_id, signal.SIGKILL)
    told = machine.until_state("sink", "RESTARTING")
    again = machine.until_accounts(
        lambda accounts: accounts.nodes[1].epoch == 2 and accounts.rings[0].readers[0].state == ATTACHED
    )
    before = again.rings[0].readers[0].delivered
    machine.until_accounts(lambda accounts: accounts.rings[0].readers[0].delivered > before + 100)
    (ring,) = machine.stop_run().rings
    (reader,) = ring.readers

    assert (told.reason, told.restarts) == ("killed by SIGKILL (9)", 0)
    assert again.nodes[1].restarts == 1
    assert dict(reader.dropped) == {}
    assert reader.taken == reader.delivered


def test_a_restarted_writer_begins_the_next_epoch(machine, plans):
    source = plans.node("source", "fail-first", "count=10", restart=RESTART)
    machine.begin_run(plans.chain(source, plans.node("sink", "take")))

    told = machine.until_state("source", "RESTARTING")
    machine.until_state("sink", "ENDED")
    final = machine.stop_run()

    assert (told.reason, told.detail) == ("ValueError: no such filter", "Traceback: line 7")
    assert (final.rings[0].epoch, final.rings[0].head) == (2, 10)


def test_a_node_is_given_up_after_most_restarts(machine, plans):
    source = plans.node("source", "exit=3", restart=RESTART)
    machine.begin_run(plans.chain(source, plans.node("sink", "take")))

    failed = machine.until_state("source", "FAILED")
    machine.until_state("sink", "ENDED")
    machine.stop_run()

    assert (failed.reason, failed.detail) == ("exited with code 3", "last words")
    assert (failed.restarts, failed.epoch) == (2, 3)


def test_an_exit_without_a_word_is_a_failure(machine, plans):
    machine.begin_run(plans.chain(plans.node("source", "unended"), plans.node("sink", "take")))

    failed = machine.until_state("source", "FAILED")
    machine.stop_run()

    assert failed.reason == "exited with code 0 without ending"


def test_setup_without_end_is_killed_and_told_with_its_stack(machine, plans):
    source = plans.node("source", "hang-setup", setup_timeout_ms=3000)
    machine.prepare(plans.chain(source, plans.node("sink", "take")))

    failed = machine.until_state("source", "FAILED")
    machine.stop_run()

    assert failed.reason == "setup took longer than 3 s (setup_timeout)"
    assert "in hang_in_setup" in failed.detail


def test_a_long_step_is_told_with_its_stack_until_it_ends(machine, plans, runtime_folder):
    release = runtime_folder / "release"
    source = plans.node("source", f"long-step={release}", "count=3", step_timeout_ms=200)
    machine.begin_run(plans.chain(source, plans.node("sink", "take")))

    stuck = machine.until_state("source", "STUCK")
    start = len(machine.scheduler.reports)
    release.touch()
    machine.until_state("source", "RUNNING", start)
    machine.until_state("sink", "ENDED")
    machine.stop_run()

    assert stuck.reason == "a step takes longer than 0.2 s"
    assert "in long_step" in stuck.detail


def test_a_loop_that_ignores_stop_is_killed_and_told(machine, plans):
    machine.begin_run(plans.chain(plans.node("source", "deaf"), plans.node("sink", "take")))
    machine.until_state("source", "RUNNING")

    final = machine.stop_run()

    states = [(node.state, node.reason) for node in final.nodes]
    assert states[0] == (status_pb2.NODE_STATE_FAILED, "did not end within 5 s and was killed")
    assert "in work" in final.nodes[0].detail
    assert states[1] == (status_pb2.NODE_STATE_STOPPED, "")
    assert list_segments(f"rtmesh.{os.getuid()}.solo.run-1") == []
