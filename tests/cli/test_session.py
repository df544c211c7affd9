"""`meshctl up` follows a graph to its end; a second Ctrl-C cuts short what is left, if anything is."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from small_graphs import chain

from rtmesh.cli import session
from rtmesh.v1 import status_pb2


class Impatient:
    """A terminal at which the second Ctrl-C is pressed as soon as a phase is shown."""

    def __init__(self, phase: str) -> None:
        self.phase = status_pb2.GraphPhase.Value(f"GRAPH_PHASE_{phase}")
        self.signals: Any = SimpleNamespace(want_stop=True, want_end=False)

    def show(self, status: status_pb2.GraphStatus) -> None:
        self.signals.want_end = status.phase == self.phase

    def tell(self, text: str) -> None:
        pass


def outcome_at(phase: str) -> session.Outcome:
    terminal = Impatient(phase)
    up = session.UpSession(chain("cursor", "pointer"), terminal.signals, warm=SimpleNamespace())  # type: ignore[arg-type]
    up._updates.put(status_pb2.GraphStatus(name="cursor", phase=terminal.phase))
    mesh: Any = SimpleNamespace(take_ended=list)
    up._follow(SimpleNamespace(), mesh, terminal)  # type: ignore[arg-type]
    return up._outcome


@pytest.mark.parametrize("phase", ["STOPPED", "COMPLETED", "FAILED"])
def test_a_graph_that_has_ended_is_not_cut_short(phase: str) -> None:
    outcome = outcome_at(phase)

    assert outcome.is_final and not outcome.failures


def test_a_graph_that_drains_is_cut_short() -> None:
    with pytest.raises(session._GiveUpError, match="second signal"):
        outcome_at("DRAINING")
