"""The scheduler's one loop: hands each event to the state machine and carries out what it orders.

Everything happens in the event loop's thread and without awaiting between an event and its effects,
so events are handled whole, one after the other, and no lock is needed.
"""

from __future__ import annotations

import asyncio
import secrets
import time

from rtmesh.common.clock import clock_id
from rtmesh.common.errors import RtmeshError, UnavailableError
from rtmesh.common.logs import get_logger
from rtmesh.scheduler.deaths import Deaths
from rtmesh.scheduler.effects import (
    Applied,
    Effect,
    Fit,
    ForgetGraph,
    GraphChanged,
    Happened,
    NextTick,
    Refused,
    SaveGraph,
    SaveRun,
    SaveRunCounter,
    SendOrder,
    first_of,
)
from rtmesh.scheduler.events import (
    Apply,
    DeleteGraph,
    Event,
    MachineDied,
    MachineJoined,
    MachineLost,
    Replace,
    Reported,
    Restarted,
    StopGraph,
    Tick,
)
from rtmesh.scheduler.graphs import is_ended
from rtmesh.scheduler.log_reads import LogRead, LogReads
from rtmesh.scheduler.recorder import Recorder
from rtmesh.scheduler.run_names import DIGITS
from rtmesh.scheduler.scheduler import Scheduler
from rtmesh.scheduler.store import Store
from rtmesh.v1 import graph_pb2, machine_pb2, scheduler_pb2, status_pb2

log = get_logger()
Orders = asyncio.Queue[machine_pb2.JoinResponse | None]

SALT_LENGTH = 4


class Watch:
    """One who watches a graph: woken when it changes, and at once when it ends."""

    def __init__(self) -> None:
        self.changed = asyncio.Event()
        self.ended = asyncio.Event()
        self.last: status_pb2.GraphStatus | None = None  # set when the graph was forgotten

    def tell(self, has_ended: bool) -> None:
        """Wake who waits. A graph that has ended lives again when it is applied again."""
        self.changed.set()
        if has_ended:
            self.ended.set()
        else:
            self.ended.clear()


class Server:
    """A running scheduler, apart from its network side. Made in the event loop that it runs in.

    Args:
        store: what was stored before, and where to store.
    """

    def __init__(self, store: Store) -> None:
        self._recorder = Recorder(store)
        self._mesh_offset_ns = store.mesh_offset_ns(lambda: time.time_ns() - time.monotonic_ns())
        self.scheduler = Scheduler(self._mesh_offset_ns, store.run_counter(), clock_id())
        self._log_reads = LogReads()
        self._deaths = Deaths(self._died)
        self._orders: dict[str, Orders] = {}
        self._watches: dict[str, set[Watch]] = {}
        self._answers: dict[str, asyncio.Future[Applied]] = {}  # by run: to each Apply of a change
        self._timer: asyncio.TimerHandle | None = None
        self._is_closing = False
        self.handle(Restarted(store.load(), _salt()))

    def now_ns(self) -> int:
        """Mesh time."""
        return time.monotonic_ns() + self._mesh_offset_ns

    def close(self) -> None:
        """Handle nothing more: machines that leave now leave because the scheduler does."""
        self._is_closing = True
        self._carry_out_all(self.scheduler.checkpoint(self.now_ns()))
        self._recorder.close()
        self._deaths.close()
        if self._timer is not None:
            self._timer.cancel()

    # requests of users

    async def apply(self, graph: graph_pb2.Graph) -> scheduler_pb2.ApplyResponse:
        """Make `graph` wanted. Raises RtmeshError, and changes nothing, if it cannot run or be recorded."""
        event = Apply(graph, _salt())
        self._recorder.record(self.scheduler.to_record(event), f"graph {graph.name}")
        applied = first_of(Applied, self.handle(event)) or await self._changed(graph.name)
        return scheduler_pb2.ApplyResponse(run=applied.run, outcome=applied.outcome)

    async def _changed(self, name: str) -> Applied:
        """Wait until the change that machines are being asked is made. Raises RtmeshError: it is not."""
        run = self.scheduler.change(name)
        answer = self._answers[run] = asyncio.get_running_loop().create_future()
        try:
            return await answer
        finally:
            del self._answers[run]

    def _make_change(self, fit: Fit) -> None:
        """What is decided is stored before it is carried out."""
        event = Replace(fit.graph, fit.run)
        try:
            self._recorder.record(self.scheduler.to_record(event), f"graph {fit.graph}")
        except RtmeshError as error:
            event = Replace(fit.graph, fit.run, error)
        self.handle(event)

    def _answer(self, effect: Applied | Refused) -> None:
        answer = self._answers.get(effect.run)
        if answer is None or answer.done():
            return
        if isinstance(effect, Refused):
            answer.set_exception(effect.error)
        else:
            answer.set_result(effect)

    def stop(self, name: str) -> None:
        """Stop a graph. Raises NotFoundError."""
        self.handle(StopGraph(name))

    def delete(self, name: str) -> None:
        """Stop and forget a graph. Raises NotFoundError."""
        self.handle(DeleteGraph(name))

    def read_log(self, request: scheduler_pb2.ReadLogRequest) -> LogRead:
        """Begin to read the log of a node; to be closed. Raises NotFoundError, UnavailableError."""
        machine, run = self.scheduler.carrier(request.graph, request.node)
        return self._log_reads.open(request, machine, run, self._orders[machine].put_nowait)

    def machine_statuses(self) -> list[status_pb2.MachineStatus]:
        """Every machine that is or was joined, as of now."""
        return self.scheduler.machine_statuses(self.now_ns())

    def watch(self, name: str) -> Watch:
        """Be told of every change of a graph, until `unwatch`. Raises NotFoundError."""
        watch = Watch()
        watch.tell(is_ended(self.scheduler.phase(name)))
        self._watches.setdefault(name, set()).add(watch)
        return watch

    def unwatch(self, name: str, watch: Watch) -> None:
        """Be told no more."""
        self._watches[name].discard(watch)
        if not self._watches[name]:
            del self._watches[name]

    # machines

    def join(self, hello: machine_pb2.Hello, *, is_local: bool = False) -> Orders:
        """Take in a machine; returns where its orders come out, Welcome first. Raises RtmeshError.

        Args:
            is_local: its meshd runs on this computer.
        """
        effects = self._decide(MachineJoined(hello))
        self._deaths.forget(hello.machine)
        if is_local:
            self._deaths.note(hello.machine, hello.process_id)
        orders = self._orders[hello.machine] = Orders()
        log.info("machine joined", joined=hello.machine, hostname=hello.hostname)
        self._carry_out_all(effects)
        return orders

    async def report(self, machine: str, report: machine_pb2.JoinRequest) -> None:
        """Take in what a joined machine reports."""
        if report.HasField("log"):
            await self._log_reads.take(machine, report.log)
        elif not self._is_closing:
            self.handle(Reported(machine, report))

    def leave(self, machine: str, orders: Orders, silent_ns: int = 0) -> None:
        """The stream with these orders has ended, or nothing came over it for so long."""
        if self._orders.get(machine) is not orders:
            return
        del self._orders[machine]
        self._log_reads.lose(machine)
        if not self._is_closing:
            log.warning("machine lost", lost=machine, silent_s=silent_ns / 1e9)
            self.handle(MachineLost(machine, silent_ns))
            self._deaths.lost(machine)

    def _died(self, machine: str) -> None:
        if not self._is_closing:
            self.handle(MachineDied(machine))

    # the loop

    def handle(self, event: Event) -> list[Effect]:
        """Handle one event whole; returns its effects, carried out. Raises RtmeshError."""
        effects = self._decide(event)
        self._carry_out_all(effects)
        return effects

    def _decide(self, event: Event) -> list[Effect]:
        if self._is_closing:
            raise UnavailableError("the scheduler is stopping", "try again when it is back")
        return self.scheduler.handle(event, self.now_ns())

    def _carry_out_all(self, effects: list[Effect]) -> None:
        for effect in effects:
            self._carry_out(effect)

    def _carry_out(self, effect: Effect) -> None:
        match effect:
            case SendOrder():
                # A machine may be lost between an event and another: its orders are void then.
                if effect.machine in self._orders:
                    self._orders[effect.machine].put_nowait(effect.order)
            case SaveGraph() | SaveRun() | SaveRunCounter():
                self._recorder.save(effect)
            case ForgetGraph():
                self._recorder.save(effect)
                self._tell_last(effect)
            case GraphChanged():
                self._tell(effect.name)
            case Happened():
                log.info(effect.event.text, graph=effect.graph, subject=effect.event.subject)
            case Applied() | Refused():
                self._answer(effect)
            case Fit():
                # The effects of this event come first.
                asyncio.get_running_loop().call_soon(self._make_change, effect)
            case NextTick():
                self._set_timer(effect.at_ns)

    def _tell(self, name: str) -> None:
        for watch in self._watches.get(name, ()):
            watch.tell(is_ended(self.scheduler.phase(name)))

    def _tell_last(self, effect: ForgetGraph) -> None:
        for watch in self._watches.get(effect.name, ()):
            watch.last = effect.last
            watch.tell(has_ended=True)

    def _set_timer(self, at_ns: int | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if at_ns is not None:
            delay_s = max(0, at_ns - self.now_ns()) / 1e9
            self._timer = asyncio.get_running_loop().call_later(delay_s, self._tick)

    def _tick(self) -> None:
        """The state machine gives a new time only if that changes, so an early timer is set again here."""
        self._timer = None
        self.handle(Tick())
        if self._timer is None:
            self._set_timer(self.scheduler.tick_at_ns)


def _salt() -> str:
    return "".join(secrets.choice(DIGITS) for _ in range(SALT_LENGTH))
