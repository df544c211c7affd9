"""Reading an output: credit goes out in batches, messages come in."""

from __future__ import annotations

import queue
import weakref
from collections.abc import Callable, Iterator
from typing import Any, Self

from rtmesh.common.errors import RtmeshError
from rtmesh.v1 import stream_pb2

# What may be on its way to us: enough that the writer never waits for a grant at any rate that we can follow.
WINDOW = 512


class Tap(Iterator[Any]):
    """The messages of an output, from the moment it was made. An iterator and a context manager.

    Args:
        begin: starts the rpc with an iterator of Credit.
        count: how many messages to take; 0: until the stream ends.
        told: makes an RtmeshError of what an rpc raises.
    """

    def __init__(
        self, begin: Callable[[Iterator[Any]], Any], count: int, told: Callable[[Any], RtmeshError]
    ) -> None:
        self._credits: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._count = count
        self._told = told
        self._granted = self._taken = 0
        self._call = begin(iter(self._credits.get, None))
        # Also when nobody closes a tap: its thread would wait for another Credit for ever.
        self._end = weakref.finalize(self, _end, self._call, self._credits)
        self._grant()
        # What is published from now on is seen: metadata comes when the service reads the ring for us.
        self._call.initial_metadata()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __next__(self) -> Any:
        """The next message. Raises RtmeshError if the stream broke; StopIteration at its end."""
        import grpc

        if not self._end.alive or self._is_complete:
            self.close()
            raise StopIteration
        try:
            message = next(self._call)
        except grpc.RpcError as error:
            was_closed = not self._end.alive
            self.close()
            if was_closed:
                raise StopIteration from None
            raise self._told(error) from error
        except StopIteration:
            self.close()
            raise
        self._taken += 1
        self._grant()
        return message

    def close(self) -> None:
        """Take no more; from any thread. A `next` that waits ends."""
        self._end()

    @property
    def _is_complete(self) -> bool:
        return self._taken == self._count > 0

    def _grant(self) -> None:
        """Grant what was taken once it is half a window: a Credit costs more than a message."""
        free = WINDOW - (self._granted - self._taken)
        more = min(free, self._count - self._granted) if self._count else free
        if more == 0 or (free < WINDOW // 2 and self._granted + more != self._count):
            return
        self._granted += more
        self._credits.put(stream_pb2.Credit(messages=more))
        if self._granted == self._count:
            self._credits.put(None)  # the half-close


def _end(call: Any, credits: queue.SimpleQueue[Any]) -> None:
    call.cancel()
    credits.put(None)
