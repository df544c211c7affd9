"""One run on this machine, from Prepare to Ended."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from rtmesh.common.clock import ClockPage
from rtmesh.common.errors import ProblemsError, RtmeshError
from rtmesh.common.logs import get_logger
from rtmesh.machine.addresses import Network
from rtmesh.machine.children import Children
from rtmesh.machine.cpu_groups import relay_edges, ring_edges
from rtmesh.machine.cpu_keeper import RunLoops
from rtmesh.machine.faults import problem_of, told
from rtmesh.machine.node import NodeHost
from rtmesh.machine.nurseries import Nurseries
from rtmesh.machine.paths import Paths
from rtmesh.machine.preflight import absolute_folder
from rtmesh.machine.relay_client import Relay
from rtmesh.machine.rings import RunRings
from rtmesh.machine.site import Site
from rtmesh.machine.state import State
from rtmesh.shm import RingError
from rtmesh.v1 import machine_pb2, plan_pb2, relay_pb2, status_pb2

RUNNING_PERIOD_S = 0.25
DRAINING_PERIOD_S = 0.1
SERVICE_GRACE_S = 2.0
# Services start when the loops are ready, for they compete for the CPU; but a slow setup has one too.
SERVICES_WITHIN_S = 2.0
# The supervisors kill a loop 7 s after Stop; a process that SIGKILL does not end is left to the kernel.
STOP_BOUND_S = 15.0

log = get_logger()


class Host(NamedTuple):
    """What the runs of one meshd share."""

    machine: str
    root: Path
    paths: Paths
    state: State
    children: Children
    nurseries: Nurseries
    relay: Relay
    network: Network
    clock: ClockPage
    clock_segment: str
    parent_process_id: int
    loop_cpus: frozenset[int]
    processes: Callable[[], list[status_pb2.ProcessStatus]]
    report: Callable[[machine_pb2.JoinRequest], None]


class Run:
    """One run. `prepare` once, then orders, then `stop` once."""

    def __init__(self, plan: plan_pb2.MachinePlan, host: Host) -> None:
        self.plan = plan
        self._host = host
        self._paths = host.paths.run(plan.run)
        self._rings = RunRings(host.machine, plan.run, host.state)
        self._offspring = host.nurseries.for_run()
        self._nodes: dict[str, NodeHost] = {}
        self._ring_edges = ring_edges(plan)
        self._relay_edges = relay_edges(plan)
        self._period_s = RUNNING_PERIOD_S
        self._pulse: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._services_timer: asyncio.TimerHandle | None = None
        self._services_start: asyncio.Task[None] | None = None
        self._are_services_due = True
        self._over = asyncio.Event()

    # orders

    async def prepare(self, data_addresses: dict[str, str]) -> None:
        """Make rings, start processes, have edges carried.

        Raises:
            ProblemsError: it could not be done; nothing of the run is left.
        """
        try:
            self._make()
            await self._offspring.until_ready()
            self._begin()
            await self._carry(data_addresses)
        except Exception as error:  # whatever it was: nothing may be left, and the scheduler waits to hear
            stack = None if isinstance(error, (RtmeshError, RingError, OSError)) else error
            log.error("cannot prepare", run=self.plan.run, why=told(error), exc_info=stack)
            await self._undo()
            raise ProblemsError([problem_of(self._host.machine, error)]) from error
        self._pulse = asyncio.get_running_loop().create_task(self._beat())

    def start(self) -> None:
        for node in self._nodes.values():
            node.start()

    def drain(self) -> None:
        for node in self._nodes.values():
            node.drain()
        self._period_s = DRAINING_PERIOD_S

    async def stop(self) -> machine_pb2.AccountsReport:
        """End every process of the run and remove what it had; returns the final accounts."""
        self._leave_services()
        for node in self._nodes.values():
            node.stop()
        await self._wait_until_over()
        await self._quiet()
        accounts = self.accounts()
        self._remove()
        return accounts

    # what happens

    def doorbell(self, node: str) -> None:
        """A loop of the run has said something."""
        if node in self._nodes:
            self._nodes[node].look()

    def statuses(self) -> list[machine_pb2.NodeReport]:
        return [
            machine_pb2.NodeReport(run=self.plan.run, status=node.status()) for node in self._nodes.values()
        ]

    def loops(self) -> RunLoops:
        """The loops that have not ended for good."""
        nodes = [node for node in self._nodes.values() if not node.supervisor.is_over]
        loops = tuple(node.loop() for node in nodes)
        return RunLoops(self.plan.run, self._ring_edges, loops, self._relay_edges)

    def accounts(self) -> machine_pb2.AccountsReport:
        """What the rings say now."""
        return machine_pb2.AccountsReport(
            run=self.plan.run,
            rings=self._rings.accounts(),
            nodes=[node.status() for node in self._nodes.values()],
            processes=self._host.processes(),
            time_ns=self._host.clock.now_ns(),
            clock_error_ns=self._host.clock.error_ns,
        )

    # making

    def _make(self) -> None:
        self._paths.make()
        self._paths.descriptors.write_bytes(self.plan.descriptors)
        self._rings.create(self.plan.rings)
        site = self._site()
        for plan in self.plan.nodes:
            self._nodes[plan.node.name] = NodeHost(plan, site)

    def _begin(self) -> None:
        for node in self._nodes.values():
            node.begin()
        loop = asyncio.get_running_loop()
        self._services_timer = loop.call_later(SERVICES_WITHIN_S, self._begin_services)

    def _site(self) -> Site:
        host, folder = self._host, absolute_folder(self._host.root, self.plan.folder)
        return Site(
            machine=host.machine,
            graph=self.plan.graph,
            run=self.plan.run,
            folder=folder,
            python_path=tuple(str((folder / entry).resolve()) for entry in self.plan.python_path),
            paths=self._paths,
            doorbell=host.paths.doorbell,
            clock_segment=host.clock_segment,
            rings=self._rings,
            network=host.network,
            children=host.children,
            offspring=self._offspring,
            parent_process_id=host.parent_process_id,
            loop_cpus=host.loop_cpus,
            report=self._report_node,
            changed=self._changed,
        )

    async def _carry(self, data_addresses: dict[str, str]) -> None:
        if not self.plan.egress and not self.plan.ingress:
            return
        carried = [edge.ring for edge in (*self.plan.egress, *self.plan.ingress)]
        request = relay_pb2.CarryRequest(
            run=self.plan.run,
            egress=self.plan.egress,
            ingress=self.plan.ingress,
            segments={ring: self._rings.segments[ring] for ring in carried},
            data_addresses=data_addresses,
        )
        await self._host.relay.carry(request, self._rings)

    # unmaking

    async def _undo(self) -> None:
        self._leave_services()
        for node in self._nodes.values():
            node.stop()
            node.kill()
        await self._wait_until_over()
        await self._quiet()
        self._remove()

    async def _wait_until_over(self) -> None:
        self._over.clear()
        self._changed()
        try:
            await asyncio.wait_for(self._over.wait(), STOP_BOUND_S)
        except TimeoutError:
            log.error("processes do not end", run=self.plan.run)

    async def _quiet(self) -> None:
        """Nobody touches a ring of the run any more after this."""
        await self._host.relay.release(self.plan.run)
        ends = (node.end_service(SERVICE_GRACE_S) for node in self._nodes.values())
        await asyncio.gather(*ends, self._offspring.end())

    def _remove(self) -> None:
        if self._pulse is not None:
            self._pulse.cancel()
        for timer in (self._timer, self._services_timer):
            if timer is not None:
                timer.cancel()
        for node in self._nodes.values():
            node.remove()
        self._rings.remove()
        self._paths.remove_sockets()

    # time

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(self._period_s)
            try:
                self._look()
                self._host.report(machine_pb2.JoinRequest(accounts=self.accounts()))
                self._bound_logs()
            except (RingError, OSError) as error:
                log.error("accounts cannot be taken", run=self.plan.run, error=told(error))

    def _look(self) -> None:
        for node in self._nodes.values():
            node.look()

    def _bound_logs(self) -> None:
        for node in self._nodes.values():
            node.bound_logs()

    def _begin_services(self) -> None:
        if self._are_services_due:
            self._are_services_due = False
            self._services_start = asyncio.get_running_loop().create_task(self._start_services())

    async def _start_services(self) -> None:
        await self._offspring.until_services_ready()
        nodes = self._nodes.values()
        for node in nodes:
            node.begin_service()
        await self._offspring.rest(keeps_loops=any(node.supervisor.rules.restarts for node in nodes))

    def _leave_services(self) -> None:
        """Start no services that were not started yet."""
        self._are_services_due = False
        if self._services_start is not None:
            self._services_start.cancel()

    def _changed(self) -> None:
        """Set the timer to the next deadline of a node; note when all are set up, and when all are over."""
        if self._services_timer is not None and all(node.is_set_up for node in self._nodes.values()):
            self._begin_services()
        if all(node.supervisor.is_over for node in self._nodes.values()):
            self._over.set()
        deadlines = [node.supervisor.deadline_ns for node in self._nodes.values()]
        next_ns = min((deadline for deadline in deadlines if deadline is not None), default=None)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if next_ns is not None:
            delay_s = max(0, next_ns - time.monotonic_ns()) / 1e9
            self._timer = asyncio.get_running_loop().call_later(delay_s, self._look)

    def _report_node(self, status: status_pb2.NodeStatus) -> None:
        self._host.report(
            machine_pb2.JoinRequest(node=machine_pb2.NodeReport(run=self.plan.run, status=status))
        )
