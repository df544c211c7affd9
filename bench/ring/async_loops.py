"""The loops of loops.py for a system that lives in an event loop: the same, with await."""

from __future__ import annotations

import asyncio

from bench.ring.cases import Case, Kind
from bench.ring.endpoint import AsyncEndpoint
from bench.ring.loops import (
    LAST,
    MOST_LOST_IN_A_ROW,
    NUMBERS,
    PERIOD_NS,
    TIME,
    TIME_AT,
    case_count,
    last_message,
    new_message,
    now,
    paced_warm_up,
    spread_of,
)
from bench.ring.outcome import Outcome, ProcessorTime


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
    send, receive = endpoint.send, endpoint.receive
    message = new_message(case.size)
    times: list[int] = []
    lost = lost_in_a_row = sent = 0
    deadline = 0
    while lost_in_a_row < MOST_LOST_IN_A_ROW:
        number = sent % NUMBERS
        message[0] = number
        started = now()
        await send(message)
        answer = await receive()
        while answer is not None and answer[0] != number:
            answer = await receive()
        if answer is None:
            lost, lost_in_a_row, sent = lost + 1, lost_in_a_row + 1, sent + 1
            continue
        _ = answer[-1]
        ended = now()
        lost_in_a_row = 0
        times.append(ended - started)
        sent += 1
        if not deadline and len(times) >= case.warm_up:
            deadline = ended + int(seconds * 1e9)
        elif deadline and ended > deadline:
            break
    counted = times[case.warm_up :]
    return Outcome(sent, sent - lost, sum(counted) / 1e9, spread=spread_of(counted, per=2))


async def reply(endpoint: AsyncEndpoint, case: Case) -> Outcome:
    send, receive = endpoint.send, endpoint.receive
    received = 0
    while (message := await receive()) is not None and message[0] != LAST:
        _ = message[-1]
        await send(message)
        received += 1
    return Outcome(received=received)


async def send_paced(endpoint: AsyncEndpoint, case: Case, seconds: float) -> Outcome:
    send = endpoint.send
    message = new_message(case.size)
    count = case_count(case, seconds)
    processor = ProcessorTime()
    due = now() + PERIOD_NS
    for number in range(count):
        if (left := due - now()) > 0:
            await asyncio.sleep(left * 1e-9)
        message[0] = number % NUMBERS
        TIME.pack_into(message, TIME_AT, now())
        await send(message)
        due += PERIOD_NS
    cpu_percent = processor.percent()
    await asyncio.sleep(0.02)
    return Outcome(count, cpu_percent=cpu_percent)


async def receive_paced(endpoint: AsyncEndpoint, case: Case) -> Outcome:
    receive = endpoint.receive
    times: list[int] = []
    message = await receive()
    processor = ProcessorTime()
    while message is not None and message[0] != LAST:
        arrived = now()
        _ = message[-1]
        times.append(arrived - TIME.unpack_from(message, TIME_AT)[0])
        message = await receive()
    cpu_percent = processor.percent()
    return Outcome(
        received=len(times), cpu_percent=cpu_percent, spread=spread_of(times[paced_warm_up(case) :])
    )


async def send_saturated(endpoint: AsyncEndpoint, case: Case, seconds: float) -> Outcome:
    send = endpoint.send
    message = new_message(case.size)
    sent = 0
    for _ in range(case.warm_up):
        await send(message)
    started = now()
    deadline = started + int(seconds * 1e9)
    while now() < deadline:
        for _ in range(8):
            message[0] = sent % NUMBERS
            await send(message)
            sent += 1
    return Outcome(sent + case.warm_up, seconds=(now() - started) / 1e9)


async def receive_saturated(endpoint: AsyncEndpoint, case: Case) -> Outcome:
    receive = endpoint.receive
    for received in range(case.warm_up):
        message = await receive()
        if message is None or message[0] == LAST:
            return Outcome(received=received)
    received, started = 0, now()
    while (message := await receive()) is not None and message[0] != LAST:
        _ = message[-1]
        received += 1
        ended = now()
    return Outcome(received=received + case.warm_up, seconds=(ended - started) / 1e9 if received else 0.0)
