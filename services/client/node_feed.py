"""Feeding an input: a message goes out for each one that the node will take."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from typing import Any, Self

from rtmesh.common.errors import RtmeshError, UnavailableError


class Feed:
    """The rpc of an input, under way. A context manager; leaving it without `finish` breaks it off.

    Args:
        begin: starts the rpc with an iterator of messages.
        told: makes an RtmeshError of what an rpc raises.
    """

    def __init__(self, begin: Callable[[Iterator[Any]], Any], told: Callable[[Any], RtmeshError]) -> None:
        self._messages: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._told = told
        self._changed = threading.Condition()
        self._credit = 0
        self._is_over = False
        self._error: RtmeshError | None = None
        self._call = begin(iter(self._messages.get, None))
        self._thread = threading.Thread(target=self._take_credit, name="feed", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._call.cancel()
        self._messages.put(None)
        self._thread.join()

    def send(self, message: Any) -> None:
        """Send one message; waits for credit. Raises what ended the rpc."""
        with self._changed:
            self._changed.wait_for(lambda: self._credit or self._is_over)
            if self._is_over:
                raise self._error or UnavailableError("the input takes no more messages", "is the run over?")
            self._credit -= 1
        self._messages.put(message)

    def finish(self) -> None:
        """Say that no more comes and wait until all of it is stored. Raises what ended the rpc."""
        self._messages.put(None)
        with self._changed:
            self._changed.wait_for(lambda: self._is_over)
        if self._error is not None:
            raise self._error

    def _take_credit(self) -> None:
        """Thread: hear what the node grants, up to the end of the rpc."""
        import grpc

        error = None
        try:
            for credit in self._call:
                with self._changed:
                    self._credit += credit.messages
                    self._changed.notify_all()
        except grpc.RpcError as failure:
            error = self._told(failure)
        with self._changed:
            self._is_over, self._error = True, error
            self._changed.notify_all()
