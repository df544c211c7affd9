"""Time slices, as the kernel reports them."""

from __future__ import annotations

import os
import threading

import pytest

from rtmesh.common import time_slice
from rtmesh.common.time_slice import SHORTEST_US, set_time_slice, time_slice_us


def in_a_thread(action):
    """What `action` returns in a thread of its own, whose slice ends with it."""
    found = []
    thread = threading.Thread(target=lambda: found.append(action()))
    thread.start()
    thread.join(10)
    return found[0]


def after_setting(slice_us: int) -> int | None:
    set_time_slice(slice_us)
    return time_slice_us()


def test_a_slice_that_was_set_is_the_one_the_kernel_reports() -> None:
    before = time_slice_us()

    assert in_a_thread(lambda: after_setting(250)) == (None if before is None else 250)
    assert in_a_thread(lambda: after_setting(1)) == (None if before is None else SHORTEST_US)
    assert time_slice_us() == before, "only that thread's"


def test_another_policy_stays_as_it_is() -> None:
    def idly() -> tuple[int, int | None]:
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
        set_time_slice(250)
        return os.sched_getscheduler(0), time_slice_us()

    assert in_a_thread(idly) == (os.SCHED_IDLE, None)


def test_a_processor_or_a_container_without_it_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time_slice, "_call", lambda *_: (_ for _ in ()).throw(PermissionError()))
    assert after_setting(250) is None

    monkeypatch.setattr(time_slice.platform, "machine", lambda: "pdp11")
    assert after_setting(250) is None
