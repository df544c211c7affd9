"""Requests under way: who waits for which answer, and for which life of the loop."""

from __future__ import annotations

import asyncio
from typing import NamedTuple

from rtmesh.common.errors import UnavailableError
from rtmesh.v1 import node_pb2, status_pb2

# In these states the loop has answered its last request.
OVER = (status_pb2.NODE_STATE_ENDED, status_pb2.NODE_STATE_STOPPED, status_pb2.NODE_STATE_FAILED)


class RefusedError(Exception):
    """The loop answered with a google.rpc.Code other than 0."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class Sight(NamedTuple):
    """The loop as its ring shows it: which life (0: it has not come yet), whether that runs, its state."""

    epoch: int
    is_alive: bool
    state: int

    @property
    def is_over(self) -> bool:
        """It was there and is not now."""
        return self.epoch > 0 and not self.is_alive


class _Waiting(NamedTuple):
    epoch: int
    answer: asyncio.Future[bytes]


class PendingCalls:
    """The requests under way. Pure: told what the loop said, it answers who waits.

    Whoever asked a life of the loop that is over gets UnavailableError, as nobody can tell how far it came.
    What is asked before the first life waits for it.
    """

    def __init__(self, node: str, process_id: int) -> None:
        self._node = node
        self._next_id = process_id << 32
        self._waiting: dict[int, _Waiting] = {}
        self._epoch = 0
        self.state: int = status_pb2.NODE_STATE_UNSPECIFIED

    def begin(self, sight: Sight) -> tuple[int, asyncio.Future[bytes]]:
        """A new id, and what will hold its answer. UnavailableError if nobody is there to give it."""
        if sight.is_over or (self.state in OVER and sight.epoch == self._epoch):
            raise self._gone("is not running")
        self._next_id += 1
        answer = asyncio.get_running_loop().create_future()
        self._waiting[self._next_id] = _Waiting(sight.epoch, answer)
        return self._next_id, answer

    def finish(self, call: int) -> None:
        """Nobody waits for this one any more."""
        self._waiting.pop(call, None)

    def heard(self, epoch: int, event: node_pb2.NodeEvent) -> None:
        """The loop, in its life `epoch`, told something."""
        if epoch != self._epoch:
            self._next_life(epoch)
        if event.HasField("state"):
            self.state = event.state.state
            if self.state in OVER:
                self.lost(epoch, _said(event.state))
        elif event.HasField("reply"):
            self._answer(event.reply)

    def saw(self, sight: Sight) -> None:
        """Nothing was told for a while; a look at the ring showed this."""
        if sight.is_over:
            self.lost(sight.epoch, "is not running")
        if sight.epoch >= self._epoch:
            self.state = status_pb2.NODE_STATE_UNSPECIFIED if sight.is_over else sight.state

    def lost(self, epoch: int | None, what: str) -> None:
        """No answer will come from life `epoch` or an earlier one (None: from any)."""
        for call, waiting in list(self._waiting.items()):
            if epoch is None or waiting.epoch <= epoch:
                del self._waiting[call]
                self._fail(waiting.answer, what)

    def _next_life(self, epoch: int) -> None:
        for call, waiting in self._waiting.items():
            if waiting.epoch == 0:
                self._waiting[call] = _Waiting(epoch, waiting.answer)
        self.lost(epoch - 1, "was started again")
        self._epoch, self.state = epoch, status_pb2.NODE_STATE_UNSPECIFIED

    def _answer(self, reply: node_pb2.NodeReply) -> None:
        waiting = self._waiting.pop(reply.id, None)
        if waiting is None or waiting.answer.done():
            return
        if reply.code:
            waiting.answer.set_exception(RefusedError(reply.code, reply.message))
        else:
            waiting.answer.set_result(reply.response)

    def _fail(self, answer: asyncio.Future[bytes], what: str) -> None:
        if not answer.done():
            answer.set_exception(self._gone(what))
            answer.exception()  # seen: the call may still be on its way into the ring

    def _gone(self, what: str) -> UnavailableError:
        return UnavailableError(
            f"node {self._node} {what}", "call again when it runs; an earlier call may have acted"
        )


def _said(change: node_pb2.NodeStateChange) -> str:
    name = status_pb2.NodeState.Name(change.state).removeprefix("NODE_STATE_").lower()
    return f"has {name}" + (f" ({change.reason})" if change.reason else "")
