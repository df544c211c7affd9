"""meshd with real loops and services: Python nodes of a graph file."""

from __future__ import annotations

import json
import os
import signal

import grpc
import pytest

from rtmesh.common.processes import process_start_time
from rtmesh.common.serving import CHANNEL_OPTIONS
from rtmesh.v1 import graph_pb2, machine_pb2, plan_pb2, status_pb2

from .tally_plan import make_plan


def serves(address: str) -> bool:
    """Whether the node's service answers the health service's Check."""
    with grpc.insecure_channel(address, options=CHANNEL_OPTIONS) as channel:
        check = channel.unary_unary("/grpc.health.v1.Health/Check")
        answer = check(b"", timeout=20, wait_for_ready=True)
    return bytes(answer) == b"\x08\x01"


def test_preflight_finds_the_nodes_of_the_graph(machine, scheduler):
    scheduler.until(lambda report: report.HasField("hello"))

    scheduler.give(preflight=machine_pb2.Preflight(plan=make_plan()))
    answer = scheduler.until(lambda report: report.HasField("preflighted")).preflighted

    assert list(answer.problems) == []


def test_a_graph_of_python_nodes_completes_with_its_result(machine):
    machine.begin_run(make_plan(count="200"))
    machine.until_state("numbers", "ENDED")
    summed = machine.until_state("sum", "ENDED")

    (ring,) = machine.stop_run().rings

    assert json.loads(summed.result_json) == {"sum": 200 * 201 // 2, "count": 200}
    assert (ring.head, ring.readers[0].delivered, ring.readers[0].latency.count) == (200, 200, 200)


def test_an_exception_is_told_with_its_traceback(machine):
    machine.begin_run(make_plan(fail_at="20"))

    failed = machine.until_state("numbers", "FAILED")
    machine.until_state("sum", "ENDED")
    (ring,) = machine.stop_run().rings

    assert failed.reason == "ValueError: 20 is one too many"
    assert "in tick" in failed.detail
    assert ring.head == ring.readers[0].delivered == 19


def test_a_drained_graph_ends_with_nothing_in_flight(machine, scheduler):
    machine.begin_run(make_plan())
    machine.until_accounts(lambda accounts: accounts.rings[0].head > 50)

    scheduler.give(drain=machine_pb2.Drain(run="run-1"))
    machine.until_state("numbers", "ENDED")
    summed = machine.until_state("sum", "ENDED")
    (ring,) = machine.stop_run().rings

    assert json.loads(summed.result_json)["count"] == ring.head == ring.readers[0].taken


def test_stop_is_teardown_too(machine):
    machine.begin_run(make_plan())
    machine.until_accounts(lambda accounts: accounts.rings[0].head > 50)

    final = machine.stop_run()

    (ring,) = final.rings
    states = [node.state for node in final.nodes]
    assert states == [status_pb2.NODE_STATE_STOPPED] * 2
    assert json.loads(final.nodes[1].result_json)["count"] == ring.readers[0].delivered


@pytest.mark.parametrize("node", [0, 1])
def test_a_killed_service_is_started_again_and_cuts_nothing(machine, node):
    machine.begin_run(make_plan())
    before = machine.until_accounts(lambda accounts: accounts.rings[0].head > 50)
    service = before.nodes[node].service
    assert serves(before.nodes[node].address)

    os.kill(service.process_id, signal.SIGKILL)
    after = machine.until_accounts(lambda accounts: accounts.nodes[node].service.restarts == 1)
    assert serves(after.nodes[node].address)
    final = machine.stop_run()

    (ring,) = final.rings
    assert after.nodes[node].service.process_id != service.process_id
    assert [status.restarts for status in final.nodes] == [0, 0]
    assert [status.service.restarts for status in final.nodes].count(1) == 1
    assert dict(ring.readers[0].dropped) == {}


def test_an_ended_node_is_served_until_stop(machine):
    machine.begin_run(make_plan(count="5"))
    ended = machine.until_state("numbers", "ENDED")

    assert serves(ended.address)

    machine.stop_run()


def test_a_killed_loop_under_restart_goes_on_in_the_next_epoch(machine):
    plan = make_plan()
    restart = graph_pb2.Restart(when=graph_pb2.RESTART_WHEN_ON_FAILURE, most=1, backoff_ms=50)
    plan.nodes[0].node.restart.CopyFrom(restart)
    machine.begin_run(plan)
    before = machine.until_accounts(lambda accounts: accounts.rings[0].head > 50)

    os.kill(before.nodes[0].loop.process_id, signal.SIGKILL)
    machine.until_accounts(lambda accounts: accounts.rings[0].epoch == 2)
    final = machine.stop_run()

    (ring,) = final.rings
    assert final.nodes[0].restarts == 1
    assert json.loads(final.nodes[1].result_json)["count"] == ring.readers[0].delivered


def test_services_begin_when_the_loops_are_ready(machine, scheduler):
    machine.begin_run(make_plan())
    accounts = machine.until_accounts(lambda told: all(node.service.process_id for node in told.nodes))
    served = [report for report in list(scheduler.reports) if report.node.status.service.process_id]
    first_service = scheduler.reports.index(served[0]) if served else len(scheduler.reports)
    ready = [
        number
        for number, report in enumerate(scheduler.reports)
        if report.node.status.state == status_pb2.NODE_STATE_READY
    ]
    started = [process_start_time(accounts.nodes[0].service.process_id)]
    started.append(process_start_time(accounts.nodes[0].loop.process_id))
    machine.stop_run()

    # On a machine so slow that setup took 2 s, services did not wait for it.
    waited_s = (started[0] - started[1]) / os.sysconf("SC_CLK_TCK")
    assert max(ready) < first_service or waited_s > 1.9


def test_a_node_whose_setup_hangs_has_a_service_all_the_same(machine, plans):
    node = plans.node("slow", "hang-setup", setup_timeout_ms=0)
    assert not machine.prepare(plans.single(plan_pb2.NodePlan(node=node))).problems

    accounts = machine.until_accounts(lambda told: told.nodes and told.nodes[0].service.process_id)
    assert accounts.nodes[0].state == status_pb2.NODE_STATE_SETTING_UP

    machine.stop_run()
