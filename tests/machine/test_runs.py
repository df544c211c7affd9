"""A run from Prepare to Ended, in a real meshd with real processes."""

from __future__ import annotations

import json
import os

import pytest

from rtmesh.shm import list_segments
from rtmesh.v1 import machine_pb2, plan_pb2, status_pb2

ABSENT, GONE = status_pb2.READER_STATE_ABSENT, status_pb2.READER_STATE_GONE


def test_a_machine_says_hello(machine, scheduler):
    hello = scheduler.until(lambda report: report.HasField("hello")).hello

    assert (hello.machine, hello.process_id) == ("solo", machine.process.pid)
    assert hello.data_address == f"unix:{machine.folder}/relay.sock"
    assert hello.cpu_count == os.cpu_count()
    assert hello.memory_bytes > 2**28


def test_a_run_that_ends_by_itself_delivers_everything_and_leaves_nothing(machine, plans, scheduler):
    machine.begin_run(plans.chain(plans.node("source", "count=500"), plans.node("sink", "take")))
    machine.until_state("source", "ENDED")
    sink = machine.until_state("sink", "ENDED")

    final = machine.stop_run()

    (ring,) = final.rings
    (reader,) = ring.readers
    assert (ring.name, ring.head, ring.ended, ring.epoch) == ("source.out", 500, True, 1)
    assert (reader.name, reader.start, reader.taken, reader.delivered) == ("sink.in", 0, 500, 500)
    assert (dict(reader.dropped), reader.latency.count) == ({}, 500)
    assert json.loads(sink.result_json) == {"steps": 500}
    assert [node.steps for node in final.nodes] == [500, 500]
    assert list_segments(f"rtmesh.{os.getuid()}.solo.run-1") == []
    assert not list(machine.folder.glob("run-1/*.sock"))
    assert (machine.folder / "run-1" / "sink.log").exists()


def test_nothing_is_sent_before_start(machine, plans, scheduler):
    machine.prepare(plans.chain(plans.node("source", "count=5"), plans.node("sink", "take")))
    machine.until_state("source", "READY")
    machine.until_state("sink", "READY")

    accounts = machine.until_accounts(lambda accounts: accounts.nodes)

    assert accounts.rings[0].head == 0
    machine.stop_run()


def test_accounts_name_the_processes_and_what_they_use(machine, plans, scheduler):
    machine.begin_run(plans.chain(plans.node("source", "endless"), plans.node("sink", "take")))
    accounts = machine.until_accounts(lambda accounts: accounts.rings[0].head > 100)
    machine.stop_run()

    source, sink = accounts.nodes
    pids = {process.process_id for process in (source.loop, sink.loop, *accounts.processes)}
    assert [process.name for process in accounts.processes] == ["meshd"]
    assert accounts.processes[0].process_id == machine.process.pid
    assert len(pids) == 3
    assert all(process.memory_bytes > 2**20 for process in (source.loop, sink.loop))
    assert source.address == f"unix:{machine.folder}/run-1/source.sock"
    assert accounts.time_ns > 1_700_000_000_000_000_000


def test_drain_lets_what_is_in_flight_arrive(machine, plans, scheduler):
    machine.begin_run(plans.chain(plans.node("source", "endless"), plans.node("sink", "take")))
    machine.until_accounts(lambda accounts: accounts.rings[0].head > 100)

    scheduler.give(drain=machine_pb2.Drain(run="run-1"))
    machine.until_state("source", "ENDED")
    machine.until_state("sink", "ENDED")
    reader = machine.stop_run().rings[0].readers[0]

    assert reader.taken == reader.delivered > 100
    assert dict(reader.dropped) == {}


def test_stop_names_what_was_still_in_flight(machine, plans, scheduler):
    machine.begin_run(plans.chain(plans.node("source", "count=7"), plans.node("sink")))
    machine.until_state("source", "ENDED")

    final = machine.stop_run()

    (ring,) = final.rings
    assert (ring.head, ring.readers[0].taken, dict(ring.readers[0].dropped)) == (7, 0, {})
    assert ring.readers[0].state == ABSENT
    assert [node.state for node in final.nodes] == [
        status_pb2.NODE_STATE_ENDED,
        status_pb2.NODE_STATE_STOPPED,
    ]


def test_stop_of_an_unknown_run_is_answered(machine, scheduler):
    scheduler.until(lambda report: report.HasField("hello"))

    assert not machine.stop_run("never-prepared").rings


def test_prepare_is_answered_again_and_changes_nothing(machine, plans):
    plan = plans.chain(plans.node("source", "count=1"), plans.node("sink", "take"))
    machine.prepare(plan)
    before = machine.children()

    assert not machine.prepare(plan).problems

    assert before.items() <= machine.children().items()
    machine.stop_run()


@pytest.mark.parametrize("what", ["segment", "loop"])
def test_a_prepare_that_fails_leaves_nothing(machine, plans, what):
    plan = plans.chain(plans.node("source", "endless"), plans.node("sink", "take"))
    if what == "segment":
        plan.rings.append(plan_pb2.RingPlan.FromString(plan.rings[0].SerializeToString()))
    else:
        plan.nodes[1].node.command[0] = "./no-such-program"

    prepared = machine.prepare(plan)

    (problem,) = prepared.problems
    assert problem.where == "solo"
    assert ("source.out" if what == "segment" else "no-such-program") in problem.text
    assert list_segments(f"rtmesh.{os.getuid()}.solo.run-1") == []
    assert machine.children() == {}


def test_preflight_tells_problems_and_changes_nothing(machine, plans, scheduler):
    plan = plans.chain(plans.node("source", "endless"), plans.node("sink", "take"))
    plan.nodes[0].node.command[0] = "./no-such-program"
    scheduler.until(lambda report: report.HasField("hello"))

    scheduler.give(preflight=machine_pb2.Preflight(plan=plan))
    answer = scheduler.until(lambda report: report.HasField("preflighted")).preflighted

    assert [problem.path for problem in answer.problems] == ["nodes.source.command"]
    assert not (machine.folder / "run-1").exists()
