"""Processes of the benchmarks have the time slices of a plan."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from bench.net.slices import SLICES_US, use_slice
from rtmesh.common.time_slice import SHORTEST_US, time_slice_us


@pytest.mark.parametrize("is_sender", [True, False])
def test_a_receiver_has_the_shortest_and_a_sender_a_longer_one(is_sender: bool) -> None:
    def slice_us() -> int | None:
        use_slice(is_sender=is_sender)
        return time_slice_us()

    with ThreadPoolExecutor(1) as other:  # not this thread's
        found = other.submit(slice_us).result()

    assert SLICES_US["receiver"] == SHORTEST_US < SLICES_US["sender"]
    has_slices = time_slice_us() is not None  # Linux 6.12 and later
    assert found == (SLICES_US["sender" if is_sender else "receiver"] if has_slices else None)
