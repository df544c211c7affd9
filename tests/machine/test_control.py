"""meshd's ends of a node's control rings."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rtmesh.common.control import WORD_STATE
from rtmesh.common.parts import Cutter
from rtmesh.machine.control import NodeControl
from rtmesh.machine.rings import RunRings
from rtmesh.machine.state import State
from rtmesh.shm import Writer, unlink_segment
from rtmesh.v1 import node_pb2, status_pb2

READY = status_pb2.NODE_STATE_READY


@pytest.fixture
def rings(tmp_path: Path) -> Iterator[RunRings]:
    made = RunRings("solo", "control", State(tmp_path / "state.json"))
    yield made
    for segment in made.segments.values():
        unlink_segment(segment)


def test_what_is_no_event_is_passed_over_and_the_next_is_heard(rings: RunRings) -> None:
    control = NodeControl(rings, "node")
    events = Writer(control.segment("node@events"))
    events.set_word(WORD_STATE, READY)
    events.try_publish(b"\xff\xff\xff", 0)
    told = node_pb2.NodeEvent(state=node_pb2.NodeStateChange(state=READY))
    events.try_publish(told.SerializeToString(), 0)

    assert control.take_events() == [told]
    events.close()


def test_an_event_in_parts_is_heard_whole_and_its_sender_counts_none_lost(rings: RunRings) -> None:
    control = NodeControl(rings, "node")
    events = Writer(control.segment("node@events"))
    told = node_pb2.NodeEvent(state=node_pb2.NodeStateChange(state=READY, detail="x" * 60_000))
    for slot in Cutter(node_pb2.NodeEvent).slots(told):
        events.try_publish(slot, 0)

    assert control.take_events() == [told]
    assert control.missed_state() == status_pb2.NODE_STATE_UNSPECIFIED
    events.close()
