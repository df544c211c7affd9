"""Outputs read by plain clients of the node's own service."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import pytest
from running import until
from served_node import WAIT_S, Client, ServedNode

from rtmesh.node.service_taps import QUEUE, Subscription
from rtmesh.shm import Reader, ReaderState, Writer
from rtmesh.v1.stream_pb2 import Credit


@pytest.fixture
def writer(node: ServedNode) -> Iterator[Writer]:
    writer = Writer(node.segments["decoder.velocity"])
    yield writer
    writer.close()


def publish(node: ServedNode, writer: Writer, sequences: range) -> None:
    for sequence in sequences:
        assert writer.try_publish(node.velocity(sequence), time.monotonic_ns())


def sequences(messages: list) -> list[int]:
    return [message.header.sequence for message in messages]


def attached(node: ServedNode, ring: str) -> int:
    return sum(reader.state == ReaderState.ATTACHED for reader in node.ring(ring).snapshot().readers)


def test_a_client_gets_as_many_messages_as_it_grants(
    node: ServedNode, client: Client, writer: Writer
) -> None:
    stream = client.output("Velocity")
    stream.send(Credit(messages=2), Credit(messages=1))
    publish(node, writer, range(1, 11))

    assert sequences(stream.take(3)) == [1, 2, 3]
    stream.send(Credit(messages=2))
    assert [message.vx for message in stream.take(2)] == [2.0, 2.5]


def test_after_a_half_close_the_granted_rest_is_served_and_the_rpc_ends(
    node: ServedNode, client: Client, writer: Writer
) -> None:
    stream = client.output("Velocity")
    stream.send(Credit(messages=4))
    stream.half_close()
    publish(node, writer, range(1, 3))
    first = stream.take(2)
    publish(node, writer, range(3, 9))

    assert sequences(first + stream.rest()) == [1, 2, 3, 4]
    assert stream.call.code().name == "OK"


def test_a_client_that_grants_nothing_and_half_closes_gets_nothing(client: Client) -> None:
    stream = client.output("Velocity")
    stream.half_close()

    assert stream.rest() == []


def test_messages_come_as_they_lie_in_the_ring(node: ServedNode, client: Client, writer: Writer) -> None:
    raw = client.channel.stream_stream("/served.v1.Decoder/Velocity")
    call = raw(iter([Credit(messages=1).SerializeToString()]), timeout=WAIT_S)
    call.initial_metadata()
    publish(node, writer, range(7, 8))

    assert list(call) == [node.velocity(7)]


def test_a_stream_that_has_ended_ends_its_rpc_after_what_is_left(node: ServedNode, client: Client) -> None:
    stream = client.output("Summary")
    writer = Writer(node.segments["decoder.summary"])
    publish(node, writer, range(1, 4))
    writer.end()
    writer.close()
    stream.send(Credit(messages=100))

    assert sequences(stream.rest()) == [1, 2, 3]
    late = client.output("Summary")
    late.send(Credit(messages=100))
    assert late.rest() == []


def test_clients_share_one_reader_of_the_ring_and_the_last_one_frees_it(
    node: ServedNode, client: Client, writer: Writer
) -> None:
    until(lambda: attached(node, "decoder.velocity") == 0, WAIT_S, "earlier taps to leave")
    streams = [client.output("Velocity") for _ in range(3)]
    for stream in streams:
        stream.send(Credit(messages=5))
    publish(node, writer, range(1, 6))

    assert [sequences(stream.take(5)) for stream in streams] == [[1, 2, 3, 4, 5]] * 3
    assert attached(node, "decoder.velocity") == 1
    for stream in streams:
        stream.cancel()
    until(lambda: attached(node, "decoder.velocity") == 0, WAIT_S, "the tap to leave")


def test_a_client_that_takes_nothing_never_slows_the_ring(
    node: ServedNode, client: Client, writer: Writer
) -> None:
    stream = client.output("Velocity")
    publish(node, writer, range(1, 5001))

    stream.send(Credit(messages=1))
    (message,) = stream.take(1)
    assert 1 <= message.header.sequence <= 5000


def test_a_client_keeps_the_1024_newest() -> None:
    async def scenario() -> tuple[list[bytes | None], bytes | None]:
        subscription = Subscription()
        subscription.put([b"%d" % number for number in range(3000)])
        subscription.grant(5000)
        kept = [await subscription.next() for _ in range(QUEUE)]
        subscription.end()
        return kept, await subscription.next()

    kept, after = asyncio.run(scenario())

    assert kept == [b"%d" % number for number in range(3000 - QUEUE, 3000)]
    assert after is None


def test_without_a_spare_reader_the_client_is_told_what_to_do(node: ServedNode, client: Client) -> None:
    until(lambda: attached(node, "decoder.velocity") == 0, WAIT_S, "earlier taps to leave")
    taps = [Reader.tap(node.segments["decoder.velocity"]) for _ in range(4)]
    try:
        code, details = client.output("Velocity").error()
    finally:
        for tap in taps:
            tap.leave()
            tap.close()

    assert code == "RESOURCE_EXHAUSTED"
    assert "output decoder.velocity has no place for another reader" in details
    assert "end a program that taps it" in details


def test_what_is_no_credit_is_refused(client: Client) -> None:
    raw = client.channel.stream_stream("/served.v1.Decoder/Velocity")
    call = raw(iter([b"\x08"]), timeout=WAIT_S)

    with pytest.raises(Exception, match=r"not a rtmesh\.v1\.Credit") as raised:
        next(call)
    assert raised.value.code().name == "INVALID_ARGUMENT"
