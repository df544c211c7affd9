"""A real scheduler process, and machines that are no more than their stream to it."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc

from rtmesh.common import heartbeat
from rtmesh.common.serving import CHANNEL_OPTIONS
from rtmesh.v1 import machine_pb2, machine_pb2_grpc, plan_pb2, status_pb2

PATIENCE_S = 30.0
NO_PROCESS = 4711
Order = machine_pb2.JoinResponse
Report = machine_pb2.JoinRequest


@contextmanager
def short_folder() -> Iterator[Path]:
    """A folder whose path leaves room for a socket's name (108 bytes in all)."""
    with tempfile.TemporaryDirectory(prefix="sched-", dir="/tmp") as folder:
        yield Path(folder)


class SchedulerProcess:
    """`python -m rtmesh.scheduler` with its state in `folder`, on a socket there. A context manager."""

    def __init__(self, folder: Path, *extra: str) -> None:
        self.folder = folder
        self.address = f"unix:{folder}/s.sock"
        self._extra = extra

    def __enter__(self) -> SchedulerProcess:
        self._log = (self.folder / "log").open("ab")
        self.process = subprocess.Popen(
            command("--listen", self.address, "--state", str(self.folder / "state"), *self._extra),
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )
        assert self.process.stdout is not None
        self.first_line = self.process.stdout.readline()
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate(timeout=PATIENCE_S)
        self._log.close()

    def kill(self) -> None:
        """End it as the kernel would: nothing is said, nothing more is stored."""
        self.process.kill()
        self.process.wait(PATIENCE_S)

    def terminate(self) -> int:
        """Ask it to end; its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE_S)

    def log(self) -> str:
        return (self.folder / "log").read_text()


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "rtmesh.scheduler", *arguments]


def run_scheduler(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a scheduler that is expected to end by itself."""
    return subprocess.run(
        command(*arguments), capture_output=True, text=True, timeout=PATIENCE_S, env=dict(os.environ)
    )


class FakeMachine:
    """A machine that joins a scheduler, keeps the orders it gets and answers each at once, in words only.

    Args:
        answers: what to report after an order; by default what a machine does on which all goes well.
        plans: what it carries already, by run: it was joined before.
        process_id: of its meshd; by default none that lives.
    """

    def __init__(
        self,
        address: str,
        name: str,
        answers: Callable[[FakeMachine, Order], list[Report]] | None = None,
        plans: dict[str, plan_pb2.MachinePlan] | None = None,
        process_id: int = NO_PROCESS,
    ) -> None:
        self._process_id = process_id
        self.name = name
        self.orders: queue.Queue[Order | None] = queue.Queue()
        self.plans = dict(plans or {})
        self.error: grpc.RpcError | None = None
        self._answers = answers or all_goes_well
        self._is_silent = threading.Event()
        self._reports: queue.Queue[Report | None] = queue.Queue()
        self._channel = grpc.insecure_channel(address, options=CHANNEL_OPTIONS)
        self._call = machine_pb2_grpc.MachinesStub(self._channel).Join(self._said())
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def __enter__(self) -> FakeMachine:
        hello = machine_pb2.Hello(
            machine=self.name,
            hostname=f"{self.name}.lab",
            process_id=self._process_id,
            data_address=f"{self.name}:7700",
            runs=list(self.plans),
        )
        self.report(Report(hello=hello))
        return self

    def __exit__(self, *_: object) -> None:
        self.cut()

    def report(self, report: Report) -> None:
        self._reports.put(report)

    def fall_silent(self) -> None:
        """Say nothing more, not even that it lives, and do not end the stream."""
        self._is_silent.set()

    def _said(self) -> Iterator[Report]:
        """What it reports, and signs of life."""
        while True:
            try:
                report = self._reports.get(timeout=heartbeat.BEAT_S)
            except queue.Empty:
                report = Report()
            if report is None:
                return
            if not self._is_silent.is_set():
                yield report

    def cut(self) -> None:
        """End the stream the hard way."""
        self._call.cancel()
        self._reports.put(None)
        self._thread.join(PATIENCE_S)
        self._channel.close()

    def wait_for(self, kind: str) -> Order:
        """The next order of this kind; orders before it are dropped."""
        while (order := self.orders.get(timeout=PATIENCE_S)) is not None:
            if order.WhichOneof("order") == kind:
                return order
        raise AssertionError(f"the stream ended without {kind}: {self.error}")

    def wait_for_end(self) -> grpc.RpcError | None:
        """How the stream ended."""
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive()
        return self.error

    def _listen(self) -> None:
        try:
            for order in self._call:
                if order.WhichOneof("order") is None:
                    continue  # a sign of life
                self.orders.put(order)
                for report in self._answers(self, order):
                    self.report(report)
        except grpc.RpcError as error:
            self.error = error
        finally:
            self._reports.put(None)
            self.orders.put(None)


def all_goes_well(machine: FakeMachine, order: Order) -> list[Report]:
    """What a machine reports that can do everything."""
    match order.WhichOneof("order"):
        case "preflight":
            return [Report(preflighted=machine_pb2.Preflighted(run=order.preflight.plan.run))]
        case "prepare":
            plan = machine.plans[order.prepare.plan.run] = order.prepare.plan
            links = [
                machine_pb2.LinkReport(run=plan.run, edge=ingress.edge, connected=True)
                for ingress in plan.ingress
            ]
            prepared = Report(prepared=machine_pb2.Prepared(run=plan.run))
            return [prepared, *(Report(link=link) for link in links), *states(plan, "READY")]
        case "start":
            return states(machine.plans[order.start.run], "RUNNING")
        case "drain":
            return states(machine.plans[order.drain.run], "ENDED")
        case "stop":
            machine.plans.pop(order.stop.run, None)
            return [Report(ended=machine_pb2.Ended(run=order.stop.run))]
    return []


def states(plan: plan_pb2.MachinePlan, state: str) -> list[Report]:
    """A report of each node of a plan, that it is in a state."""
    return [
        Report(
            node=machine_pb2.NodeReport(
                run=plan.run,
                status=status_pb2.NodeStatus(
                    name=node.node.name, state=status_pb2.NodeState.Value(f"NODE_STATE_{state}")
                ),
            )
        )
        for node in plan.nodes
    ]
