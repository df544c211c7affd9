"""meshd: the parent of everything that runs on one machine, under the orders of one scheduler."""

from __future__ import annotations

import asyncio
import os
import platform
import socket
import time
from collections.abc import Awaitable, Callable, Iterator
from importlib.metadata import version

from rtmesh.common.cpus import listed_cpus
from rtmesh.common.errors import ProblemsError, RtmeshError
from rtmesh.common.logs import get_logger
from rtmesh.machine.addresses import Network
from rtmesh.machine.awake import Awake
from rtmesh.machine.children import Children, Usage
from rtmesh.machine.clock_keeper import ClockKeeper
from rtmesh.machine.clock_page import make_clock_page
from rtmesh.machine.cpu_keeper import CpuKeeper
from rtmesh.machine.doorbell import Doorbell
from rtmesh.machine.faults import problem_of, told
from rtmesh.machine.link import Link
from rtmesh.machine.log_orders import LogOrders
from rtmesh.machine.nurseries import Nurseries
from rtmesh.machine.options import Options
from rtmesh.machine.paths import KEPT_RUNS, Paths
from rtmesh.machine.preflight import preflight
from rtmesh.machine.readable import until_end_of
from rtmesh.machine.relay_client import Relay
from rtmesh.machine.run import Host, Run
from rtmesh.machine.spare import Spare
from rtmesh.machine.state import State
from rtmesh.v1 import machine_pb2, status_pb2

LEAVE_TIMEOUT_S = 2.0

log = get_logger()


class Daemon:
    """The runs of one machine, and the scheduler's orders about them."""

    def __init__(self, options: Options, paths: Paths, spare: Spare | None = None) -> None:
        self._options = options
        self._paths = paths
        state = State(paths.state)
        children = Children(state)
        own_process_id = os.getpid() if options.parent_process_id else 0
        self._nurseries = Nurseries(children, paths.folder, spare)
        self._network = Network(options.host, options.advertise)
        self._data = self._network.endpoint(paths.relay_data, options.data_port)
        self._relay = Relay(
            options.machine, paths, children, self._data.listen, own_process_id, self._report_link
        )
        self._usage = Usage("meshd", os.getpid())
        self._awake = Awake(options.keep_awake, self._report_awake)
        self._host = self._make_host(state, children, own_process_id)
        self._runs: dict[str, Run] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_closing = False
        self._joining_since_ns = 0
        self._ended: dict[str, machine_pb2.Ended] = {}
        self._doorbell = Doorbell(paths.doorbell, self._rang)
        # Nobody but its runs reads the page.
        self._clock = ClockKeeper(self._host.clock, lambda: not self._runs, self._report_clock)
        self._cpus = CpuKeeper(
            options.loop_cpus,
            lambda: [run.loops() for run in self._runs.values()],
            lambda: self._relay.process_id,
        )
        self._link = Link(
            options.scheduler, self._hello, self._current, self._ordered, self._cut, self._clock.keep
        )
        self._report = self._link.outbox.put
        self._logs = LogOrders(paths, self._link.outbox.put_when_room, self._runs.__contains__)

    def _make_host(self, state: State, children: Children, parent_process_id: int) -> Host:
        clock = make_clock_page(self._options.machine, state)
        return Host(
            machine=self._options.machine,
            root=self._options.root.absolute(),
            paths=self._paths,
            state=state,
            children=children,
            nurseries=self._nurseries,
            relay=self._relay,
            network=self._network,
            clock=clock,
            clock_segment=clock.name,
            parent_process_id=parent_process_id,
            loop_cpus=listed_cpus(self._options.loop_cpus),
            processes=self._processes,
            report=lambda report: self._report(report),
        )

    async def run_until(self, stopped: asyncio.Event) -> None:
        """Serve the scheduler until the event is set, then stop every run.

        Raises:
            RtmeshError: the scheduler does not take this machine; nothing runs.
        """
        self._paths.remove_old_runs(self._runs)
        keeping = asyncio.get_running_loop().create_task(self._keep_joined())
        chrony = asyncio.get_running_loop().create_task(self._clock.watch_chrony())
        cpus = asyncio.get_running_loop().create_task(self._cpus.keep())
        try:
            await _first_of(keeping, stopped)
            log.info("stopping", runs=len(self._runs))
            self._is_closing = True
            await asyncio.gather(*(self._stop(run) for run in list(self._locks)))
            await self._link.leave(LEAVE_TIMEOUT_S)
        finally:
            for task in (keeping, chrony, cpus):
                task.cancel()
            await asyncio.gather(keeping, chrony, cpus, return_exceptions=True)

    async def _keep_joined(self) -> None:
        await until_end_of(self._options.join_at_end_of)
        await self._link.keep()

    async def close(self) -> None:
        """Let go of everything; no run is left."""
        self._logs.cancel_all()
        await self._nurseries.end()
        await self._relay.end()
        self._data.close()
        self._doorbell.close()
        self._host.clock.close()
        self._host.clock.unlink()
        self._paths.remove_sockets()
        self._paths.state.unlink(missing_ok=True)

    # reports

    def _hello(self) -> machine_pb2.Hello:
        self._joining_since_ns = time.monotonic_ns()
        return machine_pb2.Hello(
            machine=self._options.machine,
            hostname=socket.gethostname(),
            process_id=os.getpid(),
            data_address=self._data.advertised,
            kernel=platform.release(),
            cpu_count=os.cpu_count() or 1,
            memory_bytes=os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"),
            version=version("rtmesh"),
            # Also those that ended meanwhile: how they ended comes next.
            runs=[*self._runs, *self._link.outbox.runs_that_ended()],
        )

    def _current(self) -> Iterator[machine_pb2.JoinRequest]:
        """All that a scheduler without memory needs to know."""
        yield machine_pb2.JoinRequest(keep_awake=self._awake.state)
        for run in self._runs.values():
            yield from (machine_pb2.JoinRequest(node=report) for report in run.statuses())
        yield from (machine_pb2.JoinRequest(link=link) for link in self._relay.links())
        for run in self._runs.values():
            yield machine_pb2.JoinRequest(accounts=run.accounts())

    def _processes(self) -> list[status_pb2.ProcessStatus]:
        self._usage.sample()
        relay = self._relay.status()
        return [self._usage.status(), *([relay] if relay else [])]

    def _report_link(self, link: machine_pb2.LinkReport) -> None:
        self._report(machine_pb2.JoinRequest(link=link))

    def _report_clock(self, status: status_pb2.ClockStatus) -> None:
        self._report(machine_pb2.JoinRequest(clock=status))

    def _report_awake(self) -> None:
        self._report(machine_pb2.JoinRequest(keep_awake=self._awake.state))

    # orders

    def _ordered(self, order: machine_pb2.JoinResponse) -> None:
        match order.WhichOneof("order"):
            case "welcome":
                self._clock.welcomed(order.welcome, self._joining_since_ns)
            case "preflight":
                self._begin(order.preflight.plan.run, self._preflight, order.preflight)
            case "prepare":
                self._begin(order.prepare.plan.run, self._prepare, order.prepare)
            case "start":
                self._begin(order.start.run, self._start, order.start)
            case "drain":
                self._begin(order.drain.run, self._drain, order.drain)
            case "stop":
                self._begin(order.stop.run, self._ordered_stop, order.stop)
            case "read_log":
                self._logs.begin(order.read_log)
            case "cancel_log":
                self._logs.cancel(order.cancel_log.id)

    def _cut(self) -> None:
        """The stream is gone, and with it those who read logs."""
        self._logs.cancel_all()

    def _begin(self, run: str, handle: Callable[..., Awaitable[None]], order: object) -> None:
        """Carry out an order after those given before it for the same run."""
        lock = self._locks.setdefault(run, asyncio.Lock())

        async def in_turn() -> None:
            async with lock:
                await handle(order)

        task = asyncio.get_running_loop().create_task(in_turn())
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.error("an order failed", exc_info=error)

    async def _preflight(self, order: machine_pb2.Preflight) -> None:
        paths = self._paths.run(order.plan.run)
        replaced = self._runs.get(order.replaces)
        back = replaced.plan if replaced is not None else None
        problems = await asyncio.to_thread(preflight, order.plan, self._host.root, paths, back)
        answer = machine_pb2.Preflighted(run=order.plan.run, problems=problems)
        self._report(machine_pb2.JoinRequest(preflighted=answer))

    async def _prepare(self, order: machine_pb2.Prepare) -> None:
        name = order.plan.run
        answer = machine_pb2.Prepared(run=name)
        if name not in self._runs and not self._is_closing:
            try:
                await self._begin_run(order)
            except ProblemsError as error:
                self._forget(name)
                answer.problems.extend(error.problems)
        self._report(machine_pb2.JoinRequest(prepared=answer))

    async def _begin_run(self, order: machine_pb2.Prepare) -> None:
        """Raises ProblemsError: it could not be done; nothing of the run is left."""
        try:
            self._awake.hold(order.plan.run)
        except (RtmeshError, OSError) as error:
            log.error("cannot prepare", run=order.plan.run, why=told(error))
            raise ProblemsError([problem_of(self._options.machine, error)]) from error
        self._runs[order.plan.run] = run = Run(order.plan, self._host)
        await run.prepare(dict(order.data_addresses))

    def _forget(self, name: str) -> bool:
        """A run is not here any more; whether it was."""
        self._awake.release(name)
        return self._runs.pop(name, None) is not None

    async def _start(self, order: machine_pb2.Start) -> None:
        if order.run in self._runs:
            self._runs[order.run].start()

    async def _drain(self, order: machine_pb2.Drain) -> None:
        if order.run in self._runs:
            self._runs[order.run].drain()

    async def _ordered_stop(self, order: machine_pb2.Stop) -> None:
        await self._end_run(order.run)

    async def _stop(self, name: str) -> None:
        async with self._locks[name]:
            if name in self._runs:
                await self._end_run(name)

    async def _end_run(self, name: str) -> None:
        """End a run and report so; one that is not here has ended, maybe unheard."""
        ended = self._ended.get(name) or machine_pb2.Ended(run=name)
        run = self._runs.get(name)
        try:
            if run is not None:
                ended.accounts.CopyFrom(await run.stop())
        except Exception as error:  # told here; the scheduler must not wait for a run that cannot end well
            log.error("a run did not end well", run=name, exc_info=error)
        if self._forget(name):
            self._remember_end(ended)
        self._report(machine_pb2.JoinRequest(ended=ended))

    def _remember_end(self, ended: machine_pb2.Ended) -> None:
        """A scheduler that was killed when it was told asks again."""
        self._ended[ended.run] = ended
        if len(self._ended) > KEPT_RUNS:
            del self._ended[next(iter(self._ended))]
        self._paths.remove_old_runs(self._runs)

    def _rang(self, run: str, node: str) -> None:
        if run in self._runs:
            self._runs[run].doorbell(node)


async def _first_of(task: asyncio.Task[None], event: asyncio.Event) -> None:
    """Wait for the event. Raises what the task raises, if it fails before."""
    waiting = asyncio.get_running_loop().create_task(event.wait())
    try:
        await asyncio.wait((task, waiting), return_when=asyncio.FIRST_COMPLETED)
        if not event.is_set():
            task.result()
    finally:
        waiting.cancel()
