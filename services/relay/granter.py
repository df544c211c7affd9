"""Telling the far side of a pull what was released here: soon, but not for each message."""

from __future__ import annotations

import asyncio

import grpc

from rtmesh.relay.ingress_ring import IngressRing
from rtmesh.relay.window import Window
from rtmesh.v1.relay_pb2 import PullRequest

# Releases too few to be worth a request of their own are told after this long.
_TAIL_S = 0.02


class Granter:
    """Writes one pull's grants while another task receives its messages."""

    def __init__(self, call: grpc.aio.StreamStreamCall, window: Window, ring: IngressRing) -> None:
        self._call = call
        self._window = window
        self._ring = ring
        self._wake = asyncio.Event()
        self._tail: asyncio.TimerHandle | None = None

    def message_held(self) -> None:
        """Look whether there is something to tell, now that one more message lies in the ring."""
        self._window.released(self._ring.released)
        if self._window.is_due or self._window.is_exhausted:
            self._wake.set()
        elif self._tail is None:
            self._tail = asyncio.get_running_loop().call_later(_TAIL_S, self._wake.set)

    async def run(self) -> None:
        """Write grants until the call is over."""
        try:
            while True:
                await self._something_to_tell()
                self._window.released(self._ring.released)
                if self._window.has_news:
                    await self._call.write(PullRequest(**self._window.grant()._asdict()))
        except asyncio.InvalidStateError:
            pass  # the call is over; whoever reads it learns why
        finally:
            self._cancel_tail()

    async def _something_to_tell(self) -> None:
        if self._window.is_exhausted and self._window.is_full:
            return await self._ring.wait_for_space()
        if self._window.unreleased and self._tail is None:
            self._tail = asyncio.get_running_loop().call_later(_TAIL_S, self._wake.set)
        await self._wake.wait()
        self._wake.clear()
        self._cancel_tail()
        return None

    def _cancel_tail(self) -> None:
        if self._tail is not None:
            self._tail.cancel()
            self._tail = None
