"""Mesh time on computers whose clocks are minutes apart, over cables that are slow one way only."""

from __future__ import annotations

import signal
from typing import Any

import pytest
from lab.cluster import Lab
from mesh import connected
from running import until

READING_NS = 2000
MILLISECOND_NS = 1_000_000


@pytest.mark.parametrize(("up_ms", "down_ms"), [(20, 0), (0, 20)])
def test_a_cable_that_is_slow_one_way_widens_the_bound_rather_than_lying(
    lab: Lab, up_ms: float, down_ms: float
) -> None:
    lab.faults.delay("spare", up_ms=up_ms, down_ms=down_ms)
    lab.start_machine("spare")
    until(lambda: "spare" in connected(lab), 20, "the machine to join")
    until(lambda: clock_of(lab, "spare").get("exchanges", 0) > 20, 20, "exchanges of stamps")

    error_ns, bound_ns = lab.clock_errors()["spare"]
    assert lab.kill("spare", signal.SIGTERM) == 0

    # Nobody can see from the stamps which way was slow: the middle is off by half of it.
    assert 8 * MILLISECOND_NS < abs(error_ns) <= bound_ns + READING_NS
    assert bound_ns >= 10 * MILLISECOND_NS


def test_every_clock_is_within_its_bound_and_the_scheduler_s_machine_has_none(lab: Lab) -> None:
    errors = lab.clock_errors()

    assert errors[lab.scheduler_host].bound_ns == 0
    for host, (error_ns, bound_ns) in errors.items():
        assert abs(error_ns) <= bound_ns + READING_NS, host


def clock_of(lab: Lab, name: str) -> dict[str, Any]:
    found = [machine["clock"] for machine in lab.get("machines") if machine["machine"] == name]
    return (found[0] if found else None) or {}
