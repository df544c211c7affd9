"""From what is known of mesh time to what readers are given: never a step, never backwards. Pure."""

from __future__ import annotations

import math

from rtmesh.common.clock import RATE_BITS, RATE_UNIT, Course
from rtmesh.machine.clock_estimate import PPM, ROUNDING_NS, Estimate

# As fast as the kernel slews a clock: a period that is measured meanwhile is 0.05 % off.
MOST_SLEW = 500 * PPM
# What is little is put right in this time.
SLEW_SPAN_NS = 500_000_000


def step_to(estimate: Estimate, now_ns: int) -> Course:
    """Mesh time as it is estimated, whatever it was before."""
    if estimate.is_exact:
        return Course(now_ns, estimate.offset_ns)
    rate, error_rate = _rates(estimate)
    error_ns = math.ceil(estimate.error_at(now_ns)) + ROUNDING_NS
    return Course(now_ns, estimate.offset_at(now_ns), 0, now_ns, rate, error_ns, error_rate)


def slew_to(estimate: Estimate, current: Course, now_ns: int) -> Course:
    """From where mesh time is to where it should be, by letting it run a little faster or slower.

    The error includes what is not put right yet.
    """
    target = step_to(estimate, now_ns)
    start_ns = current.offset_at(now_ns)
    wrong_ns = target.offset_ns - start_ns
    if not wrong_ns:
        return target
    span_ns = max(SLEW_SPAN_NS, math.ceil(abs(wrong_ns) / MOST_SLEW))
    # A slew is a whole number of units, so the knee is met to half a unit of the whole way.
    missed_ns = (span_ns >> RATE_BITS) + 1
    return target._replace(
        offset_ns=start_ns,
        slew=target.rate + round(wrong_ns * RATE_UNIT / span_ns),
        knee_ns=now_ns + span_ns,
        error_ns=target.error_ns + missed_ns,
        slew_error_ns=abs(wrong_ns),
    )


def _rates(estimate: Estimate) -> tuple[int, int]:
    """In the units of a course; one more of error for those that are cut off."""
    return round(estimate.rate * RATE_UNIT), math.ceil(estimate.rate_error * RATE_UNIT) + 1
