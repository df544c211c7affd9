"""Pointer: the velocity of a pointing device, 200 times a second."""

from __future__ import annotations

from typing import Any

from devices.evdev import Evdev
from devices.recording import Recording
from devices.sample import Sample, Source
from maths.counts import Counter
from maths.steering import Pilot
from maths.trials import Look, Point

from rtmesh import Node, every

RATE_HZ = 200
RECORDING = "data/hand_movement_200hz.npz"


class Pointer(Node):
    """Reads a recorded movement, an evdev device or an autopilot, at absolute deadlines."""

    defaults = {"source": "recording"}
    source: Source | None = None

    def setup(self) -> None:
        self.source = self._open()

    @every(hz=RATE_HZ)
    def sample(self) -> None:
        assert self.source is not None, "opened in setup"
        sample = self.source.sample(self.clock.now_ns())
        self.outputs.velocity.send(
            dx=sample.dx, dy=sample.dy, button=sample.button, device_time_ns=sample.device_time_ns
        )

    def configure(self, parameters: Any) -> None:
        raise ValueError("the source of a running pointer cannot be changed: start the graph anew")

    def teardown(self) -> None:
        if self.source is not None:
            self.source.close()

    def _open(self) -> Source:
        source, path = self.parameters.source, self.parameters.path
        if source == "recording":
            return Recording(self.folder / (path or RECORDING))
        if source == "autopilot":
            return Autopilot(self)
        if source != "evdev":
            raise ValueError(f"source {source!r}: give recording, evdev or autopilot")
        if not path:
            raise ValueError("source evdev needs `path`, such as /dev/input/event3")
        return Evdev(self.folder / path)


class Autopilot:
    """Steers the newest cursor to the newest target."""

    def __init__(self, node: Node) -> None:
        self._inputs = node.inputs
        self._pilot = Pilot()
        self._counter = Counter()

    def sample(self, now_ns: int) -> Sample:
        """What a hand would do now."""
        cursor, target = self._inputs.cursor.latest(), self._inputs.target.latest()
        where: Point = (cursor.x, cursor.y) if cursor else (0.0, 0.0)
        is_shown = target is not None and target.state != Look.OFF.value
        goal = (target.x, target.y) if target and is_shown else None
        return Sample(*self._counter.count(self._pilot.velocity(where, goal)))

    def close(self) -> None:
        """Nothing is held open."""
