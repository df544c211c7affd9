"""How much shared memory a planned run takes on each machine, and what of it takes most. Pure.

A ring's size follows from its plan, so this is known before anything starts; how much a machine has left
only the machine knows (see rtmesh.machine.preflight).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rtmesh.common.memory import control_bytes, ring_bytes
from rtmesh.graph.plan import plan_run, required_machines
from rtmesh.graph.problems import Problem
from rtmesh.v1 import graph_pb2, plan_pb2

ANY_MACHINE = "one machine"
_UNITS = ("KiB", "MiB", "GiB", "TiB")


@dataclass(frozen=True)
class MachineMemory:
    """Need of one machine: each of its rings, named by its edges, largest first; and its control rings."""

    machine: str
    rings: tuple[tuple[str, int], ...]
    node_count: int
    control_bytes: int

    @property
    def total_bytes(self) -> int:
        return self.control_bytes + sum(size for _, size in self.rings)

    def largest(self, count: int = 3) -> str:
        """What takes most: `a.out -> b.in 64.1 MiB, ..., control rings of 2 nodes 7.4 MiB`."""
        parts = [f"{name} {human_bytes(size)}" for name, size in self.rings[:count]]
        if len(self.rings) > count:
            parts.append(f"{len(self.rings) - count} more")
        if self.node_count:
            nodes = f"{self.node_count} node{'s' if self.node_count > 1 else ''}"
            parts.append(f"control rings of {nodes} {human_bytes(self.control_bytes)}")
        return ", ".join(parts)


def machine_memory(plan: plan_pb2.MachinePlan) -> MachineMemory:
    """The need of one machine's part of a run. Raises ValueError: there can be no such ring."""
    rings = sorted(((_edges_of(ring), ring_bytes(ring)) for ring in plan.rings), key=lambda item: -item[1])
    count = len(plan.nodes)
    return MachineMemory(plan.machine, tuple(rings), count, count * control_bytes())


def graph_memory(graph: graph_pb2.Graph) -> list[MachineMemory]:
    """The need of each machine that a checked graph names; of one machine if it names none."""
    machines = required_machines(graph) or [ANY_MACHINE]
    return [machine_memory(part) for part in plan_run(graph, "", machines).machines]


def ring_problems(rings: Iterable[plan_pb2.RingPlan]) -> list[Problem]:
    """Rings of a plan that cannot be: too many readers, a queue or a message beyond the layout."""
    problems = []
    for ring in rings:
        try:
            ring_bytes(ring)
        except ValueError as error:
            remedy = "use fewer readers, a smaller queue or a smaller max_bytes"
            problems.append(Problem("", _edges_of(ring), str(error), remedy))
    return problems


def graph_problems(graph: graph_pb2.Graph) -> list[Problem]:
    """Rings that a checked graph would need and that cannot be."""
    parts = plan_run(graph, "", required_machines(graph) or [ANY_MACHINE]).machines
    return ring_problems(ring for part in parts for ring in part.rings)


def human_bytes(size: int) -> str:
    """1536 -> 1.5 KiB."""
    value, unit = float(size), "B"
    for larger in _UNITS:
        if value < 1024:
            break
        value, unit = value / 1024, larger
    return f"{size} B" if unit == "B" else f"{value:.1f} {unit}"


def _edges_of(ring: plan_pb2.RingPlan) -> str:
    """`a.out -> b.in, c.in`; of an input's own ring its name."""
    readers: Sequence[str] = [reader.name for reader in ring.readers if reader.name != ring.name]
    return f"{ring.name} -> {', '.join(readers)}" if readers else ring.name
