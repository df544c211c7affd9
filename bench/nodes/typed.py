"""What the SDK adds to the ring: half round trips of a typed message, and of its bytes on bare rings."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.nodes.rig import HERE, PATIENCE_S, NodeSpec, Rig, data_layout
from bench.nodes.trace import POINTS
from rtmesh.shm import create_ring, segment_name

WARM_UP = 500
# Long enough that no peer of this bench is later: what is measured is the work, not the waking.
SPIN_NS = 2_000_000


@dataclass(frozen=True)
class Kind:
    """A message: its nodes, what it takes on the wire, and how much the SDK may add."""

    name: str
    nodes: str
    wire_bytes: int
    bare_bytes: int
    most_us: float


KINDS = (
    Kind("typed message of 64 B", "", 64, 64, 8.0),
    Kind("Tensor of 61,440 B", "Tensor", 61_512, 61_440, 15.0),
)


@dataclass(frozen=True)
class Setting:
    """How the two processes run."""

    name: str
    is_pinned: bool
    spin_ns: int

    def cpu(self, index: int) -> int | None:
        return index if self.is_pinned else None


SETTINGS = (
    Setting("pinned, spinning", True, SPIN_NS),
    Setting("default scheduling, spinning", False, SPIN_NS),
    Setting("default scheduling, sleeping", False, 0),
)


def typed_us(
    folder: Path, kind: Kind, setting: Setting, count: int, trace: Path | None = None
) -> list[float]:
    """Half round trips between two loop processes; with `trace`, where the second one spends its steps."""
    path = folder / "times"
    ping = NodeSpec(
        "ping",
        f"bench.v1.{kind.nodes}Pinger",
        f"nodes.pingpong:{kind.nodes}Pinger",
        {"pong": "pong.pong"},
        {"warm_up": WARM_UP, "count": count, "path": str(path)},
        setting.cpu(0),
    )
    pong = NodeSpec(
        "pong",
        f"bench.v1.{kind.nodes}Ponger",
        f"nodes.pingpong:{kind.nodes}Ponger",
        {"ping": "ping.ping"},
        cpu=setting.cpu(1),
        trace=trace,
    )
    with Rig(folder, [ping, pong]) as rig:
        rig.run(setting.spin_ns)
    return (np.frombuffer(path.read_bytes(), np.int64) / 1e3).tolist()


def bare_us(folder: Path, kind: Kind, setting: Setting, count: int) -> list[float]:
    """The same to and fro on two rings, without the SDK."""
    path = folder / "bare"
    names = [segment_name("bench", folder.name, name) for name in ("there", "back")]
    with contextlib.ExitStack() as open_:
        for name in names:
            ring = create_ring(name, data_layout("bare"))
            open_.callback(ring.close)
            open_.callback(ring.unlink)
        sides = [(names[0], names[1], str(path)), (names[1], names[0], "")]
        processes = []
        for index, (write, read, out) in enumerate(sides):
            cpu = setting.cpu(index)
            arguments = [
                write,
                read,
                setting.spin_ns,
                kind.bare_bytes,
                WARM_UP + count,
                out,
                "" if cpu is None else cpu,
            ]
            command = [sys.executable, str(HERE / "bare_ring.py"), *map(str, arguments)]
            processes.append(open_.enter_context(subprocess.Popen(command)))
            open_.callback(processes[-1].kill)
        if any(process.wait(PATIENCE_S) for process in processes):
            raise RuntimeError("the bare ring's ping-pong failed")
    return (np.frombuffer(path.read_bytes(), np.int64)[WARM_UP:] / 1e3).tolist()


def step_us(folder: Path, kind: Kind, count: int) -> dict[str, float]:
    """The median time from point to point of a step, pinned and spinning."""
    trace = folder / "trace.npy"
    typed_us(folder, kind, SETTINGS[0], count, trace)
    rows: NDArray[np.int64] = np.load(trace)[WARM_UP // 2 :]
    medians = np.median(np.diff(rows, axis=1), axis=0) / 1e3
    return {f"{POINTS[i]} to {POINTS[i + 1]}": float(value) for i, value in enumerate(medians)}
