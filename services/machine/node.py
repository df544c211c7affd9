"""One node on this machine: carries out what its supervisor decides, and tells it what happens."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable
from pathlib import Path

from google.protobuf import json_format

from rtmesh.common import control as words
from rtmesh.common.logs import get_logger
from rtmesh.machine.children import Child, crash_tail
from rtmesh.machine.control import NodeControl
from rtmesh.machine.cpu_keeper import Loop
from rtmesh.machine.cpu_masks import confine
from rtmesh.machine.effects import AskStack, Effect, Kill, LetGo, Order, Report, Spawn
from rtmesh.machine.faults import told
from rtmesh.machine.keeper import Keeper
from rtmesh.machine.log_files import LogFiles
from rtmesh.machine.paths import write_whole
from rtmesh.machine.site import Site, loop_config
from rtmesh.machine.supervisor import Rules, Supervisor
from rtmesh.shm import RingError
from rtmesh.v1 import node_pb2, plan_pb2, status_pb2

STACK_WAIT_S = 1.0
STACK_LOOK_S = 0.02
_AT_WORK = (status_pb2.NODE_STATE_RUNNING, status_pb2.NODE_STATE_STUCK, status_pb2.NODE_STATE_DRAINING)

log = get_logger()


class NodeHost:
    """One node. Making one makes its control rings; `begin` starts its loop, `begin_service` its service."""

    def __init__(self, plan: plan_pb2.NodePlan, site: Site) -> None:
        self.name = plan.node.name
        self.plan = plan
        self.supervisor = Supervisor(Rules.of(plan.node))
        self._site = site
        self._endpoint = site.network.endpoint(site.paths.socket(self.name))
        try:
            self._control = NodeControl(site.rings, self.name)
        except BaseException:
            self._endpoint.close()
            raise
        self._child: Child | None = None
        self._logs = LogFiles(site.paths.folder, self.name)
        self._service_logs = LogFiles(site.paths.folder, f"{self.name}.service")
        self._tasks: set[asyncio.Task[None]] = set()
        self._service = Keeper(f"service of {self.name}", self._start_service, self._service_ended)

    # life

    def begin(self) -> None:
        """Start the loop. Raises OSError, RingError if it cannot be started."""
        try:
            self._perform(self.supervisor.begin(time.monotonic_ns()))
        except Exception as error:
            self.supervisor.spawn_failed(told(error), time.monotonic_ns())
            raise

    def begin_service(self) -> None:
        """Start the service, now or as soon as that works."""
        self._service.begin_or_retry()

    def start(self) -> None:
        self._perform(self.supervisor.start())

    def drain(self) -> None:
        self._perform(self.supervisor.drain())

    def stop(self) -> None:
        self._perform(self.supervisor.stop(time.monotonic_ns()))

    def kill(self) -> None:
        """End the loop without ado."""
        if self._child is not None:
            self._child.signal(signal.SIGKILL)

    async def end_service(self, grace_s: float) -> None:
        await self._service.end(grace_s)

    def remove(self) -> None:
        """Take away what the node had in shared memory; its processes have ended."""
        for task in self._tasks:
            task.cancel()
        self._control.remove()
        self._endpoint.close()

    # what happens

    @property
    def is_set_up(self) -> bool:
        """Whether the loop's first setup is over, however it went."""
        return self.supervisor.state not in (status_pb2.NODE_STATE_STARTING, status_pb2.NODE_STATE_SETTING_UP)

    def loop(self) -> Loop:
        """What its machine's CPUs have to do with."""
        process_id = self._child.process_id if self._child and self._child.return_code is None else 0
        is_at_work = bool(process_id) and self.supervisor.state in _AT_WORK
        return Loop(self.name, process_id, is_at_work, self._control.words()[words.WORD_STEPS])

    def look(self) -> None:
        """Read what the loop said, and look at the time and at the step it is in."""
        self._read_events()
        self._perform(self.supervisor.tick(time.monotonic_ns(), self._control.step_started_ns()))

    def bound_logs(self) -> None:
        """Keep the logs from growing without end."""
        self._logs.bound()
        self._service_logs.bound()

    def _read_events(self) -> None:
        for event in self._control.take_events():
            self._perform(self._effects_of(event))
        missed = self._control.missed_state()
        if missed and missed != self.supervisor.state:
            self._perform(self.supervisor.said(missed, "", "", time.monotonic_ns()))

    def _effects_of(self, event: node_pb2.NodeEvent) -> list[Effect]:
        match event.WhichOneof("event"):
            case "state":
                change = event.state
                return self.supervisor.said(change.state, change.reason, change.detail, time.monotonic_ns())
            case "result":
                return self.supervisor.said_result(event.result.json)
        return []  # a reply is the service's

    def _loop_ended(self, return_code: int) -> None:
        self._read_events()
        tail = crash_tail(self._logs.current)
        self._perform(self.supervisor.exited(return_code, tail, time.monotonic_ns()))

    def _service_ended(self, return_code: int, process_id: int) -> None:
        self._control.service_died(process_id)
        for binding in self.plan.inputs:
            if binding.is_free:
                self._site.rings.free_writer(binding.ring, process_id, ends=False)
        for output in self.plan.outputs:
            self._site.rings.free_taps(output.ring, process_id)

    # effects

    def _perform(self, effects: list[Effect]) -> None:
        for effect in effects:
            self._perform_one(effect)
        self._site.changed()

    def _perform_one(self, effect: Effect) -> None:
        match effect:
            case Spawn(epoch):
                self._spawn(epoch)
            case Order():
                self._order(effect)
            case Kill(number):
                self._signal(number)
            case AskStack():
                self._ask_stack()
            case LetGo():
                self._let_go(effect)
            case Report():
                self._site.report(self.status())

    def _spawn(self, epoch: int) -> None:
        try:
            self._start_loop(epoch)
        except (OSError, RingError) as error:
            if epoch == 1:
                raise
            # Not now: the effects that came with this one are still to be performed.
            asyncio.get_running_loop().call_soon(self._spawn_failed, told(error))

    def _start_loop(self, epoch: int) -> None:
        self._control.begin_life()
        path = self._write_config(epoch)
        self._logs.begin_life()
        self._child = self._start_process(path)
        if self._site.loop_cpus:
            confine(self._child.process_id, self._site.loop_cpus)

    def _start_process(self, config: Path) -> Child:
        name, folder = f"{self.name} loop", self._site.folder
        log_path, on_exit = self._logs.current, self._loop_ended
        if not self.plan.node.command:
            start = self._site.offspring.start_loop
            return start(name, config, log_path=log_path, on_exit=on_exit, cwd=folder)
        command = [*self.plan.node.command, str(config)]
        return self._site.children.spawn(name, command, log_path=log_path, on_exit=on_exit, cwd=folder)

    def _spawn_failed(self, text: str) -> None:
        self._perform(self.supervisor.spawn_failed(text, time.monotonic_ns()))

    def _order(self, order: Order) -> None:
        if not self._control.order(order):
            log.warning("the loop takes no orders", node=self.name, order=order.name)

    def _signal(self, number: int) -> None:
        if self._child is not None:
            self._child.signal(number)

    def _ask_stack(self) -> None:
        assert self._child is not None
        task = asyncio.get_running_loop().create_task(self._read_stack(self._child))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _read_stack(self, child: Child) -> None:
        """Ask for the stack. A loop without a handler for SIGUSR1 would die of the question."""
        text = ""
        if child.catches(signal.SIGUSR1):
            path = self._site.paths.stack(self.name)
            offset = path.stat().st_size if path.exists() else 0
            child.signal(signal.SIGUSR1)
            text = await _text_after(path, offset)
        if child.return_code is None:
            self._perform(self.supervisor.stack(text))

    def _let_go(self, effect: LetGo) -> None:
        dead = self._child.process_id if self._child is not None else 0
        readers = [(binding.ring, binding.reader) for binding in self.plan.inputs]
        self._site.rings.free_readers(readers, dead, is_gone=effect.is_gone)
        for output in self.plan.outputs:
            self._site.rings.free_writer(output.ring, dead, ends=effect.ends_outputs)
        self._control.loop_died(dead, is_gone=effect.is_gone)

    # processes

    def _write_config(self, epoch: int) -> Path:
        config = loop_config(self.plan, self._site, epoch, self._endpoint.listen)
        self._control.describe(config)
        path = self._site.paths.config(self.name)
        write_whole(path, json_format.MessageToJson(config, preserving_proto_field_name=True).encode())
        return path

    def _start_service(self, on_exit: Callable[[int], None]) -> Child:
        return self._site.offspring.start_service(
            f"{self.name} service",
            self._site.paths.config(self.name),
            log_path=self._service_logs.current,
            on_exit=on_exit,
        )

    def status(self) -> status_pb2.NodeStatus:
        supervisor, now = self.supervisor, self._control.words()
        return status_pb2.NodeStatus(
            name=self.name,
            state=supervisor.state,
            machine=self._site.machine,
            restarts=supervisor.restarts,
            epoch=supervisor.epoch,
            reason=supervisor.reason,
            detail=supervisor.detail,
            result_json=supervisor.result_json,
            loop=self._loop_status(),
            service=self._service.status(),
            overruns=now[words.WORD_OVERRUNS],
            unjoined=now[words.WORD_UNJOINED],
            steps=now[words.WORD_STEPS],
            address=self._endpoint.advertised,
        )

    def _loop_status(self) -> status_pb2.ProcessStatus | None:
        if self._child is None:
            return None
        self._child.usage.sample()
        return self._child.usage.status(self.supervisor.restarts)


async def _text_after(path: Path, offset: int) -> str:
    """What is appended to a file, once it no longer grows; empty if nothing is within a second."""
    text = b""
    for _ in range(int(STACK_WAIT_S / STACK_LOOK_S)):
        await asyncio.sleep(STACK_LOOK_S)
        longer = path.read_bytes()[offset:] if path.exists() else b""
        if longer and longer == text:
            break
        text = longer
    return text.decode(errors="replace").strip()
