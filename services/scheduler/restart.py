"""A scheduler that was killed takes back the runs that live on without it. Pure.

    STORED STAGE                  WHAT IS DONE
    PENDING, PREFLIGHT            nothing was made: the run waits for its machines, as before
    PREPARE, SETUP                nobody knows how far the machines came: stopped there, begun anew
    RUNNING, DRAINING, STOPPING   goes on, once each machine is back with its part

A machine that has not come back in REJOIN_TIMEOUT_NS is lost with its nodes, as is the part of one that
comes back without it. What the run was when the scheduler was killed is shown until then.
"""

from __future__ import annotations

from rtmesh.graph.plan import edge_name
from rtmesh.scheduler import lifecycle, words
from rtmesh.scheduler.effects import Life, Turn
from rtmesh.scheduler.history import History
from rtmesh.scheduler.runs import PartState, Run, Stage, Verdict
from rtmesh.scheduler.verdicts import STOPPED
from rtmesh.v1 import machine_pb2, status_pb2

REJOIN_TIMEOUT_NS = 10 * lifecycle.SECOND_NS
BEFORE_IT_RAN = (Stage.PREPARE, Stage.SETUP)
UNMADE = (Stage.PENDING, Stage.PREFLIGHT, Stage.ENDED)


def life_of(run: Run) -> Life | None:
    """What must be stored to take the run back; None if no machine holds anything of it."""
    if run.stage in UNMADE or run.plan is None:
        return None
    verdict = run.verdict or Verdict(status_pb2.GRAPH_PHASE_UNSPECIFIED, "")
    return Life(
        graph=run.graph,
        plan=run.plan,
        stage=run.stage.name,
        parts={name: part.state.name for name, part in run.parts.items()},
        accounts=run.ledger.reports(),
        verdict=verdict.phase,
        verdict_reason=verdict.reason,
    )


def revive(life: Life, status: status_pb2.GraphStatus, history: History, turn: Turn) -> Run:
    """The run as it was stored; it waits for its machines to come back."""
    run = Run(life.graph, status.run, history, status.applied_time_ns)
    run.place(life.plan, {})
    run.times.running_ns = status.running_time_ns
    run.problems.extend(status.problems)
    run.nodes.recall(status.nodes)
    run.stage = Stage[life.stage]
    if life.verdict:
        run.verdict = Verdict(life.verdict, life.verdict_reason)
    elif run.stage in BEFORE_IT_RAN:
        run.verdict = Verdict(STOPPED, "the scheduler was restarted before it ran")
    if run.stage in BEFORE_IT_RAN:
        run.stage = Stage.STOPPING
    _recall_parts(run, life, status)
    _await(run, turn)
    return run


def is_missing(run: Run, machine: str) -> bool:
    """Whether a machine is expected back with its part."""
    part = run.parts.get(machine)
    return part is not None and part.state is PartState.AWAITED


def back_without(run: Run, machine: str, turn: Turn) -> None:
    """A machine that was expected back with its part is back without it."""
    if run.stage is Stage.STOPPING:
        # It says once more that nothing is left there, with what it still knows.
        run.parts[machine].state = PartState.PREPARED
        turn.send(machine, machine_pb2.JoinResponse(stop=machine_pb2.Stop(run=run.id)))
    else:
        reason = f"machine {machine} came back without its part of the run"
        lifecycle.give_up(run, machine, "lost its part of the run", reason, turn)
    go_on_if_all_are_back(run, turn)
    lifecycle.advance(run, turn)


def expire(run: Run, turn: Turn) -> None:
    """Count the machines as lost that have not come back in time."""
    if run.rejoin_by_ns is None or turn.now_ns < run.rejoin_by_ns:
        return
    what = f"not back within {words.seconds(REJOIN_TIMEOUT_NS)}"
    for machine in run.awaited():
        reason = f"machine {machine} was {what} of the scheduler's restart"
        lifecycle.give_up(run, machine, what, reason, turn)
    go_on_if_all_are_back(run, turn)
    lifecycle.advance(run, turn)


def go_on_if_all_are_back(run: Run, turn: Turn) -> None:
    """Say whom the run still waits for; if nobody, its stage begins again, with its whole time."""
    if run.rejoin_by_ns is None:
        return
    run.is_saved = False
    run.reason = _reason(run)
    if run.awaited():
        return
    run.rejoin_by_ns = None
    timeout_ns = lifecycle.timeout_ns(run, run.stage)
    run.deadline_ns = None if timeout_ns is None else turn.now_ns + timeout_ns


def _recall_parts(run: Run, life: Life, status: status_pb2.GraphStatus) -> None:
    for name, part in run.parts.items():
        known = PartState[life.parts[name]]
        part.state = known if known in (PartState.LOST, PartState.ENDED) else PartState.AWAITED
    for machine, report in life.accounts.items():
        run.ledger.take(machine, report)
    for edge in status.edges:
        link = run.links.get(edge_name(edge.edge))
        if link is not None:
            link.is_connected = edge.connected


def _await(run: Run, turn: Turn) -> None:
    run.rejoin_by_ns = turn.now_ns + REJOIN_TIMEOUT_NS
    go_on_if_all_are_back(run, turn)
    waiting = f"; waiting for {words.machines(run.awaited())}" if run.awaited() else ""
    run.record(turn, f"scheduler restarted{waiting}")
    lifecycle.advance(run, turn)


def _reason(run: Run) -> str:
    why = run.verdict.reason if run.verdict else ""
    if not run.awaited():
        return why
    return f"{why or 'scheduler restarted'}; waiting for {words.machines(run.awaited())}"
