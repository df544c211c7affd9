"""meshctl as its users call it, against a scheduler of the test's own and machines made of words."""

from __future__ import annotations

import re
from pathlib import Path

from click.testing import CliRunner, Result
from running import GRAPHS, until
from scheduler_process import FakeMachine, Order, Report, all_goes_well, states

from rtmesh.cli.meshctl import meshctl
from rtmesh.client import Client
from rtmesh.v1 import graph_pb2, machine_pb2, plan_pb2, status_pb2

COUNT = GRAPHS / "count" / "graph.yaml"
PATIENCE_S = 30.0


class Mesh:
    """A scheduler and what is typed to it.

    Args:
        address: of the scheduler.
        config: the file of contexts; it need not be there.
    """

    def __init__(self, address: str, config: Path) -> None:
        self.address = address
        self.client = Client(address)
        self._environment = {"MESHCTL_SCHEDULER": address, "MESHCTL_CONFIG": str(config)}

    def run(self, *arguments: str | Path) -> Result:
        return meshctl_of(self._environment, *arguments)

    def apply(self, graph: graph_pb2.Graph) -> str:
        """Apply a graph past the command line; its run."""
        return self.client.apply(graph).run

    def until_phase(self, name: str, phase: str) -> status_pb2.GraphStatus:
        """Wait until a graph is in a phase."""
        wanted = status_pb2.GraphPhase.Value(f"GRAPH_PHASE_{phase.upper()}")
        for status in self.client.watch(name, rate_hz=100):
            if status.phase == wanted:
                return status
        raise AssertionError(f"{name} ended without being {phase}")

    def clear(self) -> None:
        """Delete every graph."""
        for status in self.client.list():
            self.client.delete(status.name)
        until(lambda: not self.client.list(), PATIENCE_S, "the end of every graph")


def meshctl_of(environment: dict[str, str], *arguments: str | Path) -> Result:
    """Run meshctl; an exception that is not told as an error fails the test."""
    cleared = {"MESHCTL_SCHEDULER": None, "MESHCTL_CONTEXT": None, "MESHCTL_CONFIG": None}
    result = CliRunner().invoke(
        meshctl, [str(argument) for argument in arguments], env={**cleared, **environment}
    )
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert "Traceback" not in result.output
    return result


def run_named(text: str) -> str:
    """The run that a line names."""
    match = re.search(r"\(run ([0-9a-z]+-[0-9a-z]{4})\)", text)
    assert match is not None, text
    return match[1]


def the_plan(machine: FakeMachine) -> plan_pb2.MachinePlan:
    """The plan of the one run that a machine carries."""
    (plan,) = machine.plans.values()
    return plan


def tell_states(machine: FakeMachine, state: str) -> None:
    """All nodes of the machine's one run are in a state."""
    for report in states(the_plan(machine), state):
        machine.report(report)


def tell_accounts(machine: FakeMachine, ring: status_pb2.RingAccount, time_ns: int) -> None:
    """The machine's one run has this ring."""
    accounts = machine_pb2.AccountsReport(run=the_plan(machine).run, rings=[ring], time_ns=time_ns)
    accounts.processes.add(name="meshd", process_id=71)
    machine.report(Report(accounts=accounts))


def refuses(machine: FakeMachine, order: Order) -> list[Report]:
    """A machine that has two problems with `count`."""
    if order.WhichOneof("order") != "preflight":
        return all_goes_well(machine, order)
    told = machine_pb2.Preflighted(run=order.preflight.plan.run)
    told.problems.add(path="nodes.counter", text="there is no module nodes", remedy="install it")
    told.problems.add(path="nodes.summer", text="CPU 64 does not exist", remedy="choose another")
    return [Report(preflighted=told)]


def fails(machine: FakeMachine, order: Order) -> list[Report]:
    """A machine on which the node `counter` fails in setup."""
    if order.WhichOneof("order") != "prepare":
        return all_goes_well(machine, order)
    run = order.prepare.plan.run
    status = status_pb2.NodeStatus(
        name="counter",
        state=status_pb2.NODE_STATE_FAILED,
        reason="no such file",
        detail='File "counter.py", line 3\n',
    )
    return [
        Report(prepared=machine_pb2.Prepared(run=run)),
        Report(node=machine_pb2.NodeReport(run=run, status=status)),
    ]
