"""The clock page: mesh time for all processes of a machine."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from rtmesh.common.clock import ClockPage
from rtmesh.shm import SegmentNotFoundError, segment_name

NAME = segment_name("here", "test", "@clock")


@pytest.fixture
def page() -> Iterator[ClockPage]:
    page = ClockPage.create(NAME, offset_ns=5_000_000_000_000)
    yield page
    page.close()
    page.unlink()


def test_mesh_time_is_the_monotonic_clock_and_an_offset(page: ClockPage) -> None:
    before_ns = time.monotonic_ns()
    now_ns = page.now_ns()

    assert before_ns <= now_ns - 5_000_000_000_000 <= time.monotonic_ns()


def test_a_reader_sees_what_is_published(page: ClockPage) -> None:
    reader = ClockPage.open(NAME)
    page.set(0, error_ns=1500)

    assert reader.error_ns == 1500
    assert reader.now_ns() <= time.monotonic_ns()
    reader.close()


def test_a_page_that_does_not_exist_is_named() -> None:
    with pytest.raises(SegmentNotFoundError, match="nowhere"):
        ClockPage.open(segment_name("nowhere", "test", "@clock"))
