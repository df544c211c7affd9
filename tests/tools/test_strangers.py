"""Clients from outside that behave badly harm nobody: the graph's accounts stay exact."""

from __future__ import annotations

import json
import queue
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import grpc
import pytest
from running import until
from stock_tools import WAIT_S, Nodes, PlainStubs, ToolError, channel_to

COUNTER, SUMMER = "count.v1.Counter", "count.v1.Summer"
FAILED_PRECONDITION = 9


@contextmanager
def reader(nodes: Nodes, plain_stubs: PlainStubs) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A process that reads the counter's numbers without end, once it has got one: that number."""
    command = plain_stubs.command(nodes.socket("counter"), COUNTER, "Numbers")
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdin and process.stdout
        process.stdin.write(json.dumps({"messages": 10**9}) + "\n")
        process.stdin.flush()
        try:
            yield process, int(json.loads(process.stdout.readline())["value"])
        finally:
            process.kill()


def newest(nodes: Nodes, plain_stubs: PlainStubs) -> int:
    """The number that the counter sends now, as a client of its own sees it."""
    (message,) = plain_stubs.call(nodes.socket("counter"), COUNTER, "Numbers", {"messages": 1})
    return int(message["value"])


def stop_and_check(nodes: Nodes) -> int:
    """Stop the graph; every number has come to the summer. How many those are."""
    nodes.running.stop()
    assert nodes.running.wait() == 0, nodes.running.err
    summary, edge = nodes.running.summary, nodes.running.edge("summer.numbers")
    assert edge["exact"] and edge["in_flight"] == 0 and not any(edge["dropped"].values())
    summed = summary["nodes"]["summer"]["result"]
    assert edge["sent"] == edge["delivered"] == summed["received"]
    assert summed["total"] == edge["sent"] * (edge["sent"] + 1) // 2
    return int(edge["sent"])


@pytest.mark.parametrize("end", [signal.SIGSTOP, signal.SIGKILL])
def test_a_reader_that_stops_reading_or_dies_harms_nobody(
    own_nodes: Nodes, plain_stubs: PlainStubs, end: signal.Signals
) -> None:
    with reader(own_nodes, plain_stubs) as (process, first):
        process.send_signal(end)

        # Far more than the service keeps for a reader, and the socket holds.
        until(lambda: newest(own_nodes, plain_stubs) > first + 6000, 60, "6000 numbers more")

        assert stop_and_check(own_nodes) > first + 6000


def test_readers_without_credit_harm_nobody(own_nodes: Nodes, plain_stubs: PlainStubs) -> None:
    with channel_to(own_nodes.socket("counter")) as channel:
        silent: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        calls = [channel.stream_stream(f"/{COUNTER}/Numbers")(iter(silent.get, None)) for _ in range(8)]
        for call in calls:
            call.initial_metadata()  # the service reads the output for it
        first = newest(own_nodes, plain_stubs)
        until(lambda: newest(own_nodes, plain_stubs) > first + 3000, 60, "3000 numbers more")

        sent = stop_and_check(own_nodes)
        for _ in calls:
            silent.put(None)
    assert sent > first + 3000


@contextmanager
def feeding(nodes: Nodes) -> Iterator[grpc.Call]:
    """A client that feeds adder's free input and stays."""
    requests: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
    with channel_to(nodes.socket("adder")) as channel:
        call = channel.stream_stream(f"/{SUMMER}/Numbers")(iter(requests.get, None), timeout=WAIT_S)
        next(call)  # the first credit: the input is this client's
        yield call
        requests.put(None)
        list(call)


def test_only_one_client_feeds_an_input_at_a_time(nodes: Nodes, plain_stubs: PlainStubs) -> None:
    socket = nodes.socket("adder")

    with feeding(nodes), pytest.raises(ToolError) as refused:
        plain_stubs.call(socket, SUMMER, "Numbers", {"value": "1"})
    fed = plain_stubs.call(socket, SUMMER, "Numbers", {"value": "1"})

    assert refused.value.code == FAILED_PRECONDITION
    assert "adder.numbers is fed by another client" in refused.value.text
    assert fed, "the input is free again"


def test_what_a_client_sends_is_counted_by_the_node_that_gets_it(
    own_nodes: Nodes, plain_stubs: PlainStubs
) -> None:
    numbers = [{"value": str(value), "header": {"sequence": "99", "epoch": 7}} for value in range(1, 501)]
    for _ in range(3):
        plain_stubs.call(own_nodes.socket("adder"), SUMMER, "Numbers", *numbers)

    stop_and_check(own_nodes)

    added = own_nodes.running.summary["nodes"]["adder"]["result"]
    assert added == {"received": 1500, "total": 3 * 125250}
