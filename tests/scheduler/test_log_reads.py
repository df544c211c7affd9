"""Logs that users read through the scheduler, from whatever machine carries the node."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from queue import Queue

import pytest
from running import until
from scheduler_process import FakeMachine, Order, Report, SchedulerProcess, all_goes_well, short_folder
from small_graphs import chain

from rtmesh.client import Client
from rtmesh.common.errors import NotFoundError, ResourceExhaustedError, UnavailableError
from rtmesh.scheduler import log_reads
from rtmesh.scheduler.log_reads import MOST_WAITING_BYTES, LogReads
from rtmesh.v1 import machine_pb2, scheduler_pb2, status_pb2

GRAPH = chain("cursor", "pointer@brand", "decoder@gpc")
Chunk = machine_pb2.LogChunk
PIECE = bytes(64 * 1024)


@pytest.fixture
def folder() -> Iterator[Path]:
    with short_folder() as folder:
        yield folder


@pytest.fixture
def scheduler(folder: Path) -> Iterator[SchedulerProcess]:
    with SchedulerProcess(folder) as scheduler:
        yield scheduler


@pytest.fixture
def client(scheduler: SchedulerProcess) -> Iterator[Client]:
    with Client(scheduler.address, timeout_s=30) as client:
        yield client


@pytest.fixture
def joined() -> Iterator[ExitStack]:
    with ExitStack() as joined:
        yield joined


def answering(chunks: Callable[[machine_pb2.ReadLog], list[Chunk]]) -> Callable[..., list[Report]]:
    """A machine on which all goes well, and whose logs are as given."""

    def answers(machine: FakeMachine, order: Order) -> list[Report]:
        if order.HasField("read_log"):
            return [Report(log=chunk) for chunk in chunks(order.read_log)]
        return all_goes_well(machine, order)

    return answers


def run_cursor(
    client: Client, scheduler: SchedulerProcess, joined: ExitStack, **answers: object
) -> FakeMachine:
    """Run GRAPH; the machine of its node `decoder`."""
    joined.enter_context(FakeMachine(scheduler.address, "brand"))
    gpc = joined.enter_context(FakeMachine(scheduler.address, "gpc", **answers))  # type: ignore[arg-type]
    client.apply(GRAPH)
    until(lambda: client.get("cursor").phase == status_pb2.GRAPH_PHASE_RUNNING, 30, "the graph to run")
    return gpc


def test_a_log_comes_from_the_machine_that_carries_the_node(
    scheduler: SchedulerProcess, client: Client, joined: ExitStack
) -> None:
    asked: Queue[machine_pb2.ReadLog] = Queue()

    def chunks(order: machine_pb2.ReadLog) -> list[Chunk]:
        asked.put(order)
        return [Chunk(id=order.id, text=b"one\n"), Chunk(id=order.id, text=b"two\n", end=True)]

    run_cursor(client, scheduler, joined, answers=answering(chunks))

    texts = list(client.read_log("cursor", "decoder", previous=True, follow=True, last_lines=7))

    order = asked.get(timeout=30)
    assert b"".join(texts) == b"one\ntwo\n"
    assert (order.run, order.node) == (client.get("cursor").run, "decoder")
    assert (order.previous, order.follow, order.last_lines) == (True, True, 7)


def test_a_log_that_cannot_be_read_is_told_with_what_the_machine_says(
    scheduler: SchedulerProcess, client: Client, joined: ExitStack
) -> None:
    error = "decoder has no life before this one: leave --previous out"
    answers = answering(lambda order: [Chunk(id=order.id, end=True, error=error)])
    run_cursor(client, scheduler, joined, answers=answers)

    with pytest.raises(NotFoundError, match="has no life before this one: leave --previous out"):
        list(client.read_log("cursor", "decoder", previous=True))


def test_a_large_log_is_read_whole_by_one_who_reads(
    scheduler: SchedulerProcess, client: Client, joined: ExitStack
) -> None:
    """Its machine sends it as fast as it can; nobody counts it slow for that."""
    pieces = 320

    def chunks(order: machine_pb2.ReadLog) -> list[Chunk]:
        return [Chunk(id=order.id, text=PIECE, end=number == pieces) for number in range(1, pieces + 1)]

    run_cursor(client, scheduler, joined, answers=answering(chunks))

    assert sum(map(len, client.read_log("cursor", "decoder"))) == pieces * len(PIECE)


def test_one_who_does_not_read_loses_the_read_and_holds_nobody(
    scheduler: SchedulerProcess, client: Client, joined: ExitStack
) -> None:
    answers = answering(lambda order: [Chunk(id=order.id, text=b"one\n")])
    gpc = run_cursor(client, scheduler, joined, answers=answers)
    with Client(scheduler.address) as slow:
        reading = slow.read_log("cursor", "decoder", follow=True)
        next(reading)
        order = gpc.wait_for("read_log").read_log
        for _ in range(500):
            gpc.report(Report(log=Chunk(id=order.id, text=PIECE)))
        gpc.report(Report(link=machine_pb2.LinkReport(run=order.run, edge="pointer.out -> decoder.in")))

        assert gpc.wait_for("cancel_log").cancel_log.id == order.id
        until(lambda: not client.get("cursor").edges[0].connected, 30, "the report behind the log")
        with pytest.raises(ResourceExhaustedError, match="the log of cursor/decoder comes faster than it is"):
            list(reading)


def test_one_who_goes_is_read_for_no_more(
    scheduler: SchedulerProcess, client: Client, joined: ExitStack
) -> None:
    answers = answering(lambda order: [Chunk(id=order.id, text=b"one\n")])
    gpc = run_cursor(client, scheduler, joined, answers=answers)
    reading = client.read_log("cursor", "decoder", follow=True)

    first = next(reading)
    order = gpc.wait_for("read_log").read_log
    reading.close()

    assert first == b"one\n"
    assert gpc.wait_for("cancel_log").cancel_log.id == order.id


def test_a_machine_that_goes_ends_the_reading_of_its_logs(
    scheduler: SchedulerProcess, client: Client, joined: ExitStack
) -> None:
    answers = answering(lambda order: [Chunk(id=order.id, text=b"one\n")])
    gpc = run_cursor(client, scheduler, joined, answers=answers)
    reading = client.read_log("cursor", "decoder", follow=True)
    next(reading)

    gpc.cut()

    with pytest.raises(
        UnavailableError, match="machine gpc was lost while its log was read: read the log again"
    ):
        next(reading)
    with pytest.raises(UnavailableError, match="machine gpc, which carries cursor/decoder, is not connected"):
        list(client.read_log("cursor", "decoder"))


def test_what_cannot_be_read_is_named(client: Client, scheduler: SchedulerProcess, joined: ExitStack) -> None:
    client.apply(GRAPH)

    with pytest.raises(NotFoundError, match="there is no graph curser"):
        list(client.read_log("curser", "decoder"))
    with pytest.raises(NotFoundError, match=r"graph cursor has no node decodr: did you mean decoder\?"):
        list(client.read_log("cursor", "decodr"))
    with pytest.raises(NotFoundError, match="node decoder of graph cursor has not run yet: waiting for"):
        list(client.read_log("cursor", "decoder"))


def test_a_chunk_of_another_machine_or_of_no_read_is_ignored() -> None:
    sent: list[Order] = []

    async def story() -> list[bytes]:
        reads = LogReads()
        read = reads.open(scheduler_pb2.ReadLogRequest(graph="g", node="n"), "brand", "1-aaaa", sent.append)
        number = sent[0].read_log.id
        await reads.take("gpc", Chunk(id=number, text=b"not mine"))
        await reads.take("brand", Chunk(id=number + 1, text=b"whose?"))
        await reads.take("brand", Chunk(id=number, text=b"mine", end=True))
        await reads.take("brand", Chunk(id=number, text=b"too late"))
        texts = [text async for text in read.texts()]
        read.close()
        return texts

    assert asyncio.run(story()) == [b"mine"]
    assert len(sent) == 1  # nothing is cancelled that has ended


def test_what_waits_for_a_reader_is_bounded() -> None:
    sent: list[Order] = []

    async def story() -> None:
        reads = LogReads()
        read = reads.open(scheduler_pb2.ReadLogRequest(graph="g", node="n"), "brand", "1-aaaa", sent.append)
        chunk = Chunk(id=sent[0].read_log.id, text=bytes(MOST_WAITING_BYTES // 2))
        for _ in range(2):
            await reads.take("brand", chunk)
        assert len(sent) == 1
        await reads.take("brand", chunk)
        async for _ in read.texts():
            raise AssertionError("what waited was let go")

    with pytest.raises(ResourceExhaustedError):
        asyncio.run(story())
    assert sent[-1].HasField("cancel_log")


def test_the_stream_waits_for_a_reader_that_reads_and_for_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_reads, "PIECE_PATIENCE_S", 0.0)
    sent: list[Order] = []

    async def story() -> int:
        reads = LogReads()
        read = reads.open(scheduler_pb2.ReadLogRequest(graph="g", node="n"), "brand", "1-aaaa", sent.append)
        chunk = Chunk(id=sent[0].read_log.id, text=PIECE)
        taken = 0
        while not sent[1:]:
            await reads.take("brand", chunk)
            taken += 1
        read.close()
        return taken

    assert asyncio.run(story()) == MOST_WAITING_BYTES // len(PIECE) + 1
