"""What the loops send, and what they make of what came: counted and timed alike for all systems.

Byte 0 of a message is its number modulo 128; 255 says that it was the last. Bytes 8 to 16 of a paced
message are its sender's CLOCK_MONOTONIC, one for a machine.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from struct import Struct

from bench.figures import Spread, spread
from bench.ring.cases import PACE_HZ, Case
from bench.ring.endpoint import Message
from bench.ring.outcome import Outcome, ProcessorTime

LAST = 255
NUMBERS = 128
MOST_LOST_IN_A_ROW = 3
TIME = Struct("<Q")
TIME_AT = 8
PERIOD_NS = 1_000_000_000 // PACE_HZ
# A saturated sender asks the clock once in so many messages: it would cost the fast more than the slow.
AT_ONCE = 8
# The last message must not hurry the paced one before it, nor overtake it in a system that may drop.
QUIET_S = 0.02
now = time.perf_counter_ns


def new_message(size: int) -> memoryview:
    """A message to send, every page of it touched."""
    return memoryview(bytearray(b"\x01" * size))


def last_message() -> memoryview:
    """It says that the case is over."""
    return memoryview(bytearray([LAST]) * 64)


def stamp(message: memoryview) -> None:
    """Write the time into it: the last thing before it is sent."""
    TIME.pack_into(message, TIME_AT, now())


def spread_of(times_ns: list[int], per: int = 1) -> Spread | None:
    """In microseconds, each divided by `per`; None if there are none."""
    return spread(time_ns / (1000 * per) for time_ns in times_ns) if times_ns else None


def case_count(case: Case, seconds: float) -> int:
    """How many paced messages there are, warm-up among them."""
    return int(seconds * PACE_HZ) + paced_warm_up(case)


def paced_warm_up(case: Case) -> int:
    """A tenth of a second."""
    return min(case.warm_up, PACE_HZ // 10)


class RoundTrips:
    """The sender's account of round trips, which end after the time that was given, or when all is lost."""

    def __init__(self, case: Case, seconds: float) -> None:
        self._case, self._seconds = case, seconds
        self._message = new_message(case.size)
        self._times: list[int] = []
        self._sent = self._lost = self._lost_in_a_row = 0
        self._deadline = 0
        self.are_over = False

    def next_message(self) -> memoryview:
        self._message[0] = self._sent % NUMBERS
        self._sent += 1
        return self._message

    def note(self, started: int, ended: int | None) -> None:
        """One trip, which has no end if its answer did not come."""
        if ended is None:
            self._lost += 1
            self._lost_in_a_row += 1
            self.are_over = self._lost_in_a_row >= MOST_LOST_IN_A_ROW
            return
        self._lost_in_a_row = 0
        self._times.append(ended - started)
        if self._deadline:
            self.are_over = ended > self._deadline
        elif len(self._times) >= self._case.warm_up:
            self._deadline = ended + int(self._seconds * 1e9)

    def outcome(self) -> Outcome:
        counted = self._times[self._case.warm_up :]
        arrived = self._sent - self._lost
        return Outcome(self._sent, arrived, sum(counted) / 1e9, spread=spread_of(counted, per=2))


class Pace:
    """Messages by absolute times, each with the seconds that are left until it is due."""

    def __init__(self, case: Case, seconds: float) -> None:
        self._count = case_count(case, seconds)
        self._message = new_message(case.size)
        self._processor = ProcessorTime()

    def __iter__(self) -> Iterator[tuple[memoryview, float]]:
        due = now() + PERIOD_NS
        for number in range(self._count):
            self._message[0] = number % NUMBERS
            yield self._message, (due - now()) * 1e-9
            due += PERIOD_NS

    def outcome(self) -> Outcome:
        """All have been sent."""
        return Outcome(self._count, cpu_percent=self._processor.percent())


class Ages:
    """How old messages were when they came."""

    def __init__(self, case: Case) -> None:
        self._warm_up = paced_warm_up(case)
        self._times: list[int] = []
        self._processor = ProcessorTime()

    def note(self, arrived: int, message: Message) -> None:
        _ = message[-1]
        self._times.append(arrived - TIME.unpack_from(message, TIME_AT)[0])

    def outcome(self) -> Outcome:
        cpu_percent = self._processor.percent()
        ages = spread_of(self._times[self._warm_up :])
        return Outcome(received=len(self._times), cpu_percent=cpu_percent, spread=ages)


class Sending:
    """The saturated sender's account."""

    def __init__(self, case: Case) -> None:
        self._warm_up = case.warm_up
        self.message = new_message(case.size)
        self._started = 0

    def begin(self, seconds: float) -> int:
        """The warm-up has been sent; when to end."""
        self._started = now()
        return self._started + int(seconds * 1e9)

    def outcome(self, sent: int) -> Outcome:
        return Outcome(sent + self._warm_up, seconds=(now() - self._started) / 1e9)


class Count:
    """The saturated receiver's account."""

    def __init__(self, case: Case) -> None:
        self._warm_up = case.warm_up
        self._started = 0

    def begin(self) -> None:
        """The warm-up has come."""
        self._started = now()

    def outcome(self, received: int, ended: int) -> Outcome:
        """Of those that came behind the warm-up, the last at `ended`."""
        seconds = (ended - self._started) / 1e9 if received else 0.0
        return Outcome(received=received + self._warm_up, seconds=seconds)
