"""A lane as the wire sees it, played by a test."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator

from rtmesh.common.errors import RtmeshError

DEADLINE_S = 10.0


class Party:
    """A stream whose frames the test says one by one."""

    def __init__(self) -> None:
        self.reason: RtmeshError | None = None
        self.cancel: Callable[[], object] = lambda: None
        self.came: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self.sent: list[bytes] = []
        self.is_over = threading.Event()
        self._said: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()

    def say(self, *frames: bytes) -> None:
        for frame in frames:
            self._said.put(frame)

    def end(self, reason: RtmeshError) -> None:
        self.reason = self.reason or reason
        self._said.put(None)
        self.cancel()

    def hear(self) -> bytes:
        return self.came.get(timeout=DEADLINE_S)

    def heard_the_end(self) -> RtmeshError:
        assert self.is_over.wait(DEADLINE_S)
        return self.reason

    # the wire

    def frames(self) -> Iterator[bytes]:
        while (frame := self._said.get()) is not None:
            if self.reason is not None:
                return
            self.sent.append(frame)
            yield frame

    def take(self, frame: bytes) -> None:
        self.came.put(frame)

    def over(self, reason: RtmeshError) -> None:
        self.end(reason)
        self.is_over.set()
