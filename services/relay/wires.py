"""Which wire a relay uses: the polled one if it works here."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator

import structlog

from rtmesh.common.errors import AbortedError, RtmeshError
from rtmesh.common.serving import add_port
from rtmesh.relay.ordinary import OrdinaryWire
from rtmesh.relay.wire import Wire

_TRIAL_S = 3.0
_WORD = b"a frame"


def choose_wire(*, ordinary: bool = False) -> Wire:
    """The polled wire, if a trial of it succeeds here; else, or if asked, the ordinary one."""
    if ordinary:
        return OrdinaryWire()
    try:
        from rtmesh.relay.polled import PolledWire

        try_out(PolledWire())
    except Exception as error:  # whatever another gRPC may do
        structlog.get_logger().warning(
            "gRPC is used by its public interface, which is slower", error=str(error)
        )
        return OrdinaryWire()
    return PolledWire()


def try_out(wire: Wire) -> None:
    """One lane in this process: a frame each way, and a status.

    Raises:
        Exception: it does not work.
    """
    address = f"unix-abstract:rtmesh-trial-{os.getpid()}-{id(wire)}"
    near, far = _Trial(), _Trial(answers=True)
    listener = wire.listen(lambda hello, cancel: far)
    add_port(listener, address)
    listener.start()
    connection = wire.connect(address)
    try:
        near.cancel = connection.call(near)
        near.check(_WORD, AbortedError)
    finally:
        connection.close()
        listener.stop(0.0)


class _Trial:
    """A stream that says hello and waits; or one that answers what comes, then ends."""

    def __init__(self, *, answers: bool = False) -> None:
        self.reason: RtmeshError | None = None
        self.cancel: Callable[[], object] = lambda: None
        self._answers = answers
        self._came: list[bytes] = []
        self._changed = threading.Semaphore(0)
        self._over = threading.Event()

    def frames(self, await_sent: Callable[[], object]) -> Iterator[bytes]:
        if not self._answers:
            yield b"hello"
            await_sent()
            yield _WORD
            self._over.wait(_TRIAL_S)
        elif self._changed.acquire(timeout=_TRIAL_S):
            yield self._came[0]
            await_sent()
            self.reason = AbortedError("the trial is over")

    def take(self, frame: bytes) -> None:
        self._came.append(frame)
        self._changed.release()

    def over(self, reason: RtmeshError) -> None:
        self.reason = self.reason or reason
        self._over.set()

    def check(self, word: bytes, kind: type[RtmeshError]) -> None:
        """That this word came, and then an end of this kind."""
        is_over = self._over.wait(_TRIAL_S)
        if not is_over or self._came != [word] or not isinstance(self.reason, kind):
            raise RuntimeError(f"a trial got {self._came} and {self.reason!r}")
