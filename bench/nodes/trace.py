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

from rtmesh.node import loop_host
from rtmesh.node.engine import Engine
from rtmesh.node.loop import Loop

POINTS = (
    "sent",  # the time in the message's header: when its sender stamped it
    "woken",  # wait() has returned
    "taking",
    "taken",
    "parsed",
    "called",  # the user's method begins
    "sending",  # send() begins to encode
    "encoded",
    "published",
    "returned",  # the user's method is over
    "released",
    "waiting",  # wait() is called again
)
MOST_STEPS = 200_000


class Trace:
    """The timestamps of every step of one loop: the node has one @on and one output."""

    def __init__(self) -> None:
        self.rows = np.zeros((MOST_STEPS, len(POINTS)), np.int64)
        self.count = 0
        self._row: list[int] = [0] * len(POINTS)

    def watch(self, loop: Loop) -> None:
        """Put the timestamps into a loop that is about to run."""
        assemble = loop._assemble
        wait = loop_host.wait

        def watched_wait(*arguments: Any) -> bool:
            self._end_row()
            woken = wait(*arguments)
            self._row[1] = time.monotonic_ns()
            return woken

        def watched_assemble() -> Engine:
            engine = assemble()
            self._watch_engine(engine)
            return engine

        loop_host.wait = watched_wait
        loop._assemble = watched_assemble  # type: ignore[method-assign]
        self._offset_ns = loop._host.now_ns() - time.monotonic_ns()

    def write(self, path: Path) -> None:
        np.save(path, self.rows[: self.count])

    def _watch_engine(self, engine: Engine) -> None:
        trigger: Any = engine._triggers[0]
        output: Any = next(iter(engine.node.outputs))
        trigger._try_take = self._around(trigger._try_take, 2, 3)
        decode = trigger._decode

        def watched_decode(view: Any) -> Any:
            message = decode(view)
            self._row[0] = message.header.publish_time_ns - self._offset_ns
            self._row[4] = time.monotonic_ns()
            return message

        trigger._decode = watched_decode
        trigger.callback = self._around(trigger.callback, 5, 9)
        trigger.called = self._around(trigger.called, None, 10)
        output._type.encode_fields = self._around(output._type.encode_fields, 6, 7)
        output._ring.try_publish_parts = self._around(output._ring.try_publish_parts, None, 8)

    def _around(self, function: Callable[..., Any], before: int | None, after: int) -> Callable[..., Any]:
        """The function with a timestamp before and after; an empty-handed one leaves the row alone."""

        def watched(*arguments: Any) -> Any:
            begun = time.monotonic_ns()
            result = function(*arguments)
            if after == 3 and result is None:
                return None
            if before is not None:
                self._row[before] = begun
            self._row[after] = time.monotonic_ns()
            return result

        return watched

    def _end_row(self) -> None:
        """A wait begins: keep the row if a step was made since the last one."""
        row = self._row
        if row[10] > row[1] and self.count < MOST_STEPS:
            row[11] = time.monotonic_ns()
            self.rows[self.count] = row
            self.count += 1
