"""Results: the newest is told, now and then; and what hosts do with them, by a clock of the test."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from rtmesh.common.errors import InvalidArgumentError
from rtmesh.node import loop_host
from rtmesh.node.loop_host import LoopHost
from rtmesh.node.reports import TELL_PERIOD_NS, Results

MILLISECOND_NS = 1_000_000


def test_the_first_result_is_told_at_once_and_the_next_after_a_while() -> None:
    results = Results(100)
    results.put("1")

    assert results.take_due(5) == "1"
    assert results.due_ns is None

    results.put("2")
    results.put("3")
    assert results.due_ns == 5 + TELL_PERIOD_NS
    assert results.take_due(4 + TELL_PERIOD_NS) is None
    assert results.take_due(5 + TELL_PERIOD_NS) == "3"
    assert results.take_due(10 * TELL_PERIOD_NS) is None, "everything is told"


def test_the_last_result_can_be_taken_at_any_time_but_once() -> None:
    results = Results(100)
    results.put("1")
    assert results.take(0) == "1"
    results.put("2")

    assert results.take(1) == "2"
    assert results.take(2) is None


def test_a_result_that_is_too_big_is_refused_and_the_last_one_stays() -> None:
    results = Results(10)
    results.put("good")

    with pytest.raises(InvalidArgumentError, match="a result of 11 bytes: report at most 10"):
        results.put("x" * 11)

    assert results.take(0) == "good"


class FakeChannel:
    """Notes what is told."""

    def __init__(self) -> None:
        self.events = None
        self.told: list[str] = []

    def tell_result(self, now_ns: int, json: str) -> None:
        self.told.append(json)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    clock = SimpleNamespace(time_ns=0, now_ns=lambda: 0)
    monkeypatch.setattr(loop_host, "monotonic_ns", lambda: clock.time_ns)
    return clock


def test_a_loop_that_reports_a_thousand_times_a_second_tells_ten(clock: SimpleNamespace) -> None:
    channel = FakeChannel()
    host = LoopHost(clock, channel, 0)  # type: ignore[arg-type]
    for millisecond in range(1000):
        clock.time_ns = millisecond * MILLISECOND_NS
        host.result(str(millisecond))
        host.tell_due_result()

    assert channel.told == [str(millisecond) for millisecond in range(0, 1000, 100)]

    host.tell_last_result()
    assert channel.told[-1] == "999"
    assert len(channel.told) == 11
