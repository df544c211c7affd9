"""Where a step of the loop spends its time: timestamps around its pieces, put there from outside.

Nothing of it is in the loop itself, so a loop that is not traced pays nothing. Each timestamp costs about
0.1 us, so the pieces sum up to a little more than an untraced step.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from rtmesh.node import loop_host, parts
from rtmesh.node.engine import Engine
from rtmesh.node.loop import Loop
from rtmesh.node.triggers import SingleTrigger, Source

POINTS = (
    "sent",  # the time in the message's header: when its sender stamped it
    "woken",  # wait() has returned
    "taking",
    "taken",
    "called",  # the user's method begins: the message is a view, what was before is done in C
    "sending",  # send() begins to encode
    "encoded",
    "published",
    "returned",  # the user's method is over
    "released",
    "waiting",  # wait() is called again
)
MOST_STEPS = 200_000
_PLACES = {point: place for place, point in enumerate(POINTS)}


class Trace:
    """The timestamps of every step of one loop: the node has one @on of one input, and one output."""

    def __init__(self) -> None:
        self.rows = np.zeros((MOST_STEPS, len(POINTS)), np.int64)
        self.count = 0
        self._row: list[int] = [0] * len(POINTS)

    def watch(self, loop: Loop) -> None:
        """Put the timestamps into a loop that is about to run, the only one of its process."""
        assemble, wait = loop._assemble, loop_host.wait

        def watched_wait(*arguments: Any) -> bool:
            self._end_row()
            woken = wait(*arguments)
            self._note("woken")
            return woken

        def watched_assemble() -> Engine:
            engine = assemble()
            self._watch_output(next(iter(engine.node.outputs)))
            return engine

        loop_host.wait = watched_wait
        loop._assemble = watched_assemble  # type: ignore[method-assign]
        parts.SingleTrigger = self._watched_trigger  # type: ignore[assignment,misc]
        self._offset_ns = loop._host.now_ns() - time.monotonic_ns()

    def write(self, path: Path) -> None:
        np.save(path, self.rows[: self.count])

    def _watched_trigger(self, callback: Callable[..., Any], source: Source) -> SingleTrigger:
        """The trigger, which looks up what it calls as it is made."""
        ring: Any = source.ring
        take = ring.try_take

        def watched_take(now_ns: int) -> Any:
            begun = time.monotonic_ns()
            view = take(now_ns)
            if view is not None:
                self._note("taken")
                self._row[_PLACES["taking"]] = begun
            return view

        def watched_callback(message: Any) -> None:
            self._note("called")
            callback(message)
            self._note("returned")
            self._row[_PLACES["sent"]] = message.header.publish_time_ns - self._offset_ns

        ring.try_take = watched_take
        ring.release = self._then_note(ring.release, "released")
        return SingleTrigger(watched_callback, source)

    def _watch_output(self, output: Any) -> None:
        encode = self._then_note(output._quick, "encoded")

        def watched_encode(fields: Any) -> Any:
            self._note("sending")
            return encode(fields)

        output._quick = watched_encode
        output._publish = self._then_note(output._publish, "published")

    def _note(self, point: str) -> None:
        self._row[_PLACES[point]] = time.monotonic_ns()

    def _then_note(self, function: Callable[..., Any], point: str) -> Callable[..., Any]:
        def watched(*arguments: Any) -> Any:
            result = function(*arguments)
            self._note(point)
            return result

        return watched

    def _end_row(self) -> None:
        """A wait begins: keep the row if a step was made since the last one."""
        row = self._row
        if row[_PLACES["released"]] > row[_PLACES["woken"]] and self.count < MOST_STEPS:
            self._note("waiting")
            self.rows[self.count] = row
            self.count += 1
