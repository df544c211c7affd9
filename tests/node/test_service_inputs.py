"""Inputs fed by plain clients of the node's own service."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import islice
from typing import Any

import grpc
import numpy as np
import pytest
from running import until
from served_node import INPUT_QUEUE, SLOT_BYTES, WAIT_S, Client, PortStream, ServedNode, taken

from rtmesh.common.origins import origin_id
from rtmesh.common.tensors import to_tensor
from rtmesh.node.message import Message, MessageType
from rtmesh.shm import Reader


@pytest.fixture
def reader(node: ServedNode) -> Iterator[Reader]:
    """The loop's side of input `bins`."""
    reader = Reader(node.segments["decoder.bins"], 0)
    yield reader
    drain(reader)
    reader.close()


def drain(reader: Reader) -> None:
    """Nothing of this test is left for the next."""
    while reader.try_take(time.monotonic_ns()) is not None:
        reader.release()


def accepted(client: Client) -> PortStream | None:
    """A client of `bins` that got its first credit; None if it was refused."""
    stream = client.input("Bins")
    try:
        stream.take(1)
    except grpc.RpcError:
        return None
    return stream


def spikes(node: ServedNode, label: str, **fields: Any) -> Any:
    return node.message("BinnedSpikes")(label=label, **fields)


def read(node: ServedNode, reader: Reader, count: int) -> list[Message]:
    message_type = MessageType(node.message("BinnedSpikes").DESCRIPTOR)
    return [message_type.decode(data) for data in islice(taken(reader), count)]


def test_messages_of_a_client_reach_the_loop_with_a_header_of_ours(
    node: ServedNode, client: Client, reader: Reader
) -> None:
    tensor = to_tensor(np.arange(4, dtype=np.uint16)).SerializeToString()
    forged = spikes(node, "first", header={"sequence": 99, "epoch": 77, "origin": 5})
    forged.counts.MergeFromString(tensor)
    stream = client.input("Bins")
    stream.send(forged, spikes(node, "second"))

    first, second = read(node, reader, 2)

    assert (first.label, first.counts.tolist(), second.label) == ("first", [0, 1, 2, 3], "second")
    assert [message.header.sequence for message in (first, second)] == [1, 2]
    assert first.header.origin == first.header.origin == origin_id("cursor", "decoder", "bins")
    assert first.header.epoch == first.header.origin_epoch != 77
    assert first.header.publish_time_ns == first.header.origin_time_ns > 0
    assert second.header.origin_sequence == 2
    stream.half_close()
    assert stream.error() == ("OK", "")


def test_credit_is_granted_as_the_ring_takes(node: ServedNode, client: Client, reader: Reader) -> None:
    stream = client.input("Bins")
    granted = stream.take(1)[0].messages
    assert granted == INPUT_QUEUE

    sent = 0
    for _ in range(20):
        stream.send(*[spikes(node, str(sent + number)) for number in range(granted)])
        sent += granted
        read(node, reader, granted)
        granted = stream.take(1)[0].messages
    stream.half_close()

    assert granted + sum(credit.messages for credit in stream.rest()) >= 1


def test_a_full_ring_holds_the_client_and_loses_nothing(
    node: ServedNode, client: Client, reader: Reader
) -> None:
    stream = client.input("Bins")
    stream.send(*[spikes(node, str(number)) for number in range(100)])
    stream.half_close()

    labels = [message.label for message in read(node, reader, 100)]

    assert labels == [str(number) for number in range(100)]
    assert sum(credit.messages for credit in stream.rest()) == INPUT_QUEUE + 100


def test_a_second_client_is_refused_until_the_first_has_gone(
    node: ServedNode, client: Client, reader: Reader
) -> None:
    first = client.input("Bins")
    first.take(1)

    code, details = client.input("Bins").error()

    assert code == "FAILED_PRECONDITION"
    assert details == "input decoder.bins is fed by another client: one at a time: end that client first"
    first.half_close()
    assert first.error() == ("OK", "")
    third = client.input("Bins")
    assert third.take(1)[0].messages == INPUT_QUEUE
    third.half_close()
    assert third.error() == ("OK", "")


def test_the_next_client_goes_on_with_another_epoch(node: ServedNode, client: Client, reader: Reader) -> None:
    epochs = []
    for _ in range(2):
        stream = client.input("Bins")
        stream.send(spikes(node, "once"))
        epochs.append(read(node, reader, 1)[0].header.epoch)
        stream.half_close()
        assert stream.error() == ("OK", "")

    assert epochs[1] == epochs[0] + 1


def test_a_client_that_vanishes_leaves_the_input_to_the_next(
    node: ServedNode, client: Client, reader: Reader
) -> None:
    stream = client.input("Bins")
    stream.send(*[spikes(node, str(number)) for number in range(INPUT_QUEUE + 3)])
    assert read(node, reader, 1)[0].label == "0"
    stream.cancel()

    after = until(lambda: accepted(client), WAIT_S, "the input to be free")
    after.half_close()
    assert after.error() == ("OK", "")


def test_an_input_that_an_edge_feeds_is_refused_naming_the_edge(client: Client) -> None:
    code, details = client.input("Target", "CursorVelocity").error()

    assert code == "FAILED_PRECONDITION"
    assert "input decoder.target is fed by pointer.target -> decoder.target" in details


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"\x0a\x05ab", "truncated"),
        (b"\x1a\x01\xff", "malformed served.v1.BinnedSpikes"),
        (b"\x12\x05\x08\x0b\x12\x01\x03", r"served.v1.BinnedSpikes.counts: shape (3,) of float32"),
    ],
    ids=["cut off", "no text", "no tensor"],
)
def test_what_would_fail_in_the_loop_is_refused_at_the_door(
    client: Client, reader: Reader, data: bytes, text: str
) -> None:
    raw = client.channel.stream_stream("/served.v1.Decoder/Bins")
    call = raw(iter([data]), timeout=WAIT_S)

    with pytest.raises(Exception, match="INVALID_ARGUMENT") as raised:
        list(call)
    assert "input decoder.bins: " in raised.value.details()
    assert text in raised.value.details()
    assert reader.available() == 0


def test_a_message_too_large_is_refused_naming_both_sizes(
    node: ServedNode, client: Client, reader: Reader
) -> None:
    stream = client.input("Bins")
    stream.send(spikes(node, "x" * 2 * SLOT_BYTES))

    code, details = stream.error()

    assert code == "RESOURCE_EXHAUSTED"
    assert str(SLOT_BYTES) in details
