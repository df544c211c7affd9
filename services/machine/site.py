"""What the nodes of one run share on this machine, and the configuration that a loop gets of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rtmesh.machine.addresses import Network
from rtmesh.machine.children import Children
from rtmesh.machine.nurseries import Offspring
from rtmesh.machine.paths import RunPaths
from rtmesh.machine.rings import RunRings
from rtmesh.v1 import node_pb2, plan_pb2, status_pb2


@dataclass(frozen=True)
class Site:
    """What the nodes of one run share."""

    machine: str
    graph: str
    run: str
    folder: Path
    python_path: tuple[str, ...]
    paths: RunPaths
    doorbell: Path
    clock_segment: str
    rings: RunRings
    network: Network
    children: Children
    offspring: Offspring
    # Process id of meshd if its children are to end with it, else 0.
    parent_process_id: int
    # Those on which loops run; none: all that meshd has.
    loop_cpus: frozenset[int]
    report: Callable[[status_pb2.NodeStatus], None]
    # Called after every event of a node: its deadline may have changed, it may be over.
    changed: Callable[[], None]


def loop_config(plan: plan_pb2.NodePlan, site: Site, epoch: int, address: str) -> node_pb2.LoopConfig:
    """The configuration of a node's loop and service, but for its control rings.

    Args:
        address: where the node's service listens.
    """
    touched = [binding.ring for binding in (*plan.outputs, *plan.inputs)]
    return node_pb2.LoopConfig(
        graph=site.graph,
        run=site.run,
        machine=site.machine,
        node=plan,
        folder=str(site.folder),
        python_path=site.python_path,
        descriptors_path=str(site.paths.descriptors),
        segments={ring: site.rings.segments[ring] for ring in touched},
        clock_segment=site.clock_segment,
        doorbell_path=str(site.doorbell),
        epoch=epoch,
        stack_path=str(site.paths.stack(plan.node.name)),
        die_with_parent=bool(site.parent_process_id),
        parent_process_id=site.parent_process_id,
        service_address=address,
    )
