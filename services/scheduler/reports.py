"""Taking in what a machine reports about a run of which it carries a part."""

from __future__ import annotations

from rtmesh.scheduler import absence, lifecycle
from rtmesh.scheduler.effects import Turn
from rtmesh.scheduler.nodes import DRAINED, SETTLED, NodeStatus
from rtmesh.scheduler.runs import Part, PartState, Run, Stage
from rtmesh.v1 import machine_pb2, status_pb2

SAVE_PERIOD_NS = 2_000_000_000
MADE = (Stage.PREPARE, Stage.SETUP, Stage.RUNNING, Stage.DRAINING, Stage.STOPPING)


def is_wanted_from(run: Run, machine: str) -> bool:
    """Whether the machine may carry the run: it has a part of it, and the run lives."""
    return machine in run.parts and run.stage in MADE


def take_back(run: Run, machine: str, turn: Turn) -> None:
    """A machine that was lost, or awaited, still carries its part: bring it to where the run is now."""
    part = run.parts[machine]
    if part.state not in (PartState.LOST, PartState.AWAITED):
        return
    was_awaited = part.state is PartState.AWAITED
    lifecycle.find(run, machine)
    run.nodes.find_again(machine)
    run.record(turn, "back, with its part of the run", f"machine {machine}")
    order = _order_of_stage(run, part)
    if order is not None:
        turn.send(machine, order)
    if was_awaited:
        absence.settle(run, turn)


def preflighted(run: Run, machine: str, told: machine_pb2.Preflighted, turn: Turn) -> None:
    """A machine can, or cannot, carry its part."""
    part = run.parts[machine]
    if run.stage is not Stage.PREFLIGHT or part.state is not PartState.ASKED:
        return
    part.state = PartState.FIT
    _take_problems(run, machine, list(told.problems), turn)
    lifecycle.advance(run, turn)


def prepared(run: Run, machine: str, told: machine_pb2.Prepared, turn: Turn) -> None:
    """A machine has made its part; or could not, and then nothing of it is left there."""
    part = run.parts[machine]
    if not part.is_present:
        return
    part.state = PartState.ENDED if told.problems else PartState.PREPARED
    _take_problems(run, machine, list(told.problems), turn)
    if not told.problems:
        run.record(turn, "prepared", f"machine {machine}")
    lifecycle.advance(run, turn)


def node(run: Run, machine: str, told: machine_pb2.NodeReport, turn: Turn) -> None:
    """A node's state has changed."""
    _take_nodes(run, machine, [told.status], turn)
    lifecycle.advance(run, turn)


def link(run: Run, machine: str, told: machine_pb2.LinkReport, turn: Turn) -> None:
    """An edge between machines is connected, or cut."""
    known = run.links.get(told.edge)
    if known is None or known.plan.to_machine != machine:
        return
    is_news = known.is_connected != told.connected
    known.is_connected, known.reason = told.connected, told.reason
    # When a run is being stopped its relays let go of every edge: that is no news.
    if is_news and run.stage is not Stage.STOPPING:
        text = "connected" if told.connected else f"cut: {told.reason or 'no reason was told'}"
        run.record(turn, text, f"edge {told.edge}")
    lifecycle.advance(run, turn)


def accounts(run: Run, machine: str, told: machine_pb2.AccountsReport, turn: Turn) -> None:
    """What the machine's rings and nodes are now."""
    run.ledger.take(machine, told)
    _take_nodes(run, machine, list(told.nodes), turn)
    # News are saved with the next accounts: not each by itself, a hundred nodes start at once.
    is_fresh = turn.now_ns - run.saved_ns < SAVE_PERIOD_NS and not run.has_news
    run.is_saved = run.is_saved and is_fresh
    lifecycle.advance(run, turn)
    if run.stage is Stage.DRAINING and _has_come_to_rest(run, machine, turn.now_ns):
        lifecycle.order_stop(run, turn)


def ended(run: Run, machine: str, told: machine_pb2.Ended, turn: Turn) -> None:
    """Nothing of the run is left on the machine; these are its final accounts.

    Accounts that come when the run has ended already (the machine was lost) still replace older ones.
    """
    part = run.parts[machine]
    if run.stage in (Stage.PENDING, Stage.PREFLIGHT):
        return  # of what a scheduler before this one had made under the same name
    if told.HasField("accounts"):
        run.ledger.take(machine, told.accounts)
        _take_nodes(run, machine, list(told.accounts.nodes), turn)
    was_asked = run.stage in (Stage.STOPPING, Stage.ENDED)
    part.state = PartState.ENDED
    if was_asked:
        run.nodes.settle(machine, status_pb2.NODE_STATE_STOPPED)
    else:
        run.record(turn, "ended its part without being asked", f"machine {machine}")
        # Nodes that its meshd has stopped are as lost to the run as those that it says nothing of.
        reason = f"machine {machine} ended its part of the run"
        run.nodes.settle(
            machine, status_pb2.NODE_STATE_LOST, reason, settled=SETTLED - {status_pb2.NODE_STATE_STOPPED}
        )
    run.is_saved = False
    lifecycle.advance(run, turn)


def _take_nodes(run: Run, machine: str, statuses: list[NodeStatus], turn: Turn) -> None:
    for status in statuses:
        change = run.nodes.take(machine, status)
        if change is not None:
            run.record(turn, change.text, f"node {change.node}")


def _take_problems(run: Run, machine: str, problems: list[status_pb2.Problem], turn: Turn) -> None:
    for problem in problems:
        problem.where = problem.where or machine
        run.problems.append(problem)
        text = ": ".join(part for part in (problem.path, problem.text) if part)
        run.record(turn, f"cannot carry its part: {text}", f"machine {machine}")


def _has_come_to_rest(run: Run, machine: str, now_ns: int) -> bool:
    """Only rounds count that were taken after every node stopped beginning anything by itself."""
    here = run.present()
    if run.awaited() or not run.nodes.are_all_in(DRAINED) or not run.rest.takes(machine, here):
        return False
    moved = run.ledger.heads(here) | run.nodes.steps(here)
    return run.rest.is_reached(moved, run.ledger.in_flight(here), now_ns)


def _order_of_stage(run: Run, part: Part) -> machine_pb2.JoinResponse | None:
    if run.stage is Stage.STOPPING:
        return machine_pb2.JoinResponse(stop=machine_pb2.Stop(run=run.id))
    if run.stage is Stage.DRAINING:
        return machine_pb2.JoinResponse(drain=machine_pb2.Drain(run=run.id))
    if run.stage is Stage.RUNNING and not part.is_started:
        part.is_started = True
        return machine_pb2.JoinResponse(start=machine_pb2.Start(run=run.id))
    return None
