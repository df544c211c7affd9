"""meshd on TCP: addresses, and a scheduler that goes away and comes back."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc

from rtmesh.graph.load import load_graph
from rtmesh.graph.plan import plan_run
from rtmesh.shm import list_segments
from rtmesh.v1 import graph_pb2, machine_pb2, machine_pb2_grpc

from .tally_plan import GRAPH
from .test_real_nodes import serves

RUN = "run-1"


def make_plan(*, restarts: int = 0, **settings: str):
    graph = load_graph(GRAPH, {f"numbers.{name}": value for name, value in settings.items()}).graph
    graph.nodes[0].restart.CopyFrom(graph_pb2.Restart())
    if restarts:
        restart = graph_pb2.Restart(when=graph_pb2.RESTART_WHEN_ON_FAILURE, most=restarts, backoff_ms=50)
        graph.nodes[0].restart.CopyFrom(restart)
    (plan,) = plan_run(graph, RUN, ["solo"]).machines
    return plan


def come_back(scheduler):
    """The same address, nothing remembered."""
    scheduler.close()
    return type(scheduler)(scheduler.address)


def hello_of(scheduler, start: int = 0) -> machine_pb2.Hello:
    return scheduler.until(lambda report: report.HasField("hello"), start).hello


# addresses


def test_everything_listens_on_loopback_unless_said_otherwise(remote_machine, remote_scheduler):
    hello = hello_of(remote_scheduler)
    remote_machine.begin_run(make_plan())
    accounts = remote_machine.until_accounts(lambda accounts: accounts.rings[0].head > 20)

    addresses = [hello.data_address, *(node.address for node in accounts.nodes)]

    assert all(address.startswith("127.0.0.1:") for address in addresses)
    assert len(set(addresses)) == 3
    assert all(serves(node.address) for node in accounts.nodes)
    remote_machine.stop_run()


def test_the_warning_names_what_is_open(remote_machine, remote_scheduler):
    hello_of(remote_scheduler)

    remote_machine.end()

    (line,) = [line for line in remote_machine.errors.splitlines() if "insecure" in line]
    assert "no encryption" in line
    assert f"the scheduler at {remote_scheduler.address}" in line
    assert "the data port of the relay on a free port of 127.0.0.1" in line
    assert "the service of every node" in line


def test_what_is_advertised_is_told_and_the_ports_are_those_listened_on(remote_machine, remote_scheduler):
    remote_machine.end()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    start = len(remote_scheduler.reports)
    remote_machine.begin("--listen", f"0.0.0.0:{port}", "--advertise", "localhost")

    assert hello_of(remote_scheduler, start).data_address == f"localhost:{port}"

    remote_machine.begin_run(make_plan())
    (address, _) = [node.address for node in remote_machine.until_accounts(lambda told: told.nodes).nodes]
    assert address.startswith("localhost:")
    assert serves(address)
    remote_machine.stop_run()


def test_a_service_that_was_killed_has_the_same_address_again(remote_machine):
    remote_machine.begin_run(make_plan())
    before = remote_machine.until_accounts(lambda accounts: accounts.nodes[0].service.process_id)
    assert serves(before.nodes[0].address)

    os.kill(before.nodes[0].service.process_id, signal.SIGKILL)
    after = remote_machine.until_accounts(lambda accounts: accounts.nodes[0].service.restarts == 1)

    assert after.nodes[0].address == before.nodes[0].address
    assert serves(after.nodes[0].address)
    remote_machine.stop_run()


def test_a_data_port_that_is_taken_is_refused_at_the_start(remote_machine, remote_scheduler):
    hello_of(remote_scheduler)
    remote_machine.end()
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        address = f"127.0.0.1:{other.getsockname()[1]}"
        command = [*remote_machine.process.args, "--listen", address]
        refused = subprocess.run(command, capture_output=True, text=True, timeout=30)
    start = len(remote_scheduler.reports)
    remote_machine.begin()
    hello_of(remote_scheduler, start)

    assert refused.returncode == 1
    assert f"meshd: cannot listen on {address}: Address already in use" in refused.stderr
    assert "--listen" in refused.stderr.splitlines()[-1]


def test_a_web_proxy_is_not_for_the_mesh(remote_machine, remote_scheduler, monkeypatch):
    hello_of(remote_scheduler)
    remote_machine.end()
    for name in ("http_proxy", "grpc_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    start = len(remote_scheduler.reports)
    remote_machine.begin()

    assert hello_of(remote_scheduler, start).machine == "solo"


# a scheduler that goes away


def test_a_run_outlives_the_scheduler_and_ends_as_the_next_one_says(remote_machine, remote_scheduler):
    remote_machine.begin_run(make_plan())
    before = remote_machine.until_accounts(lambda accounts: accounts.rings[0].head > 20)

    again = come_back(remote_scheduler)
    try:
        remote_machine.scheduler = again
        assert list(hello_of(again).runs) == [RUN]
        for node in ("numbers", "sum"):
            remote_machine.until_state(node, "RUNNING")
        after = remote_machine.until_accounts(lambda accounts: accounts.rings[0].head > 50)
        again.give(drain=machine_pb2.Drain(run=RUN))
        remote_machine.until_state("numbers", "ENDED")
        summed = remote_machine.until_state("sum", "ENDED")
        final = remote_machine.stop_run()
    finally:
        again.close()

    loops = [[node.loop.process_id for node in accounts.nodes] for accounts in (before, after, final)]
    assert loops[0] == loops[1] == loops[2]
    assert final.rings[0].head > after.rings[0].head > before.rings[0].head
    assert json.loads(summed.result_json)["count"] == final.rings[0].head


def test_the_reports_come_in_order_nodes_then_accounts(remote_machine, remote_scheduler):
    remote_machine.begin_run(make_plan())
    remote_machine.until_accounts(lambda accounts: accounts.rings[0].head > 20)

    again = come_back(remote_scheduler)
    try:
        again.until(lambda report: report.HasField("accounts"))
        kinds = [report.WhichOneof("report") for report in again.reports]
    finally:
        again.close()

    assert kinds[0] == "hello"
    assert kinds.index("accounts") > kinds.index("node")
    assert set(kinds[1 : kinds.index("accounts")]) == {"keep_awake", "node"}


def test_what_happened_while_the_scheduler_was_away_is_told(remote_machine, remote_scheduler, until):
    remote_machine.begin_run(make_plan(restarts=1))
    before = remote_machine.until_accounts(lambda accounts: accounts.rings[0].head > 20)

    remote_scheduler.close()
    os.kill(before.nodes[0].loop.process_id, signal.SIGKILL)
    until(lambda: (remote_machine.folder / RUN / "numbers.1.log").exists())
    again = type(remote_scheduler)(remote_scheduler.address)
    try:
        remote_machine.scheduler = again
        restarting = remote_machine.until_state("numbers", "RESTARTING")
        running = remote_machine.until_state("numbers", "RUNNING")
        remote_machine.stop_run()
    finally:
        again.close()

    assert restarting.reason == "killed by SIGKILL (9)"
    assert running.restarts == 1


def test_a_scheduler_that_does_not_know_the_run_has_it_stopped(remote_machine, remote_scheduler):
    remote_machine.begin_run(make_plan())
    accounts = remote_machine.until_accounts(lambda accounts: accounts.rings[0].head > 20)

    again = come_back(remote_scheduler)
    try:
        hello_of(again)
        remote_machine.scheduler = again
        ended = remote_machine.stop_run()
        asked_again = len(again.reports)
        again.give(stop=machine_pb2.Stop(run=RUN))
        told_again = again.until(lambda report: report.HasField("ended"), asked_again).ended
    finally:
        again.close()

    assert ended.rings[0].head >= accounts.rings[0].head
    assert told_again.accounts == ended
    assert not list_segments(f"rtmesh.{os.getuid()}.solo.{RUN}")


def test_a_killed_meshd_leaves_loops_that_the_next_one_ends(remote_machine, remote_scheduler, is_running):
    remote_machine.begin_run(make_plan())
    accounts = remote_machine.until_accounts(lambda accounts: accounts.nodes[1].service.process_id)
    processes = [process.process_id for node in accounts.nodes for process in (node.loop, node.service)]
    remote_machine.process.kill()
    remote_machine.process.communicate()
    assert all(map(is_running, processes))
    assert list_segments(f"rtmesh.{os.getuid()}.solo.{RUN}")

    start = len(remote_scheduler.reports)
    remote_machine.begin()

    assert list(hello_of(remote_scheduler, start).runs) == []
    assert not any(map(is_running, processes))
    assert not list_segments(f"rtmesh.{os.getuid()}.solo.{RUN}")


# a scheduler that says no


def run_meshd(folder, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "rtmesh.machine", "--dir", str(folder), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=30)


def test_a_name_that_is_taken_ends_meshd_with_the_reason(runtime_folder):
    message = "machine solo is joined already, from lab (process 7): give this one another name"
    with refusing_server(grpc.StatusCode.ALREADY_EXISTS, message) as address:
        refused = run_meshd(runtime_folder, "--machine", "solo", "--scheduler", address, "--insecure")

    assert refused.returncode == 1
    assert refused.stderr.splitlines()[-1] == f"meshd: {message}"
    assert "trying again for 6 s, as that one may have ended just now" in refused.stderr


def test_a_server_that_is_no_scheduler_ends_meshd_with_the_reason(runtime_folder):
    with refusing_server(grpc.StatusCode.UNIMPLEMENTED, "Method not found!") as address:
        refused = run_meshd(runtime_folder, "--machine", "solo", "--scheduler", address, "--insecure")

    assert refused.returncode == 1
    assert f"{address} is no scheduler" in refused.stderr.splitlines()[-1]
    assert "trying again" not in refused.stderr


def test_a_scheduler_that_is_not_there_is_waited_for_and_told_once(runtime_folder, remote_scheduler, until):
    address = remote_scheduler.address
    remote_scheduler.close()
    command = [sys.executable, "-m", "rtmesh.machine", "--dir", str(runtime_folder), "--insecure"]
    with (runtime_folder / "errors").open("w+") as errors:
        meshd = subprocess.Popen([*command, "--machine", "solo", "--scheduler", address], stderr=errors)
        try:
            until(
                lambda: "not joined; trying again until it works" in (runtime_folder / "errors").read_text()
            )
            again = type(remote_scheduler)(address)
            hello_of(again)
            again.close()
        finally:
            meshd.terminate()
            assert meshd.wait(30) == 0, (runtime_folder / "errors").read_text()[-1800:]
    told = (runtime_folder / "errors").read_text()
    assert told.count("nobody answers at") <= 2  # before, and when it had gone again


class Refusing(machine_pb2_grpc.MachinesServicer):
    """Answers Join with a status."""

    def __init__(self, code: grpc.StatusCode, details: str) -> None:
        self._status = code, details

    def Join(self, requests, context):
        next(requests)
        context.abort(*self._status)
        yield


@contextlib.contextmanager
def refusing_server(code: grpc.StatusCode, details: str) -> Iterator[str]:
    server = grpc.server(ThreadPoolExecutor(2))
    machine_pb2_grpc.add_MachinesServicer_to_server(Refusing(code, details), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(0).wait(10)
