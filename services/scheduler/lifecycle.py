"""What happens next to a run: the life of a graph, from waiting for machines to its final accounts.

    PENDING -> PREFLIGHT -> PREPARE -> SETUP -> RUNNING -> DRAINING -> STOPPING -> ENDED

Any stage may go to STOPPING (after PREPARE) or ENDED (before it), and PREFLIGHT back to PENDING when
a machine is lost while nothing was made yet. Every wait but the first has a bound: a machine that
does not answer ends the run by a deadline (see `deadlines`), a node that is slow by its machine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rtmesh.graph.plan import plan_run, required_machines
from rtmesh.graph.problems import PlanError
from rtmesh.scheduler import words
from rtmesh.scheduler.effects import Turn
from rtmesh.scheduler.nodes import AT_THE_BARRIER, SETTLED
from rtmesh.scheduler.runs import SECOND_NS, PartState, Run, Stage, Verdict
from rtmesh.scheduler.verdicts import COMPLETED, FAILED, final_verdict, why_failed
from rtmesh.v1 import machine_pb2, status_pb2

PREFLIGHT_TIMEOUT_NS = 30 * SECOND_NS
PREPARE_TIMEOUT_NS = 60 * SECOND_NS
CONNECT_TIMEOUT_NS = 30 * SECOND_NS
STOP_TIMEOUT_NS = 30 * SECOND_NS
MILLISECOND_NS = 1_000_000

Order = machine_pb2.JoinResponse


def place(run: Run, data_addresses: Mapping[str, str], nodes_carried: Mapping[str, int], turn: Turn) -> None:
    """Plan a pending run on the machines that are joined and ask them, if those it needs are."""
    missing = [name for name in required_machines(run.graph) if name not in data_addresses]
    if missing or not data_addresses:
        _wait_for(run, missing, sorted(data_addresses), turn)
        return
    try:
        plan = plan_run(run.graph, run.id, sorted(data_addresses), nodes_carried)
    except PlanError as error:
        fail_on_problems(run, [problem.to_proto() for problem in error.problems], turn)
        return
    run.place(plan, data_addresses)
    for machine in run.parts.values():
        names = words.listed([node.node.name for node in machine.plan.nodes])
        run.record(turn, f"asked to carry {names}", f"machine {machine.plan.machine}")
        turn.send(machine.plan.machine, Order(preflight=machine_pb2.Preflight(plan=machine.plan)))
    _enter(run, Stage.PREFLIGHT, "", turn, PREFLIGHT_TIMEOUT_NS)


def advance(run: Run, turn: Turn) -> None:
    """Go to the next stage, and the one after, as long as all that the run waits for has come."""
    before = None
    while run.stage is not before:
        before = run.stage
        fatal = run.nodes.fatal() if run.verdict is None else None
        if fatal is not None:
            stop(run, Verdict(FAILED, why_failed(fatal)), turn)
        elif run.stage in _NEXT:
            _NEXT[run.stage](run, turn)


def stop(run: Run, verdict: Verdict, turn: Turn) -> None:
    """End the run: drained if it is running, at once if nothing was made yet. The first verdict stays."""
    if run.verdict is not None or run.is_ended:
        return
    run.verdict = verdict
    if run.stage in (Stage.PENDING, Stage.PREFLIGHT):
        _finish(run, turn)
    elif run.stage is Stage.RUNNING and run.graph.drain_timeout_ms:
        _order(run, Order(drain=machine_pb2.Drain(run=run.id)), turn)
        _enter(run, Stage.DRAINING, verdict.reason, turn, timeout_ns(run, Stage.DRAINING))
    else:
        order_stop(run, turn)


def order_stop(run: Run, turn: Turn) -> None:
    """Have every machine end its part and give its final accounts."""
    _order(run, Order(stop=machine_pb2.Stop(run=run.id)), turn)
    reason = run.verdict.reason if run.verdict else ""
    _enter(run, Stage.STOPPING, reason, turn, timeout_ns(run, Stage.STOPPING))


def timeout_ns(run: Run, stage: Stage) -> int | None:
    """How long a run that has been running may be in a stage."""
    return {
        Stage.DRAINING: run.graph.drain_timeout_ms * MILLISECOND_NS,
        Stage.STOPPING: STOP_TIMEOUT_NS,
    }.get(stage)


def unmake(run: Run, machine: str, turn: Turn) -> None:
    """A machine was lost before any machine had made anything: wait for machines again."""
    run.record(turn, "lost before anything was made", f"machine {machine}")
    run.unplace()
    _enter(run, Stage.PENDING, "", turn)


def give_up(run: Run, machine: str, what: str, reason: str, turn: Turn) -> None:
    """Count a machine's part, and the nodes of it that have not ended, as lost."""
    run.parts[machine].state = PartState.LOST
    run.parts[machine].absence = None
    run.is_saved = False
    lost = run.nodes.settle(machine, status_pb2.NODE_STATE_LOST, reason)
    run.record(turn, f"{what}, with {words.listed(lost)}" if lost else what, f"machine {machine}")


def find(run: Run, machine: str) -> None:
    """A machine whose part was lost, or awaited, can be given orders about it again."""
    run.parts[machine].state = PartState.PREPARED
    run.parts[machine].absence = None


def ask_to_stop(run: Run, machine: str, turn: Turn) -> None:
    """Have one machine end its part and give its final accounts."""
    turn.send(machine, Order(stop=machine_pb2.Stop(run=run.id)))


def fail_on_problems(run: Run, problems: list[status_pb2.Problem], turn: Turn) -> None:
    """End a run that was refused before it could start, with every problem."""
    run.problems.extend(problems)
    count = len(run.problems)
    first = run.problems[0]
    where = f"{first.where}: " if first.where else ""
    stop(run, Verdict(FAILED, f"{count} problem{'s' if count > 1 else ''}: {where}{first.text}"), turn)


# What each stage waits for.


def _after_preflight(run: Run, turn: Turn) -> None:
    if run.machines_in(PartState.ASKED):
        return
    if run.problems:
        fail_on_problems(run, [], turn)
        return
    for name, part in run.parts.items():
        part.state = PartState.PREPARING
        others = {edge.from_machine for edge in part.plan.ingress}
        others |= {edge.to_machine for edge in part.plan.egress}
        addresses = {other: run.data_addresses[other] for other in sorted(others)}
        turn.send(name, Order(prepare=machine_pb2.Prepare(plan=part.plan, data_addresses=addresses)))
    _enter(run, Stage.PREPARE, "", turn, PREPARE_TIMEOUT_NS)


def _after_prepare(run: Run, turn: Turn) -> None:
    if run.machines_in(PartState.PREPARING):
        return
    if run.problems:
        fail_on_problems(run, [], turn)
    else:
        _enter(run, Stage.SETUP, "", turn)


def _after_setup(run: Run, turn: Turn) -> None:
    if not run.nodes.are_all_in(AT_THE_BARRIER) or run.awaited():
        return
    if any(run.open_links()):
        run.deadline_ns = run.deadline_ns or turn.now_ns + CONNECT_TIMEOUT_NS
        return
    for name in run.present():
        run.parts[name].is_started = True
    _order(run, Order(start=machine_pb2.Start(run=run.id)), turn)
    run.times.running_ns = turn.now_ns
    _enter(run, Stage.RUNNING, "", turn)


def _after_running(run: Run, turn: Turn) -> None:
    """Nothing is to be drained when every node has ended, or failed without taking the graph with it."""
    if run.nodes.are_all_in(SETTLED):
        run.verdict = Verdict(COMPLETED, "every node has ended")
        order_stop(run, turn)


def _after_draining(run: Run, turn: Turn) -> None:
    if run.nodes.are_all_in(SETTLED):
        order_stop(run, turn)


def _after_stopping(run: Run, turn: Turn) -> None:
    if not run.present() and not run.awaited():
        _finish(run, turn)


_NEXT = {
    Stage.PREFLIGHT: _after_preflight,
    Stage.PREPARE: _after_prepare,
    Stage.SETUP: _after_setup,
    Stage.RUNNING: _after_running,
    Stage.DRAINING: _after_draining,
    Stage.STOPPING: _after_stopping,
}


def _wait_for(run: Run, missing: Sequence[str], joined: Sequence[str], turn: Turn) -> None:
    whom = words.machines(missing) if missing else "a machine"
    # Whoever gave a machine another name than the graph does sees it here.
    who_came = f"; joined: {words.listed(joined)}" if joined else ""
    reason = f"waiting for {whom} to join{who_came}"
    if reason != run.reason:
        run.reason = reason
        run.is_saved = False
        run.record(turn, reason)


def _order(run: Run, order: Order, turn: Turn) -> None:
    for machine in run.present():
        turn.send(machine, order)


def _enter(run: Run, stage: Stage, reason: str, turn: Turn, timeout_ns: int | None = None) -> None:
    run.stage = stage
    run.reason = reason
    run.deadline_ns = None if timeout_ns is None else turn.now_ns + timeout_ns
    run.is_saved = False
    if stage is not Stage.PENDING:
        run.record(turn, f"{stage.name.lower()}: {reason}" if reason else stage.name.lower())


def _finish(run: Run, turn: Turn) -> None:
    run.verdict = final_verdict(run)
    run.stage = Stage.ENDED
    run.reason = run.verdict.reason
    run.deadline_ns = None
    run.times.ended_ns = turn.now_ns
    run.is_saved = False
    phase = status_pb2.GraphPhase.Name(run.verdict.phase).removeprefix("GRAPH_PHASE_").lower()
    run.record(turn, f"{phase}: {run.reason}")
