"""A change of a graph that runs: asked of its machines beside the run, which goes on until all agree. Pure.

    Apply ─> every machine is asked ─> all can ──> Fit: recorded, then the run is replaced
                      │
                      └─> one cannot, is lost, or does not answer; another order comes ──> Refused

Nothing of a change is made or recorded before it is fit: a refused one was never there, and a scheduler that
is killed meanwhile comes back with the run alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from rtmesh.common.errors import (
    AbortedError,
    FailedPreconditionError,
    ProblemsError,
    RtmeshError,
    describe_problem,
)
from rtmesh.graph.plan import plan_run, required_machines
from rtmesh.graph.problems import PlanError
from rtmesh.scheduler import words
from rtmesh.scheduler.effects import Fit, Refused, Turn
from rtmesh.scheduler.runs import SECOND_NS, Run
from rtmesh.v1 import graph_pb2, machine_pb2, plan_pb2, status_pb2

# Shorter than a client waits for an answer.
ANSWER_TIMEOUT_NS = 8 * SECOND_NS


@dataclass
class Change:
    """A graph that is to replace `replaced`, under the name of a run."""

    graph: graph_pb2.Graph
    run: str
    replaced: Run
    deadline_ns: int | None  # for the machines' answers
    asked: set[str] = field(default_factory=set)  # machines that have not answered
    problems: list[status_pb2.Problem] = field(default_factory=list)
    is_fit: bool = False  # all can carry it; it is being recorded
    is_over: bool = False  # refused

    def record(self, turn: Turn, text: str, subject: str = "") -> None:
        self.replaced.record(turn, text, subject)


def plan_change(
    graph: graph_pb2.Graph,
    run: str,
    data_addresses: Mapping[str, str],
    carried: Mapping[str, int],
    beside: Run,
) -> plan_pb2.RunPlan:
    """Where the change would run. Raises FailedPreconditionError, ProblemsError: it cannot be asked."""
    missing = [name for name in required_machines(graph) if name not in data_addresses]
    if missing or not data_addresses:
        whom = words.machines(missing) if missing else "a machine"
        raise FailedPreconditionError(
            f"{_unchanged(beside)}: the change needs {whom}, and cannot be asked of what has not joined",
            "start `meshd` there, or stop the graph first",
        )
    try:
        return plan_run(graph, run, sorted(data_addresses), carried)
    except PlanError as error:
        raise ProblemsError([problem.to_proto() for problem in error.problems]) from error


def ask(change: Change, plan: plan_pb2.RunPlan, turn: Turn) -> None:
    """Ask every machine of the plan."""
    change.record(turn, f"to be replaced by run {change.run}, if its machines can carry it")
    for part in plan.machines:
        change.asked.add(part.machine)
        order = machine_pb2.Preflight(plan=part, replaces=change.replaced.id)
        turn.send(part.machine, machine_pb2.JoinResponse(preflight=order))


def answered(change: Change, machine: str, told: machine_pb2.Preflighted, turn: Turn) -> None:
    """A machine can, or cannot, carry its part of the change."""
    if machine not in change.asked:
        return
    change.asked.remove(machine)
    for problem in told.problems:
        problem.where = problem.where or machine
        change.problems.append(problem)
    if change.asked:
        return
    if change.problems:
        _refuse(change, turn)
    else:
        change.is_fit = True
        change.deadline_ns = None
        turn.add(Fit(change.graph.name, change.run))


def lose(change: Change, machine: str, turn: Turn) -> None:
    """A machine that was asked is not heard any more."""
    if machine in change.asked:
        change.problems.append(status_pb2.Problem(where=machine, text="was lost before it had answered"))
        _refuse(change, turn)


def expire(change: Change, turn: Turn) -> None:
    """Give the change up if a machine does not answer."""
    if change.deadline_ns is None or turn.now_ns < change.deadline_ns:
        return
    text = f"did not answer the preflight within {words.seconds(ANSWER_TIMEOUT_NS)}"
    remedy = "see the log of its meshd"
    silent = [status_pb2.Problem(where=name, text=text, remedy=remedy) for name in sorted(change.asked)]
    change.problems.extend(silent)
    _refuse(change, turn)


def give_up(change: Change, why: str, turn: Turn) -> None:
    """Another order has come before the change was made."""
    error = AbortedError(f"run {change.replaced.id} is not replaced by run {change.run}: {why}")
    end(change, error, why, turn)


def _refuse(change: Change, turn: Turn) -> None:
    count = len(change.problems)
    told = "\n".join(describe_problem(problem) for problem in change.problems)
    error = FailedPreconditionError(f"{_unchanged(change.replaced)}:\n{told}")
    first = change.problems[0]
    text = ": ".join(part for part in (first.where, first.path, first.text) if part)
    end(change, error, f"{count} problem{'s' if count > 1 else ''}: {text}", turn)


def end(change: Change, error: RtmeshError, why: str, turn: Turn) -> None:
    """Answer that nothing is changed."""
    change.is_over = True
    change.deadline_ns = None
    change.asked.clear()
    change.record(turn, f"not replaced by run {change.run}: {why}")
    turn.add(Refused(change.run, error))


def _unchanged(run: Run) -> str:
    what = f"run {run.id} goes on" if run.is_wanted else f"run {run.id} has ended meanwhile"
    return f"graph {run.name} is not changed, {what}"
