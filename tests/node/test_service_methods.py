"""Parameters and methods: rpcs that the loop answers between two of its steps."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import grpc
import pytest
from served_node import WAIT_S, Client, FakeLoop, ServedNode

from rtmesh.common.errors import DeadlineExceededError, UnavailableError
from rtmesh.node.service_calls import LoopCalls
from rtmesh.node.service_pending import PendingCalls, Sight
from rtmesh.v1 import node_pb2, status_pb2

RUNNING, FAILED, ENDED = (
    status_pb2.NODE_STATE_RUNNING,
    status_pb2.NODE_STATE_FAILED,
    status_pb2.NODE_STATE_ENDED,
)


def calibrate(node: ServedNode, client: Client, name: str = "n") -> grpc.Future:
    return client.method("Calibrate", node.message("CalibrateRequest")(name=name), "CalibrateResponse")


def status_of(call: Any) -> tuple[str, str]:
    with pytest.raises(grpc.RpcError) as raised:
        call.result(WAIT_S)
    return raised.value.code().name, raised.value.details()


def test_a_method_is_answered_by_the_loop(node: ServedNode, client: Client, loop: FakeLoop) -> None:
    call = calibrate(node, client, "left")
    request = loop.take_request()

    assert request.method == "Calibrate"
    assert request.id >> 32 == node.process.pid
    assert node.message("CalibrateRequest").FromString(request.request).name == "left"
    loop.reply(request, response=node.message("CalibrateResponse")(error=0.25).SerializeToString())
    assert call.result(WAIT_S).error == 0.25


def test_configure_travels_the_same_way(node: ServedNode, client: Client, loop: FakeLoop) -> None:
    call = client.method("Configure", node.message("Parameters")(window=0), "Parameters")
    request = loop.take_request()

    assert request.method == "Configure"
    assert request.request == b"\x08\x00", "0 is a value"
    loop.reply(request, response=request.request)
    assert call.result(WAIT_S).HasField("window")


def test_answers_find_their_calls_in_any_order(node: ServedNode, client: Client, loop: FakeLoop) -> None:
    calls = {name: calibrate(node, client, name) for name in "abc"}
    requests = [loop.take_request() for _ in calls]

    for request in reversed(requests):
        name = node.message("CalibrateRequest").FromString(request.request).name
        response = node.message("CalibrateResponse")(error=ord(name))
        loop.reply(request, response=response.SerializeToString())

    assert {name: call.result(WAIT_S).error for name, call in calls.items()} == {"a": 97, "b": 98, "c": 99}


def test_a_refusal_has_the_code_and_the_words_of_the_loop(
    node: ServedNode, client: Client, loop: FakeLoop
) -> None:
    call = client.method("Configure", node.message("Parameters")(window=0), "Parameters")
    loop.reply(loop.take_request(), code=3, message="window is 0: choose at least 1")

    assert status_of(call) == ("INVALID_ARGUMENT", "window is 0: choose at least 1")


def test_a_call_under_way_fails_when_the_loop_fails(node: ServedNode, client: Client, loop: FakeLoop) -> None:
    call = calibrate(node, client)
    loop.take_request()
    loop.tell_state(FAILED, "ValueError: no weights")

    code, details = status_of(call)
    assert code == "UNAVAILABLE"
    assert details.startswith("node decoder has failed (ValueError: no weights): call again when it runs")


def test_a_call_under_way_fails_when_the_loop_is_killed(
    node: ServedNode, client: Client, loop: FakeLoop
) -> None:
    loop.tell_state(RUNNING)
    call = calibrate(node, client)
    loop.take_request()
    node.ring(node_events()).writer_died()

    assert status_of(call)[0] == "UNAVAILABLE"
    assert status_of(calibrate(node, client))[0] == "UNAVAILABLE"


def node_events() -> str:
    return "decoder@events"


def test_the_service_serves_the_next_life_of_its_loop(
    node: ServedNode, client: Client, loop: FakeLoop
) -> None:
    call = calibrate(node, client)
    request = loop.take_request()
    loop.close()
    second = FakeLoop(node)
    try:
        second.tell_state(RUNNING)
        assert status_of(call)[0] == "UNAVAILABLE"
        second.reply(request)  # nobody waits for it any more
        again = calibrate(node, client)
        second.reply(second.take_request())
        assert again.result(WAIT_S).error == 0
    finally:
        second.close()


def test_a_request_too_large_is_refused(node: ServedNode, client: Client, loop: FakeLoop) -> None:
    code, details = status_of(calibrate(node, client, "x" * 1_000_000))

    assert code == "INVALID_ARGUMENT"
    assert "Calibrate" in details


def test_a_request_and_a_response_as_large_as_may_be_travel_whole(
    node: ServedNode, client: Client, loop: FakeLoop
) -> None:
    name = "x" * 129_000
    call = calibrate(node, client, name)
    request = loop.take_request()

    assert node.message("CalibrateRequest").FromString(request.request).name == name
    # An unknown field, as a newer contract would have it: it comes through as it is.
    loop.reply(request, response=b"\x7a" + b"\xe8\xef\x07" + b"y" * 129_000)
    assert call.result(WAIT_S).ByteSize() > 129_000


def test_a_request_given_up_half_way_harms_no_other(own_node: ServedNode) -> None:
    own_node.end()  # this test takes the place of the service
    loop = FakeLoop(own_node)
    loop.tell_state(RUNNING)

    async def scenario() -> tuple[bytes, bytes]:
        calls = LoopCalls(own_node.config, time.monotonic_ns, lambda _: None, WAIT_S)
        try:
            given_up = asyncio.create_task(calls.call("Calibrate", b"x" * 100_000))
            async with asyncio.timeout(WAIT_S):
                while not own_node.ring("decoder@requests").snapshot().readers[0].is_holding:
                    await asyncio.sleep(0)
            given_up.cancel()
            next_call = asyncio.create_task(calls.call("Calibrate", b"next"))
            request = await asyncio.to_thread(loop.take_request)
            loop.reply(request, response=b"answer")
            return request.request, await next_call
        finally:
            calls.stop()
            await asyncio.to_thread(calls.close, WAIT_S)

    assert asyncio.run(scenario()) == (b"next", b"answer")
    loop.close()


def test_an_unknown_method_is_unimplemented(client: Client) -> None:
    call = client.channel.unary_unary("/served.v1.Decoder/Nothing").future(b"", timeout=WAIT_S)

    assert status_of(call)[0] == "UNIMPLEMENTED"


def test_a_loop_that_does_not_answer_is_not_awaited_for_ever(own_node: ServedNode) -> None:
    own_node.end()  # this test takes the place of the service
    loop = FakeLoop(own_node)
    loop.tell_state(RUNNING)

    async def scenario() -> None:
        calls = LoopCalls(own_node.config, time.monotonic_ns, lambda _: None, timeout_s=0.05)
        try:
            await calls.call("Calibrate", b"")
        finally:
            calls.stop()
            await asyncio.to_thread(calls.close, WAIT_S)

    with pytest.raises(DeadlineExceededError, match="node decoder did not answer Calibrate within"):
        asyncio.run(scenario())
    loop.close()


def heard(*told: tuple[int, node_pb2.NodeEvent] | Sight, asked_in: int = 1) -> list[Any]:
    """What two calls, begun while the ring showed life `asked_in`, get after these news."""

    async def scenario() -> list[Any]:
        calls = PendingCalls("decoder", process_id=0)
        answers = [calls.begin(Sight(asked_in, asked_in > 0, RUNNING))[1] for _ in range(2)]
        for news in told:
            calls.saw(news) if isinstance(news, Sight) else calls.heard(*news)
        return [answer.exception() or answer.result() if answer.done() else None for answer in answers]

    return asyncio.run(scenario())


def state(state: int) -> node_pb2.NodeEvent:
    return node_pb2.NodeEvent(state=node_pb2.NodeStateChange(state=state))


def test_only_the_call_with_its_id_is_answered() -> None:
    reply = node_pb2.NodeEvent(reply=node_pb2.NodeReply(id=2, response=b"two"))

    assert heard((1, reply), (1, reply)) == [None, b"two"]


def test_a_new_life_fails_what_the_old_one_was_asked() -> None:
    first, second = heard((1, state(RUNNING)), (2, state(RUNNING)))

    assert isinstance(first, UnavailableError)
    assert isinstance(second, UnavailableError)
    assert "was started again" in str(first)


def test_the_first_words_of_a_life_fail_nothing_that_it_was_asked() -> None:
    assert heard((1, state(RUNNING)), (2, state(RUNNING)), asked_in=2) == [None, None]
    assert heard(Sight(1, False, FAILED), asked_in=2) == [None, None], "a look of before is late"


def test_what_was_asked_before_the_first_life_waits_for_it() -> None:
    assert heard(Sight(0, False, 0), (1, state(RUNNING)), asked_in=0) == [None, None]
    assert "has failed" in str(heard((1, state(FAILED)), asked_in=0)[0])


def test_an_end_fails_what_waits() -> None:
    assert "has ended" in str(heard((1, state(ENDED)))[0])
    assert "is not running" in str(heard(Sight(1, False, RUNNING))[0])


def test_a_result_answers_nothing() -> None:
    result = node_pb2.NodeEvent(result=node_pb2.NodeResult(json="{}"))

    assert heard((1, result)) == [None, None]


def test_a_loop_that_has_ended_is_not_asked() -> None:
    calls = PendingCalls("decoder", process_id=0)
    calls.heard(1, state(ENDED))

    with pytest.raises(UnavailableError, match="node decoder is not running"):
        calls.begin(Sight(1, True, ENDED))
    with pytest.raises(UnavailableError, match="node decoder is not running"):
        calls.begin(Sight(2, False, RUNNING))
