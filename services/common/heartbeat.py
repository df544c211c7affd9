"""Signs of life on the stream between a machine and the scheduler, and noticing that they have stopped.

Who has nothing to say sends an empty message every BEAT_S. A cable that is cut says nothing either: no
end, no error. So it is silence that tells, on both sides, and sooner than gRPC's keepalive would.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

BEAT_S = 0.5
SILENCE_S = 2.5
# Often enough that silence is noticed within SILENCE_S of the last message, and not later.
_LOOK_S = 0.25
_LOOKS = int(SILENCE_S / _LOOK_S)


class Listener:
    """Notices that a peer is not heard any more, from its first message on.

    What is counted is looks, not time: a process that was itself held up, by a debugger or a full
    computer, has yet to read what its peer sent meanwhile, and must not take its own silence for that
    of the peer.
    """

    def __init__(self) -> None:
        self._first = asyncio.Event()
        self._looks = 0

    def heard(self) -> None:
        """The peer has said something."""
        self._first.set()
        self._looks = 0

    async def until_silent(self) -> None:
        """Return when nothing was heard for SILENCE_S."""
        await self._first.wait()
        while self._looks < _LOOKS:
            await asyncio.sleep(_LOOK_S)
            self._looks += 1


async def beat(send: Callable[[], None]) -> None:
    """Call `send` every BEAT_S, until cancelled."""
    while True:
        await asyncio.sleep(BEAT_S)
        send()
