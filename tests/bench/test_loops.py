"""The loops over an endpoint in memory: warm-up by number, loss counted, waits bounded."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import pytest

from bench.ring import loops, tally
from bench.ring.cases import Case, Kind
from bench.ring.endpoint import Endpoint, Message

ROUND_TRIP = Case(Kind.ROUND_TRIP, 4 * 1024 * 1024)
SATURATED = Case(Kind.SATURATED, 4 * 1024 * 1024)


class Memory(Endpoint):
    """Gives back what is sent, as `change` makes of it: (how many were sent before, the message)."""

    def __init__(
        self, change: Callable[[int, bytes], list[bytes]] = lambda number, message: [message]
    ) -> None:
        self._change = change
        self.waiting: deque[bytes] = deque()
        self.sent = 0

    def send(self, message: Message) -> None:
        self.waiting.extend(self._change(self.sent, bytes(message[:64])))
        self.sent += 1

    def receive(self) -> Message | None:
        return self.waiting.popleft() if self.waiting else None

    def close(self) -> None: ...


def test_round_trips_leave_the_warm_up_out_by_number() -> None:
    outcome = loops.send_round_trips(Memory(), ROUND_TRIP, 0.0)

    assert outcome.sent == outcome.received == ROUND_TRIP.warm_up + 1
    assert outcome.spread is not None
    assert outcome.spread.count == 1


def test_a_round_trip_that_is_lost_is_counted_and_the_next_goes_on() -> None:
    endpoint = Memory(lambda number, message: [] if number == 2 else [message])

    outcome = loops.send_round_trips(endpoint, ROUND_TRIP, 0.0)

    assert outcome.sent - outcome.received == 1
    assert outcome.spread is not None


def test_a_late_answer_is_not_taken_for_the_next() -> None:
    late: list[bytes] = []

    def hold_back_the_third(number: int, message: bytes) -> list[bytes]:
        if number == 2:
            late.append(message)
            return []
        return [*late, message] if number == 3 else [message]

    endpoint = Memory(hold_back_the_third)
    outcome = loops.send_round_trips(endpoint, ROUND_TRIP, 0.0)

    assert outcome.sent - outcome.received == 1
    assert not endpoint.waiting


def test_a_system_that_loses_everything_is_given_up() -> None:
    outcome = loops.send_round_trips(Memory(lambda number, message: []), ROUND_TRIP, 60.0)

    assert (outcome.sent, outcome.received) == (tally.MOST_LOST_IN_A_ROW, 0)
    assert outcome.spread is None


def test_the_echo_ends_with_the_last_message_and_does_not_send_it_back() -> None:
    endpoint = Memory()
    endpoint.waiting.extend([bytes(64), bytes([tally.LAST] * 64)])
    endpoint._change = lambda number, message: []

    assert loops.reply(endpoint, ROUND_TRIP).received == endpoint.sent == 1


@pytest.mark.parametrize("has_end", [True, False])
def test_a_saturated_receiver_ends_with_the_last_message_or_with_silence(has_end: bool) -> None:
    endpoint = Memory()
    count = SATURATED.warm_up + 3
    endpoint.waiting.extend([bytes(64)] * count + [bytes([tally.LAST] * 64)] * has_end)

    outcome = loops.receive_saturated(endpoint, SATURATED)

    assert outcome.received == count
    assert outcome.seconds > 0


def test_a_receiver_that_gets_less_than_the_warm_up_has_no_rate() -> None:
    endpoint = Memory()
    endpoint.waiting.extend([bytes(64), bytes([tally.LAST] * 64)])

    outcome = loops.receive_saturated(endpoint, SATURATED)

    assert (outcome.received, outcome.seconds) == (1, 0.0)


def test_paced_messages_carry_their_time_and_the_warm_up_does_not_count() -> None:
    case, endpoint = Case(Kind.PACED, 64), Memory()

    sent = loops.send_case(endpoint, case, 0.005)
    got = loops.receive_case(endpoint, case)

    assert sent.sent == got.received == 5 + tally.paced_warm_up(case)
    assert got.spread is not None
    assert got.spread.count == 5
    assert got.spread.p50 > 0
