"""Dialling another machine, with a wire that the test plays."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from rtmesh.common.errors import AbortedError, NotFoundError, RtmeshError, UnavailableError
from rtmesh.relay.egress import EgressEdge
from rtmesh.relay.far_machine import FarMachine
from rtmesh.relay.wire import Stream

DEADLINE_S = 10.0


class EndsAtOnce:
    """A wire whose first call is over before it has begun; `cancelled` is set when it is cancelled."""

    def __init__(self, error: RtmeshError | None) -> None:
        self.cancelled = threading.Event()
        self.again = threading.Event()
        self._error = error
        self._calls = 0

    def connect(self, address: str) -> EndsAtOnce:
        return self

    def call(self, stream: Stream) -> Callable[[], object]:
        self._calls += 1
        if self._calls > 1:
            self.again.set()
            return lambda: None
        if self._error is not None:
            raise self._error
        stream.over(AbortedError("a newer lane took its place"))
        return self.cancelled.set

    def close(self) -> None:
        """Nothing is open."""


def find_nothing(run: str, edge: str) -> EgressEdge:
    raise NotFoundError(edge)


@pytest.mark.parametrize("error", [None, UnavailableError("the connection is closed")])
def test_a_lane_that_ends_while_it_is_dialled_leaves_no_call_and_is_dialled_again(error) -> None:
    wire = EndsAtOnce(error)
    far = FarMachine("left", "right", find_nothing, wire)
    try:
        far.use("")
        far.reach("unix:/right")

        assert wire.again.wait(DEADLINE_S)
        assert error is not None or wire.cancelled.wait(DEADLINE_S)
    finally:
        far.close()
