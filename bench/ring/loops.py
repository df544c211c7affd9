"""The loops that drive every system that is not async: the same code for all.

What is counted and how long stands in tally.py, which async_loops.py shares. A receiver touches the first
and the last byte of each message.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from bench.ring.cases import Case, Kind
from bench.ring.endpoint import Endpoint, Message
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
    trips = RoundTrips(case, seconds)
    while not trips.are_over:
        trips.note(*_round_trip(send, receive, trips.next_message()))
    return trips.outcome()


def _round_trip(
    send: Callable[[Message], None], receive: Callable[[], Message | None], message: memoryview
) -> tuple[int, int | None]:
    """When it began and ended; it has no end if the answer did not come."""
    number = message[0]
    started = now()
    send(message)
    answer = receive()
    # An answer to an earlier message, given up by now, is passed over.
    while answer is not None and answer[0] != number:
        answer = receive()
    if answer is None:
        return started, None
    _ = answer[-1]
    return started, now()


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
    send, pace = endpoint.send, Pace(case, seconds)
    for message, left_s in pace:
        if left_s > 0:
            time.sleep(left_s)
        stamp(message)
        send(message)
    outcome = pace.outcome()
    time.sleep(QUIET_S)
    return outcome


def receive_paced(endpoint: Endpoint, case: Case) -> Outcome:
    """How old is each message when it is there?"""
    receive = endpoint.receive
    message = receive()
    ages = Ages(case)
    while message is not None and message[0] != LAST:
        ages.note(now(), message)
        message = receive()
    return ages.outcome()


def send_saturated(endpoint: Endpoint, case: Case, seconds: float) -> Outcome:
    """As many as the transport takes."""
    send, sending = endpoint.send, Sending(case)
    message, sent = sending.message, 0
    for _ in range(case.warm_up):
        send(message)
    deadline = sending.begin(seconds)
    while now() < deadline:
        for _ in range(AT_ONCE):
            message[0] = sent % NUMBERS
            send(message)
            sent += 1
    return sending.outcome(sent)


def receive_saturated(endpoint: Endpoint, case: Case) -> Outcome:
    """How many come a second, after the warm-up?"""
    receive, count = endpoint.receive, Count(case)
    for received in range(case.warm_up):
        message = receive()
        if message is None or message[0] == LAST:
            return Outcome(received=received)
    count.begin()
    received, ended = 0, 0
    while (message := receive()) is not None and message[0] != LAST:
        _ = message[-1]
        received += 1
        ended = now()
    return count.outcome(received, ended)
