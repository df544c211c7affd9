"""Machines that are not heard any more: told at once, and awaited for as long as their edges wait. Pure.

    STAGE                               WHAT IS DONE
    PREFLIGHT                           nothing was made: the run waits for machines again
    PREPARE                             lost at once: nobody knows what the machine has made
    SETUP, RUNNING, DRAINING, STOPPING  awaited for `patience_ns`; then lost, and `when_failed` applies

The data plane outlives the control plane: the nodes of a machine that is not heard go on, and so do
the edges that still find their way. A machine that joins again with its part is told the order that
may have been lost on the way, and all is as before; nothing was stopped, so nothing is started. One
that joins without its part (its meshd is another process) has lost it; so has one whose meshd is
known to be dead.
"""

from __future__ import annotations

from collections.abc import Iterable

from rtmesh.graph.declared_edges import HOLD_ABSENT_MS
from rtmesh.scheduler import lifecycle, words
from rtmesh.scheduler.effects import Turn
from rtmesh.scheduler.nodes import SETTLED
from rtmesh.scheduler.runs import Absence, PartState, Run, Stage
from rtmesh.v1 import graph_pb2, plan_pb2


def patience_ns(edges: Iterable[plan_pb2.EdgePlan], machine: str) -> int:
    """How long a machine that is not heard is awaited: the longest `hold_absent` of its crossing edges.

    As long as a `block` edge to or from the machine may hold its writer, nothing was given up: whoever
    comes back finds every message. With the last such edge the machine is given up too. A machine
    without one is awaited for as long as an edge holds by default.
    """
    holds_ms = [
        edge.edge.hold_absent_ms
        for edge in edges
        if edge.transport == graph_pb2.TRANSPORT_GRPC
        and edge.edge.when_full == graph_pb2.WHEN_FULL_BLOCK
        and machine in (edge.from_machine, edge.to_machine)
    ]
    return max(holds_ms, default=HOLD_ABSENT_MS) * lifecycle.MILLISECOND_NS


def lose(run: Run, machine: str, since_ns: int, turn: Turn) -> None:
    """A machine of the run is not heard any more, since that time."""
    part = run.parts.get(machine)
    if part is None or not part.is_present:
        return
    if run.stage is Stage.PREFLIGHT:
        lifecycle.unmake(run, machine, turn)
        return
    assert run.plan is not None, "a run that has parts has a plan"
    wait_ns = 0 if run.stage is Stage.PREPARE else patience_ns(run.plan.edges, machine)
    if wait_ns:
        _await(run, machine, Absence(since_ns, turn.now_ns + wait_ns), turn)
    else:
        lifecycle.give_up(run, machine, "lost", f"machine {machine} was lost", turn)
    lifecycle.advance(run, turn)


def die(run: Run, machine: str, turn: Turn) -> None:
    """A machine that is not heard will not come back with its part."""
    if machine in run.unheard():
        lifecycle.give_up(run, machine, "lost", f"machine {machine} was lost", turn)
        settle(run, turn)


def back_without(run: Run, machine: str, turn: Turn) -> None:
    """A machine that was awaited is back without its part of the run."""
    if run.stage is Stage.STOPPING:
        # It says once more that nothing is left there, with what it still knows.
        lifecycle.find(run, machine)
        lifecycle.ask_to_stop(run, machine, turn)
    else:
        reason = f"machine {machine} came back without its part of the run"
        lifecycle.give_up(run, machine, "lost its part of the run", reason, turn)
    settle(run, turn)


def expire(run: Run, turn: Turn) -> None:
    """Give up the machines that have been awaited for long enough."""
    due = {name: absence for name, absence in run.absences().items() if turn.now_ns >= absence.until_ns}
    for machine, absence in due.items():
        away = words.whole_seconds(turn.now_ns - absence.since_ns)
        if absence.is_restart:
            what = f"not back within {away}"
            reason = f"machine {machine} was {what} of the scheduler's restart"
        else:
            what = f"lost: not heard for {away}"
            reason = f"machine {machine} was {what}"
        lifecycle.give_up(run, machine, what, reason, turn)
    if due:
        settle(run, turn)


def settle(run: Run, turn: Turn) -> None:
    """Fewer machines are awaited than before: say for whom the run still waits, and go on.

    If it is nobody, its stage begins again, with its whole time.
    """
    run.is_saved = False
    run.reason = _reason(run)
    if not run.awaited():
        timeout_ns = lifecycle.timeout_ns(run, run.stage)
        run.deadline_ns = None if timeout_ns is None else turn.now_ns + timeout_ns
    lifecycle.advance(run, turn)


def _await(run: Run, machine: str, absence: Absence, turn: Turn) -> None:
    part = run.parts[machine]
    part.state, part.absence = PartState.AWAITED, absence
    part.is_started = False  # nobody knows whether Start has arrived
    if run.stage is Stage.SETUP:
        run.deadline_ns = None  # of its edges nothing is known any more
    run.is_saved = False
    carried = words.listed([node.name for node in run.nodes.of(machine) if node.state not in SETTLED])
    goes_on = f"; {carried} may go on there" if carried else ""
    wait = words.seconds(absence.until_ns - turn.now_ns)
    run.record(turn, f"not heard any more{goes_on}; awaited for {wait} (hold_absent)", f"machine {machine}")


def _reason(run: Run) -> str:
    why = run.verdict.reason if run.verdict else ""
    waiting = [name for name, absence in run.absences().items() if absence.is_restart]
    if not waiting:
        return why
    return f"{why or 'scheduler restarted'}; waiting for {words.machines(waiting)}"
