"""Silence is told in time, and one's own silence is not taken for that of the peer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from rtmesh.common import heartbeat

BOUND_S = 30.0


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long the listener meant to wait before each look; the waits take no time."""
    waits: list[float] = []
    give_way = asyncio.sleep

    async def look(delay_s: float) -> None:
        waits.append(delay_s)
        await give_way(0)

    monkeypatch.setattr(asyncio, "sleep", look)
    return waits


def run(silence: Callable[[heartbeat.Listener], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(asyncio.wait_for(silence(heartbeat.Listener()), BOUND_S))


def test_silence_is_told_after_as_many_looks_as_fit_in_it(looks: list[float]) -> None:
    async def silence(listener: heartbeat.Listener) -> None:
        listener.heard()
        await listener.until_silent()

    run(silence)

    assert sum(looks) == pytest.approx(heartbeat.SILENCE_S)
    assert heartbeat.SILENCE_S + max(looks) < 3 and heartbeat.BEAT_S * 4 < heartbeat.SILENCE_S


def test_each_message_begins_the_wait_anew(looks: list[float]) -> None:
    async def silence(listener: heartbeat.Listener) -> None:
        listener.heard()
        waiting = asyncio.ensure_future(listener.until_silent())
        while len(looks) < 100:
            await asyncio.sleep(0)
            listener.heard()
        assert not waiting.done()
        waiting.cancel()

    run(silence)


def test_before_the_first_message_nothing_is_silent(looks: list[float]) -> None:
    async def silence(listener: heartbeat.Listener) -> None:
        waiting = asyncio.ensure_future(listener.until_silent())
        for _ in range(100):
            await asyncio.sleep(0)
        assert not waiting.done()
        waiting.cancel()

    run(silence)


def test_a_process_that_was_held_up_reads_first_and_judges_then() -> None:
    async def silence(listener: heartbeat.Listener) -> None:
        listener.heard()
        waiting = asyncio.ensure_future(listener.until_silent())
        await asyncio.sleep(0)
        hold_up(heartbeat.SILENCE_S + 0.3)
        # What the peer has sent meanwhile is read in the next rounds of the event loop.
        for _ in range(10):
            await asyncio.sleep(0)
        assert not waiting.done()
        waiting.cancel()

    run(silence)


def hold_up(duration_s: float) -> None:
    """Keep the processor from everything else in this thread."""
    until_s = time.monotonic() + duration_s
    while time.monotonic() < until_s:
        pass
