"""The relay as meshd keeps it. One machine is both ends of an edge: its relay sends to itself."""

from __future__ import annotations

import os
import signal
import socket

import pytest

from rtmesh.v1 import machine_pb2, plan_pb2

EDGE = "source.out -> sink.in"


@pytest.fixture
def plan(plans):
    return plans.carried(plans.node("source", "endless"), plans.node("sink", "take"))


def begin(machine, plan: plan_pb2.MachinePlan) -> None:
    machine.begin_run(plan, data_addresses={"solo": f"unix:{machine.folder}/relay.sock"})


def until_link(machine, connected: bool, start: int = 0) -> machine_pb2.LinkReport:
    def matches(report: machine_pb2.JoinRequest) -> bool:
        return report.HasField("link") and report.link.connected == connected

    return machine.scheduler.until(matches, start).link


def delivered(accounts: machine_pb2.AccountsReport) -> int:
    (reader,) = next(ring for ring in accounts.rings if ring.name == "sink.in").readers
    return reader.delivered


def drain_and_stop(machine) -> machine_pb2.AccountsReport:
    machine.scheduler.give(drain=machine_pb2.Drain(run="run-1"))
    machine.until_state("source", "ENDED")
    machine.until_state("sink", "ENDED")
    return machine.stop_run()


def test_an_edge_over_the_relay_is_told_connected_and_delivers_everything(machine, plan):
    begin(machine, plan)
    link = until_link(machine, connected=True)
    accounts = machine.until_accounts(lambda accounts: delivered(accounts) > 100)

    source, sink = drain_and_stop(machine).rings

    assert (link.run, link.edge) == ("run-1", EDGE)
    assert [process.name for process in accounts.processes] == ["meshd", "relay"]
    assert source.head == sink.source_position == sink.head == sink.readers[0].delivered
    assert source.ended
    assert sink.ended


def test_a_killed_relay_is_told_and_started_again_and_nothing_is_lost(machine, plan):
    begin(machine, plan)
    accounts = machine.until_accounts(lambda accounts: delivered(accounts) > 100)
    relay = accounts.processes[1]
    start = len(machine.scheduler.reports)

    os.kill(relay.process_id, signal.SIGKILL)
    cut = until_link(machine, connected=False, start=start)
    until_link(machine, connected=True, start=start)
    before = machine.until_accounts(lambda accounts: accounts.processes[1].restarts == 1, start)
    machine.until_accounts(lambda accounts: delivered(accounts) > delivered(before) + 100, start)
    source, sink = drain_and_stop(machine).rings

    assert cut.reason == "the relay was killed by SIGKILL (9)"
    assert source.head == sink.head == sink.readers[0].delivered
    assert dict(source.readers[0].dropped) == dict(sink.readers[0].dropped) == {}


def test_a_relay_that_cannot_listen_is_a_problem_of_prepare(remote_machine, plan):
    machine = remote_machine
    hello = machine.scheduler.until(lambda report: report.HasField("hello")).hello
    with socket.socket() as thief:
        # What meshd reserves it does not listen on; somebody who wants exactly this port gets it.
        thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        thief.bind(("127.0.0.1", int(hello.data_address.rpartition(":")[2])))
        thief.listen()
        prepared = machine.prepare(plan)

    (problem,) = prepared.problems
    assert problem.text.startswith("the relay does not come up: relay: cannot listen on 127.0.0.1:")
    assert problem.remedy == f"see {machine.folder}/relay.log"
