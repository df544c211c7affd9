"""Times for people and for programs."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from rtmesh.cli.times import age_text, clock_and_age, clock_text, iso_text

SECOND_NS = 1_000_000_000
NOON_NS = 1_795_348_800 * SECOND_NS  # 2026-11-22T12:00:00Z


@pytest.fixture
def tokyo(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as changed:
        changed.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        yield
    time.tzset()


def test_people_read_local_time(tokyo: None) -> None:
    assert clock_text(NOON_NS) == "21:00:00"
    assert clock_and_age(NOON_NS, NOON_NS + 5 * SECOND_NS) == "21:00:00 (5s ago)"


def test_programs_read_utc_to_the_microsecond() -> None:
    assert iso_text(NOON_NS + 1_500) == "2026-11-22T12:00:00.000001Z"


def test_a_time_that_has_not_come_is_no_time() -> None:
    assert clock_text(0) == age_text(0) == clock_and_age(0) == "-"
    assert iso_text(0) is None


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (-3, "0s"), (59, "59s"), (200, "3m20s"), (3605, "1h00m"), (86399, "23h59m"), (90000, "1d")],
)
def test_ages_have_two_units_at_most(seconds: int, text: str) -> None:
    assert age_text(NOON_NS, NOON_NS + seconds * SECOND_NS) == text
