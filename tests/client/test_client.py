"""What a client says when things are not as they should be. What it does otherwise: tests/scheduler."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from running import until
from scheduler_process import FakeMachine, SchedulerProcess, short_folder
from small_graphs import chain

from rtmesh.client import Client
from rtmesh.common.errors import (
    DeadlineExceededError,
    InvalidArgumentError,
    NotFoundError,
    RtmeshError,
    UnavailableError,
)
from rtmesh.v1 import scheduler_pb2, status_pb2


@pytest.fixture
def folder() -> Iterator[Path]:
    with short_folder() as folder:
        yield folder


@pytest.fixture
def client(folder: Path) -> Iterator[Client]:
    with SchedulerProcess(folder) as scheduler, Client(scheduler.address) as client:
        yield client


@pytest.mark.parametrize(
    "call",
    [
        lambda client: client.apply(chain("cursor", "pointer")),
        lambda client: client.stop("cursor"),
        lambda client: client.delete("cursor"),
        lambda client: client.get("cursor"),
        lambda client: client.list(),
        lambda client: client.machines(),
        lambda client: next(client.watch("cursor")),
        lambda client: client.definition("cursor"),
        lambda client: next(client.read_log("cursor", "pointer")),
        lambda client: client.wait_ready(0.05),
    ],
)
def test_an_address_where_nobody_answers_is_named_with_a_remedy(
    folder: Path, call: Callable[[Client], object]
) -> None:
    with Client(f"unix:{folder}/nobody.sock") as client, pytest.raises(UnavailableError) as raised:
        call(client)

    assert f"unix:{folder}/nobody.sock" in raised.value.message
    assert raised.value.remedy == "check that it runs and that the address is right"


@pytest.mark.parametrize("call", [lambda client: client.list(), lambda client: next(client.watch("cursor"))])
def test_a_port_where_nobody_listens_is_told_at_once(call: Callable[[Client], object]) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))  # and does not listen
        address = f"127.0.0.1:{bound.getsockname()[1]}"
        with Client(address) as client, pytest.raises(UnavailableError) as raised:
            call(client)

    assert raised.value.message == f"nobody answers at {address} (Connection refused)"
    assert raised.value.remedy == "check that it runs and that the address is right"


@pytest.mark.parametrize("call", [lambda client: client.list(), lambda client: next(client.watch("cursor"))])
def test_a_network_that_drops_everything_is_given_up_after_seconds(call: Callable[[Client], object]) -> None:
    with socket.socket() as full, socket.socket() as first, socket.socket() as second:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for dialling in (first, second):  # nobody accepts: the kernel drops whatever comes after these
            dialling.setblocking(False)
            dialling.connect_ex(full.getsockname())
        address = f"127.0.0.1:{full.getsockname()[1]}"
        began_s = time.monotonic()
        with Client(address) as client, pytest.raises(UnavailableError, match=f"nobody answers at {address}"):
            call(client)

    assert time.monotonic() - began_s < 8


def test_one_that_accepts_and_does_not_answer_is_not_waited_for_without_end() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        with Client(address, timeout_s=0.05) as client, pytest.raises(RtmeshError) as raised:
            client.list()

    assert isinstance(raised.value, (DeadlineExceededError, UnavailableError))
    assert address in str(raised.value)


@pytest.mark.parametrize(
    "call",
    [
        lambda client: client.stop("cursor"),
        lambda client: client.delete("cursor"),
        lambda client: client.get("cursor"),
        lambda client: client.definition("cursor"),
        lambda client: next(client.watch("cursor")),
        lambda client: next(client.read_log("cursor", "pointer")),
    ],
)
def test_a_graph_that_is_not_there_is_named(client: Client, call: Callable[[Client], object]) -> None:
    with pytest.raises(NotFoundError, match="there is no graph cursor: none was applied yet"):
        call(client)


def test_what_a_scheduler_says_is_not_taken_for_its_absence(client: Client) -> None:
    """UNAVAILABLE is also what it says of a machine."""
    with FakeMachine(client.address, "brand") as brand:
        client.apply(chain("cursor", "pointer@brand"))
        until(lambda: client.get("cursor").phase == status_pb2.GRAPH_PHASE_RUNNING, 30, "the graph to run")
        brand.cut()
        until(lambda: not client.machines()[0].connected, 30, "the loss to be seen")

        with pytest.raises(UnavailableError) as raised:
            next(client.read_log("cursor", "pointer"))

    assert str(raised.value) == (
        "machine brand, which carries cursor/pointer, is not connected: "
        "start `meshd --machine brand` there, or try again when it is back"
    )


def test_a_definition_is_the_graph_as_it_was_applied(client: Client) -> None:
    graph = chain("cursor", "pointer@brand", "decoder@gpc")
    graph.source = "name: cursor"
    graph.files.add(path="nodes.py", sha256=bytes(32))
    client.apply(graph)

    assert client.definition("cursor") == graph


def test_every_problem_of_a_graph_is_told(client: Client) -> None:
    graph = chain("cursor", "pointer", "Decoder")
    graph.edges[0].queue = 0

    with pytest.raises(InvalidArgumentError) as raised:
        client.apply(graph)

    assert str(raised.value).splitlines() == [
        "nodes.Decoder: 'Decoder' cannot name a node; use up to 40 of a-z 0-9 _, a letter first",
        "nodes.Decoder.inputs.in: pointer.out -> Decoder.in has queue 0; give a queue of at least 1",
    ]


def test_a_client_waits_for_a_scheduler_that_is_not_there_yet(folder: Path) -> None:
    scheduler = SchedulerProcess(folder)
    with Client(scheduler.address) as client:
        waiting = threading.Thread(target=client.wait_ready, args=(30,))
        waiting.start()
        with scheduler:
            waiting.join(30)

            assert not waiting.is_alive()
            assert client.list() == []


def test_a_client_is_of_use_again_after_it_was_closed(client: Client) -> None:
    client.apply(chain("cursor", "pointer@brand"))
    client.close()

    assert client.get("cursor").phase == status_pb2.GRAPH_PHASE_PENDING


def test_closing_a_client_ends_its_watches(client: Client) -> None:
    client.apply(chain("cursor", "pointer@brand"))
    watch = client.watch("cursor")
    next(watch)

    client.close()

    with pytest.raises(RtmeshError):
        next(watch)


def test_the_same_graph_again_is_unchanged(client: Client) -> None:
    graph = chain("cursor", "pointer@brand")
    first = client.apply(graph)

    again = client.apply(graph)

    assert again.run == first.run
    assert again.outcome == scheduler_pb2.APPLY_OUTCOME_UNCHANGED


def test_importing_the_client_loads_nothing_heavy() -> None:
    code = (
        "import sys, rtmesh.client; print(sorted({'grpc', 'google.protobuf', 'asyncio'} & set(sys.modules)))"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )

    assert done.stdout.strip() == "[]"
