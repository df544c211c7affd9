"""A scheduler that was killed takes back the runs that live on without it. Pure.

    STORED STAGE                  WHAT IS DONE
    PENDING, PREFLIGHT            nothing was made: the run waits for its machines, as before
    PREPARE, SETUP                nobody knows how far the machines came: stopped there, begun anew
    RUNNING, DRAINING, STOPPING   goes on, once each machine is back with its part

A machine that has not come back in REJOIN_TIMEOUT_NS is lost with its nodes, as is the part of one that
comes back without it (see `absence`). What the run was when the scheduler was killed is shown until then.
"""

from __future__ import annotations

from rtmesh.graph.plan import edge_name
from rtmesh.scheduler import absence, words
from rtmesh.scheduler.effects import Life, Turn
from rtmesh.scheduler.history import History
from rtmesh.scheduler.runs import SECOND_NS, Absence, PartState, Run, Stage, Verdict
from rtmesh.scheduler.verdicts import STOPPED
from rtmesh.v1 import status_pb2

REJOIN_TIMEOUT_NS = 10 * SECOND_NS
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


def _recall_parts(run: Run, life: Life, status: status_pb2.GraphStatus) -> None:
    for name, part in run.parts.items():
        known = PartState[life.parts[name]]
        part.state = known if known in (PartState.LOST, PartState.ENDED) else PartState.AWAITED
        if part.state is PartState.AWAITED:
            run.nodes.find_again(name)  # those that were told lost because the machine was not heard
    for machine, report in life.accounts.items():
        run.ledger.take(machine, report)
    for edge in status.edges:
        link = run.links.get(edge_name(edge.edge))
        if link is not None:
            link.is_connected = edge.connected


def _await(run: Run, turn: Turn) -> None:
    until_ns = turn.now_ns + REJOIN_TIMEOUT_NS
    for machine in run.awaited():
        run.parts[machine].absence = Absence(turn.now_ns, until_ns, is_restart=True)
    waiting = f"; waiting for {words.machines(run.awaited())}" if run.awaited() else ""
    run.record(turn, f"scheduler restarted{waiting}")
    absence.settle(run, turn)
