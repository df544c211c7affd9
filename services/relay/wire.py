"""What lanes ask of gRPC, in words of lanes; two ways to have it, which talk to each other.

http2     by HTTP/2 of our own, so that no message is handed from thread to thread
ordinary  by the library grpc
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

from rtmesh.common.errors import RtmeshError

EXCHANGE = "/rtmesh.v1.Relay/Exchange"


class Stream(Protocol):
    """A lane as the wire sees it."""

    @property
    def reason(self) -> RtmeshError | None:
        """Why it is over; None while it is not."""

    def frames(self) -> Iterator[bytes]:
        """What to send, until it is over; each is to be asked for once the last is on its way."""

    def take(self, frame: bytes) -> None:
        """A frame came."""

    def over(self, reason: RtmeshError) -> None:
        """Nothing more will come."""


# A lane is dialled from elsewhere: its first frame, and what ends the call -> the lane. Raises RtmeshError.
Accept = Callable[[bytes, Callable[[], object]], Stream]


class Connection(Protocol):
    """To another relay; many calls."""

    def call(self, stream: Stream) -> Callable[[], object]:
        """Dial a lane; returns what ends the call.

        Raises:
            UnavailableError: the connection is closed, or there can be no thread for it.
        """

    def close(self) -> None:
        """End every call, and the connection."""


class Listener(Protocol):
    """Where other relays dial."""

    def add_insecure_port(self, address: str) -> int:
        """Bind an address before `start`; 0 or RuntimeError if that cannot be."""

    def start(self) -> None:
        """Serve."""

    def stop(self, grace_s: float) -> None:
        """End: no new lane, and those that are left after `grace_s` are cut."""


class Wire(Protocol):
    """One of the two ways."""

    def connect(self, address: str) -> Connection:
        """A connection to another relay, dialled with its first call."""

    def listen(self, accept: Accept) -> Listener:
        """Take the lanes that others dial."""
