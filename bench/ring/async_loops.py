"""The loops of loops.py for a system that lives in an event loop: the same, with await."""

from __future__ import annotations

import asyncio

from bench.ring.cases import Case, Kind
from bench.ring.endpoint import AsyncEndpoint
from bench.ring.outcome import Outcome
from bench.ring.tally import (
    AT_ONCE,
    LAST,
    NUMBERS,
    QUIET_S,
    Ages,
    Count,
    Pace,
    RoundTrips,
    Sending,
    last_message,
    now,
    stamp,
)


async def send_case(endpoint: AsyncEndpoint, case: Case, seconds: float) -> Outcome:
    """The sender's part, with the message that ends it."""
    parts = {Kind.ROUND_TRIP: send_round_trips, Kind.PACED: send_paced}
    outcome = await parts.get(case.kind, send_saturated)(endpoint, case, seconds)
    await endpoint.send(last_message())
    return outcome


async def receive_case(endpoint: AsyncEndpoint, case: Case) -> Outcome:
    """The receiver's part."""
    parts = {Kind.ROUND_TRIP: reply, Kind.PACED: receive_paced}
    return await parts.get(case.kind, receive_saturated)(endpoint, case)


async def send_round_trips(endpoint: AsyncEndpoint, case: Case, seconds: float) -> Outcome:
    trips = RoundTrips(case, seconds)
    while not trips.are_over:
        trips.note(*await _round_trip(endpoint, trips.next_message()))
    return trips.outcome()


async def _round_trip(endpoint: AsyncEndpoint, message: memoryview) -> tuple[int, int | None]:
    receive, number = endpoint.receive, message[0]
    started = now()
    await endpoint.send(message)
    while (answer := await receive()) is not None and answer[0] != number:
        pass
    if answer is None:
        return started, None
    _ = answer[-1]
    return started, now()


async def reply(endpoint: AsyncEndpoint, case: Case) -> Outcome:
    received = 0
    while (message := await endpoint.receive()) is not None and message[0] != LAST:
        _ = message[-1]
        await endpoint.send(message)
        received += 1
    return Outcome(received=received)


async def send_paced(endpoint: AsyncEndpoint, case: Case, seconds: float) -> Outcome:
    pace = Pace(case, seconds)
    for message, left_s in pace:
        if left_s > 0:
            await asyncio.sleep(left_s)
        stamp(message)
        await endpoint.send(message)
    outcome = pace.outcome()
    await asyncio.sleep(QUIET_S)
    return outcome


async def receive_paced(endpoint: AsyncEndpoint, case: Case) -> Outcome:
    message = await endpoint.receive()
    ages = Ages(case)
    while message is not None and message[0] != LAST:
        ages.note(now(), message)
        message = await endpoint.receive()
    return ages.outcome()


async def send_saturated(endpoint: AsyncEndpoint, case: Case, seconds: float) -> Outcome:
    send, sending = endpoint.send, Sending(case)
    message, sent = sending.message, 0
    for _ in range(case.warm_up):
        await send(message)
    deadline = sending.begin(seconds)
    while now() < deadline:
        for _ in range(AT_ONCE):
            message[0] = sent % NUMBERS
            await send(message)
            sent += 1
    return sending.outcome(sent)


async def receive_saturated(endpoint: AsyncEndpoint, case: Case) -> Outcome:
    receive, count = endpoint.receive, Count(case)
    for received in range(case.warm_up):
        message = await receive()
        if message is None or message[0] == LAST:
            return Outcome(received=received)
    count.begin()
    received, ended = 0, 0
    while (message := await receive()) is not None and message[0] != LAST:
        _ = message[-1]
        received += 1
        ended = now()
    return count.outcome(received, ended)
