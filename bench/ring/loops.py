"""The loops that drive every system that is not async: the same code for all.

Byte 0 of a message is its number modulo 128; 255 says that it was the last. A receiver touches the first
and the last byte. Bytes 8 to 16 of a paced message are its sender's CLOCK_MONOTONIC, one for a machine.
"""

from __future__ import annotations

import time
from struct import Struct

from bench.figures import Spread, spread
from bench.ring.cases import PACE_HZ, Case, Kind
from bench.ring.endpoint import Endpoint
from bench.ring.outcome import Outcome, ProcessorTime

LAST = 255
NUMBERS = 128
MOST_LOST_IN_A_ROW = 3
TIME = Struct("<Q")
TIME_AT = 8
PERIOD_NS = 1_000_000_000 // PACE_HZ
now = time.perf_counter_ns


def new_message(size: int) -> memoryview:
    """A message to send, every page of it touched."""
    return memoryview(bytearray(b"\x01" * size))


def last_message() -> memoryview:
    """It says that the case is over."""
    return memoryview(bytearray([LAST]) * 64)


def spread_of(times_ns: list[int], per: int = 1) -> Spread | None:
    """In microseconds, each divided by `per`; None if there are none."""
    return spread(time_ns / (1000 * per) for time_ns in times_ns) if times_ns else None


def send_case(endpoint: Endpoint, case: Case, seconds: float) -> Outcome:
    """The sender's part, with the message that ends it."""
    parts = {Kind.ROUND_TRIP: send_round_trips, Kind.PACED: send_paced}
    outcome = parts.get(case.kind, send_saturated)(endpoint, case, seconds)
    endpoint.send(last_message())
    return outcome


def receive_case(endpoint: Endpoint, case: Case) -> Outcome:
    """The receiver's part: until the last message, or until nothing has come for PATIENCE_S."""
    parts = {Kind.ROUND_TRIP: reply, Kind.PACED: receive_paced}
    return parts.get(case.kind, receive_saturated)(endpoint, case)


def send_round_trips(endpoint: Endpoint, case: Case, seconds: float) -> Outcome:
    """Send, wait for the echo, again. The first `warm_up` do not count."""
    send, receive = endpoint.send, endpoint.receive
    message = new_message(case.size)
    times: list[int] = []
    lost = lost_in_a_row = sent = 0
    deadline = 0
    while lost_in_a_row < MOST_LOST_IN_A_ROW:
        number = sent % NUMBERS
        message[0] = number
        started = now()
        send(message)
        answer = receive()
        # An answer to an earlier message, given up by now, is passed over.
        while answer is not None and answer[0] != number:
            answer = receive()
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


def reply(endpoint: Endpoint, case: Case) -> Outcome:
    """Send back what came, as it came."""
    send, receive = endpoint.send, endpoint.receive
    received = 0
    while (message := receive()) is not None and message[0] != LAST:
        _ = message[-1]
        send(message)
        received += 1
    return Outcome(received=received)


def send_paced(endpoint: Endpoint, case: Case, seconds: float) -> Outcome:
    """One each millisecond, by absolute times: sleep, stamp, send."""
    send = endpoint.send
    message = new_message(case.size)
    count = case_count(case, seconds)
    processor = ProcessorTime()
    due = now() + PERIOD_NS
    for number in range(count):
        if (left := due - now()) > 0:
            time.sleep(left * 1e-9)
        message[0] = number % NUMBERS
        TIME.pack_into(message, TIME_AT, now())
        send(message)
        due += PERIOD_NS
    cpu_percent = processor.percent()
    # The last message must not hurry the one before it, nor overtake it in a system that may drop.
    time.sleep(0.02)
    return Outcome(count, cpu_percent=cpu_percent)


def case_count(case: Case, seconds: float) -> int:
    """How many paced messages there are, warm-up among them."""
    return int(seconds * PACE_HZ) + paced_warm_up(case)


def paced_warm_up(case: Case) -> int:
    """A tenth of a second."""
    return min(case.warm_up, PACE_HZ // 10)


def receive_paced(endpoint: Endpoint, case: Case) -> Outcome:
    """How old is each message when it is there?"""
    receive = endpoint.receive
    times: list[int] = []
    message = receive()
    processor = ProcessorTime()
    while message is not None and message[0] != LAST:
        arrived = now()
        _ = message[-1]
        times.append(arrived - TIME.unpack_from(message, TIME_AT)[0])
        message = receive()
    cpu_percent = processor.percent()
    return Outcome(
        received=len(times), cpu_percent=cpu_percent, spread=spread_of(times[paced_warm_up(case) :])
    )


def send_saturated(endpoint: Endpoint, case: Case, seconds: float) -> Outcome:
    """As many as the transport takes."""
    send = endpoint.send
    message = new_message(case.size)
    sent = 0
    for _ in range(case.warm_up):
        send(message)
    started = now()
    deadline = started + int(seconds * 1e9)
    # The clock is asked once in eight messages: it would cost the fast more than the slow.
    while now() < deadline:
        for _ in range(8):
            message[0] = sent % NUMBERS
            send(message)
            sent += 1
    return Outcome(sent + case.warm_up, seconds=(now() - started) / 1e9)


def receive_saturated(endpoint: Endpoint, case: Case) -> Outcome:
    """How many come a second, after the warm-up?"""
    receive = endpoint.receive
    for received in range(case.warm_up):
        message = receive()
        if message is None or message[0] == LAST:
            return Outcome(received=received)
    received, started = 0, now()
    while (message := receive()) is not None and message[0] != LAST:
        _ = message[-1]
        received += 1
        ended = now()
    return Outcome(received=received + case.warm_up, seconds=(ended - started) / 1e9 if received else 0.0)
