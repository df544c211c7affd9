"""Mesh time from exchanges of time stamps. Numbers in, an estimate and its bound out: no clock, no socket.

      scheduler       far_received ── far_sent                  mesh time
                     /                        \\
      machine     sent ─────────────────── received             CLOCK_MONOTONIC of this machine

The request left after `sent` and came before `far_received`, so mesh time was at most far_received - sent
ahead; the answer says likewise that it was at least far_sent - received ahead. The truth lies between the
two wherever the delay was, on the way there or back: the middle, with half the round trip as its bound.
An asymmetric delay makes the round trip longer and so the bound wider; nothing tells how it was shared.

What makes an estimate of many exchanges is the clock filter of NTP (RFC 5905, section 10): each exchange
grows less certain with its age, and the one that is the most certain now is taken. Nothing is averaged: a
mean of middles has the common asymmetry of all delays in it, and no number of samples makes its bound
smaller than half of the smallest round trip.

The rate is the slope between two exchanges, and its error their two bounds over the time between them
(the lines through both error bars; A. Duda et al., Estimating Global Time in Distributed Systems, 1987).

What is taken for granted, of the scheduler's clock against this one:
  - they differ in rate by at most MOST_RATE: what the kernel lets a time service trim, either way;
  - its rate over one part of the window differs from that over another by at most WANDER.
An exchange that contradicts what these and those before it imply shows that a clock did something else: a
machine was suspended, or another scheduler took over. Then all is measured anew, from that exchange.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

SECOND_NS = 1_000_000_000
PPM = 1e-6
MOST_RATE = 500 * PPM
WANDER = 5 * PPM
# Exchanges that can be the most certain; at four a second, older ones have grown too uncertain.
WINDOW = 128
# Of each span the best is kept to measure the rate against, for a while.
ANCHOR_SPAN_NS = 8 * SECOND_NS
MOST_ANCHORS = 40
# Stamps are whole, and so are the results: what rounding may cost.
ROUNDING_NS = 2


class Exchange(NamedTuple):
    """The four stamps, in ns; see the picture above."""

    sent_ns: int
    far_received_ns: int
    far_sent_ns: int
    received_ns: int

    @property
    def round_trip_ns(self) -> int:
        """How long both ways took together, to what the clocks drifted apart meanwhile."""
        return max(0, self._outside_ns)

    @property
    def is_possible(self) -> bool:
        """Whether clocks that go forward can have shown it."""
        goes_on = self.received_ns >= self.sent_ns and self.far_sent_ns >= self.far_received_ns
        return goes_on and self._outside_ns >= -self.drift_ns - ROUNDING_NS

    @property
    def drift_ns(self) -> float:
        """How far the clocks drifted apart meanwhile, at most."""
        return MOST_RATE * (self.received_ns - self.sent_ns)

    @property
    def _outside_ns(self) -> int:
        return self.received_ns - self.sent_ns - (self.far_sent_ns - self.far_received_ns)


class Sample(NamedTuple):
    """What one exchange says: at `at_ns` of this clock, mesh time - this clock was this, give or take."""

    at_ns: int
    offset_ns: int
    error_ns: float
    round_trip_ns: int


class Rate(NamedTuple):
    """What the offset grows by a ns, give or take."""

    value: float
    error: float
    since_ns: int = 0  # the older of the two exchanges that tell it


UNMEASURED = Rate(0.0, MOST_RATE)


class Estimate(NamedTuple):
    """Mesh time - this clock, for ever after: a line, and an error that grows."""

    at_ns: int
    offset_ns: int
    error_ns: float
    rate: float
    rate_error: float

    @classmethod
    def exact(cls, offset_ns: int) -> Estimate:
        """Of a clock that is the scheduler's own."""
        return cls(0, offset_ns, 0.0, 0.0, 0.0)

    @property
    def is_exact(self) -> bool:
        """Whether it is known rather than measured."""
        return not self.error_ns and not self.rate_error

    def offset_at(self, now_ns: int) -> int:
        """The offset at a moment."""
        return self.offset_ns + round((now_ns - self.at_ns) * self.rate)

    def error_at(self, now_ns: int) -> float:
        """How far off that may be."""
        if self.is_exact:
            return 0.0
        return self.error_ns + (now_ns - self.at_ns) * self.rate_error + ROUNDING_NS


class ClockFilter:
    """Takes in exchanges, knows the best estimate."""

    def __init__(self) -> None:
        self._samples: deque[Sample] = deque(maxlen=WINDOW)
        self._anchors: deque[Sample] = deque(maxlen=MOST_ANCHORS)
        self._rate = UNMEASURED
        self.exchanges = 0
        self.restarts = 0

    def add(self, exchange: Exchange) -> None:
        """Take in an exchange; one that no clock can have shown is left out."""
        if not exchange.is_possible:
            return
        self.exchanges += 1
        sample = _sample(exchange)
        if self._contradicts(sample):
            self.restarts += 1
            self._samples.clear()
            self._anchors.clear()
            self._rate = UNMEASURED
        self._measure_rate(sample)
        self._samples.append(sample)
        self._keep_anchor(sample)

    @property
    def smallest_round_trip_ns(self) -> int:
        """Of the exchanges that count; 0 before the first."""
        return min((sample.round_trip_ns for sample in self._samples), default=0)

    def estimate(self) -> Estimate | None:
        """From the exchange that is the most certain; None before the first."""
        if not self._samples:
            return None
        error = self._rate.error
        # They all age alike, so that who is the best is so at any time.
        best = min(self._samples, key=lambda sample: sample.error_ns - sample.at_ns * error)
        return Estimate(best.at_ns, best.offset_ns, best.error_ns, self._rate.value, error)

    def _contradicts(self, sample: Sample) -> bool:
        estimate = self.estimate()
        if estimate is None:
            return False
        apart_ns = abs(sample.offset_ns - estimate.offset_at(sample.at_ns))
        return apart_ns > sample.error_ns + estimate.error_at(sample.at_ns)

    def _measure_rate(self, sample: Sample) -> None:
        rates = [_slope(anchor, sample) for anchor in self._anchors if anchor.at_ns < sample.at_ns]
        # The slope of a pair holds for as long as both are of the window.
        if self._anchors and self._rate.since_ns >= self._anchors[0].at_ns:
            rates.append(self._rate)
        self._rate = min([UNMEASURED, *rates], key=lambda rate: rate.error)

    def _keep_anchor(self, sample: Sample) -> None:
        if self._anchors and self._anchors[-1].at_ns // ANCHOR_SPAN_NS == sample.at_ns // ANCHOR_SPAN_NS:
            if sample.error_ns < self._anchors[-1].error_ns:
                self._anchors[-1] = sample
        else:
            self._anchors.append(sample)


def _sample(exchange: Exchange) -> Sample:
    ahead_ns = exchange.far_received_ns - exchange.sent_ns + exchange.far_sent_ns - exchange.received_ns
    # The two ends of what is possible are of two moments, between which the clocks drifted.
    error_ns = exchange.round_trip_ns / 2 + exchange.drift_ns + ROUNDING_NS
    return Sample(exchange.received_ns, ahead_ns // 2, error_ns, exchange.round_trip_ns)


def _slope(old: Sample, new: Sample) -> Rate:
    span_ns = new.at_ns - old.at_ns
    error = (old.error_ns + new.error_ns) / span_ns + WANDER
    return Rate((new.offset_ns - old.offset_ns) / span_ns, error, old.at_ns)
