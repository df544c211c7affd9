"""A lane as the wire sees it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import structlog

from rtmesh.common.errors import RtmeshError, UnavailableError
from rtmesh.relay.lane import Lane

if TYPE_CHECKING:
    from rtmesh.relay.far_machine import FarMachine


class LaneStream:
    """Takes what comes for a lane, until either side ends it; what is wrong with a frame ends it too."""

    def __init__(self, far: FarMachine, lane: Lane) -> None:
        self._far = far
        self._lane = lane
        self._log = structlog.get_logger().bind(lane=lane.name, far=lane.far)

    @property
    def reason(self) -> RtmeshError | None:
        """See wire.Stream."""
        return self._lane.reason

    def frames(self) -> Iterator[bytes]:
        """See wire.Stream."""
        return self._lane.frames()

    def take(self, frame: bytes) -> None:
        """See wire.Stream."""
        if self._lane.reason is not None:
            return
        try:
            self._lane.take(frame)
        except RtmeshError as error:
            self._log.warning("lane fails", error=str(error))
            self.over(error)
        except Exception as error:  # ours: told, and begun anew
            self._log.exception("lane fails")
            self.over(UnavailableError(str(error)))

    def over(self, reason: RtmeshError) -> None:
        """See wire.Stream."""
        self._far.drop(self._lane, reason)
