"""A scheduler that does what the test says, and meshd processes that obey it."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import grpc
import psutil
import pytest
from running import command_lines

from rtmesh.common import heartbeat
from rtmesh.common.processes import process_start_time
from rtmesh.common.serving import SERVER_OPTIONS
from rtmesh.machine.state import end_leftovers
from rtmesh.shm import list_segments
from rtmesh.v1 import graph_pb2, machine_pb2, machine_pb2_grpc, plan_pb2, status_pb2

BOUND_S = 30.0
LOOP = Path(__file__).parent / "loop.py"
OFFSET_NS = 1_700_000_000_000_000_000


class FakeScheduler(machine_pb2_grpc.MachinesServicer):
    """Hears every report, gives the orders it is told to give."""

    def __init__(self, address: str) -> None:
        self.reports: list[machine_pb2.JoinRequest] = []
        self.is_silent = threading.Event()  # set: nothing is said, and no stream is ended
        self._heard = threading.Condition()
        self._orders: queue.Queue[machine_pb2.JoinResponse | None] = queue.Queue()
        self._server = grpc.server(ThreadPoolExecutor(8), options=SERVER_OPTIONS)
        machine_pb2_grpc.add_MachinesServicer_to_server(self, self._server)
        port = self._server.add_insecure_port(address)
        self.address = address.replace(":0", f":{port}")
        self._server.start()

    def Join(self, requests, context):
        self._orders = orders = queue.Queue()
        threading.Thread(target=self._hear, args=(requests, orders), daemon=True).start()
        yield machine_pb2.JoinResponse(
            welcome=machine_pb2.Welcome(mesh_offset_ns=OFFSET_NS, scheduler_monotonic_ns=time.monotonic_ns())
        )
        while (order := self._next(orders)) is not None:
            if not self.is_silent.is_set():
                yield order

    def Clock(self, requests, context):
        for request in requests:
            now_ns = time.monotonic_ns() + OFFSET_NS
            yield machine_pb2.ClockResponse(
                request_sent_ns=request.sent_ns, received_time_ns=now_ns, sent_time_ns=now_ns
            )

    def _next(self, orders) -> machine_pb2.JoinResponse | None:
        """The next order; a sign of life while there is none."""
        try:
            return orders.get(timeout=heartbeat.BEAT_S)
        except queue.Empty:
            return machine_pb2.JoinResponse()

    def _hear(self, requests, orders) -> None:
        try:
            for request in requests:
                if request.WhichOneof("report") is None:
                    continue  # a sign of life
                with self._heard:
                    self.reports.append(request)
                    self._heard.notify_all()
        except grpc.RpcError:
            pass  # the machine went away
        orders.put(None)

    def give(self, **order: object) -> None:
        self._orders.put(machine_pb2.JoinResponse(**order))

    def until(self, matches: Callable[[machine_pb2.JoinRequest], object], start: int = 0):
        """The first report from number `start` on that matches; waits for it, for at most 30 s."""
        with self._heard:
            self._heard.wait_for(lambda: any(map(matches, self.reports[start:])), BOUND_S)
            found = next(filter(matches, self.reports[start:]), None)
        assert found is not None, f"no such report among: {[describe(report) for report in self.reports]}"
        return found

    def close(self) -> None:
        self._orders.put(None)
        self._server.stop(0).wait(BOUND_S)


def describe(report: machine_pb2.JoinRequest) -> str:
    if report.WhichOneof("report") == "node":
        status = report.node.status
        return f"{status.name} {status_pb2.NodeState.Name(status.state)} {status.reason} {status.detail}"
    return str(report.WhichOneof("report"))


class Machine:
    """A meshd process under a fake scheduler."""

    program = ("-m", "rtmesh.machine")

    def __init__(self, folder: Path, scheduler: FakeScheduler, *more: str, name: str = "solo") -> None:
        self.name = name
        self.folder = folder / name
        self.scheduler = scheduler
        self._arguments = ["--machine", name, "--scheduler", scheduler.address, "--dir", str(folder)]
        self._arguments += more
        self.begin()

    def begin(
        self, *more: str, descriptors: Sequence[int] = (), env: Mapping[str, str] | None = None
    ) -> None:
        command = [sys.executable, *self.program, *self._arguments, *more]
        self.process = subprocess.Popen(
            command,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            pass_fds=descriptors,
            env=os.environ | (env or {}),
        )

    # orders and answers

    def prepare(self, plan: plan_pb2.MachinePlan, **fields: object) -> machine_pb2.Prepared:
        self.scheduler.until(lambda report: report.HasField("hello"))
        start = len(self.scheduler.reports)
        self.scheduler.give(prepare=machine_pb2.Prepare(plan=plan, **fields))
        return self.scheduler.until(lambda report: report.HasField("prepared"), start).prepared

    def begin_run(self, plan: plan_pb2.MachinePlan, **fields: object) -> None:
        """Prepare, wait until every node is ready, start."""
        assert not self.prepare(plan, **fields).problems
        for node in plan.nodes:
            self.until_state(node.node.name, "READY")
        self.scheduler.give(start=machine_pb2.Start(run=plan.run))

    def until_state(self, node: str, state: str, start: int = 0) -> status_pb2.NodeStatus:
        value = status_pb2.NodeState.Value(f"NODE_STATE_{state}")

        def matches(report: machine_pb2.JoinRequest) -> bool:
            return (report.node.status.name, report.node.status.state) == (node, value)

        return self.scheduler.until(matches, start).node.status

    def until_accounts(self, matches: Callable[[machine_pb2.AccountsReport], object], start: int = 0):
        def wanted(report: machine_pb2.JoinRequest) -> bool:
            return report.HasField("accounts") and bool(matches(report.accounts))

        return self.scheduler.until(wanted, start).accounts

    def stop_run(self, run: str = "run-1") -> machine_pb2.AccountsReport:
        self.scheduler.give(stop=machine_pb2.Stop(run=run))
        return self.scheduler.until(lambda report: report.ended.run == run).ended.accounts

    # processes

    def children(self) -> dict[int, str]:
        """Process id -> command line, of the processes that live."""
        return command_lines(child.pid for child in psutil.Process(self.process.pid).children())

    def end(self) -> int:
        """SIGTERM, and the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.errors = self.process.communicate(timeout=BOUND_S)[1]
        return self.process.returncode


def loop_node(name: str, *behaviours: str, **fields: object) -> graph_pb2.Node:
    """A node whose loop is loop.py."""
    given = {"setup_timeout_ms": 20_000, "step_timeout_ms": 5_000} | fields
    return graph_pb2.Node(name=name, command=[sys.executable, str(LOOP), *behaviours], **given)


def ring(name: str, reader: str, queue_length: int = 16, hold_absent_ms: int = 15_000) -> plan_pb2.RingPlan:
    block = graph_pb2.WHEN_FULL_BLOCK
    readers = [
        plan_pb2.ReaderPlan(
            name=reader, when_full=block, queue=queue_length, hold=4, hold_absent_ms=hold_absent_ms
        )
    ]
    return plan_pb2.RingPlan(name=name, entries=16, slot_bytes=1024, readers=readers, spare_readers=2)


def chain(source: graph_pb2.Node, sink: graph_pb2.Node, **fields: object) -> plan_pb2.MachinePlan:
    """source.out -> sink.in on one machine."""
    name = f"{source.name}.out"
    bound = plan_pb2.InputBinding(port="in", ring=name, reader=0, when_full=graph_pb2.WHEN_FULL_BLOCK)
    nodes = [
        plan_pb2.NodePlan(node=source, outputs=[plan_pb2.OutputBinding(port="out", ring=name)]),
        plan_pb2.NodePlan(node=sink, inputs=[bound]),
    ]
    return single(*nodes, rings=[ring(name, f"{sink.name}.in", **fields)])


def carried(source: graph_pb2.Node, sink: graph_pb2.Node) -> plan_pb2.MachinePlan:
    """source.out -> sink.in over gRPC: two rings, and a stream of the machine's relay to itself."""
    edge, block = f"{source.name}.out -> {sink.name}.in", graph_pb2.WHEN_FULL_BLOCK
    into = f"{sink.name}.in"
    made = chain(source, sink)
    made.rings.append(ring(into, into))
    made.nodes[1].inputs[0].ring = into
    made.egress.add(edge=edge, ring=f"{source.name}.out", reader=0, when_full=block)
    made.ingress.add(edge=edge, ring=into, from_machine="solo", when_full=block, queue=16)
    return made


def single(*nodes: plan_pb2.NodePlan, **fields: object) -> plan_pb2.MachinePlan:
    return plan_pb2.MachinePlan(
        machine="solo", graph="test", run="run-1", folder=str(LOOP.parent), nodes=nodes, **fields
    )


def _until(condition: Callable[[], object]) -> None:
    """Wait, for at most 30 s, for something that nobody tells of."""
    bound_s = time.monotonic() + BOUND_S
    while not condition():
        assert time.monotonic() < bound_s, "did not come about"
        threading.Event().wait(0.01)


@pytest.fixture
def plans() -> SimpleNamespace:
    """Makes plans by hand."""
    return SimpleNamespace(node=loop_node, chain=chain, carried=carried, single=single, ring=ring)


@pytest.fixture
def until() -> Callable[[Callable[[], object]], None]:
    return _until


@pytest.fixture
def is_running() -> Callable[[int], bool]:
    """Whether a process lives; a zombie does not."""
    return lambda process_id: process_start_time(process_id) is not None


@pytest.fixture
def runtime_folder() -> Iterator[Path]:
    """A folder with a short name: socket paths hold 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="mesh-") as folder:
        yield Path(folder)


@pytest.fixture
def scheduler(runtime_folder: Path) -> Iterator[FakeScheduler]:
    fake = FakeScheduler(f"unix:{runtime_folder}/scheduler.sock")
    yield fake
    fake.close()


@pytest.fixture
def remote_scheduler() -> Iterator[FakeScheduler]:
    """One that is reached over TCP."""
    fake = FakeScheduler("127.0.0.1:0")
    yield fake
    fake.close()


@pytest.fixture
def machine(runtime_folder: Path, scheduler: FakeScheduler) -> Iterator[Machine]:
    yield from ended_well(Machine(runtime_folder, scheduler))


@pytest.fixture
def remote_machine(runtime_folder: Path, remote_scheduler: FakeScheduler) -> Iterator[Machine]:
    """A meshd that listens on TCP."""
    yield from ended_well(Machine(runtime_folder, remote_scheduler, "--insecure"))


def ended_well(made: Machine) -> Iterator[Machine]:
    yield made
    code = made.end()
    print(made.errors, *(f"{log.name}: {log.read_text()}" for log in made.folder.rglob("*.log")), sep="\n")
    assert code == 0, made.errors
    assert end_leftovers(made.folder / "state.json") == []
    assert list_segments(f"rtmesh.{os.getuid()}.{made.name}.") == []
