"""What happens to a run when that which it waits for does not come in time."""

from __future__ import annotations

from rtmesh.scheduler import absence, lifecycle, words
from rtmesh.scheduler.effects import Turn
from rtmesh.scheduler.runs import PartState, Run, Stage, Verdict
from rtmesh.scheduler.verdicts import FAILED
from rtmesh.v1 import status_pb2


def expire(run: Run, turn: Turn) -> None:
    """Act if the stage has taken too long, or a machine does not come back."""
    absence.expire(run, turn)
    if run.deadline_ns is None or turn.now_ns < run.deadline_ns:
        return
    run.deadline_ns = None
    _TOO_LATE[run.stage](run, turn)
    lifecycle.advance(run, turn)


def _preflight_too_late(run: Run, turn: Turn) -> None:
    _fail_silent(run, PartState.ASKED, "the preflight", lifecycle.PREFLIGHT_TIMEOUT_NS, turn)


def _prepare_too_late(run: Run, turn: Turn) -> None:
    _fail_silent(run, PartState.PREPARING, "prepare", lifecycle.PREPARE_TIMEOUT_NS, turn)


def _fail_silent(run: Run, state: PartState, order: str, timeout_ns: int, turn: Turn) -> None:
    text = f"did not answer {order} within {words.seconds(timeout_ns)}"
    remedy = "see the log of its meshd"
    silent = [status_pb2.Problem(where=name, text=text, remedy=remedy) for name in run.machines_in(state)]
    lifecycle.fail_on_problems(run, silent, turn)


def _links_too_late(run: Run, turn: Turn) -> None:
    told = [f"{name} ({link.reason})" if link.reason else name for name, link in run.open_links()]
    text = f"not connected within {words.seconds(lifecycle.CONNECT_TIMEOUT_NS)}: {words.listed(told)}"
    lifecycle.stop(run, Verdict(FAILED, text), turn)


def _drain_too_late(run: Run, turn: Turn) -> None:
    flying = run.ledger.in_flight(run.present())
    timeout = words.seconds(run.graph.drain_timeout_ms * lifecycle.MILLISECOND_NS)
    run.record(turn, f"not at rest after {timeout} (drain_timeout), {flying} messages in flight")
    lifecycle.order_stop(run, turn)


def _stop_too_late(run: Run, turn: Turn) -> None:
    for machine in [*run.present(), *run.awaited()]:
        run.parts[machine].state = PartState.LOST
        run.parts[machine].absence = None
        reason = f"machine {machine} did not tell its end within {words.seconds(lifecycle.STOP_TIMEOUT_NS)}"
        run.nodes.settle(machine, status_pb2.NODE_STATE_LOST, reason)
        run.record(turn, reason.removeprefix(f"machine {machine} "), f"machine {machine}")


_TOO_LATE = {
    Stage.PREFLIGHT: _preflight_too_late,
    Stage.PREPARE: _prepare_too_late,
    Stage.SETUP: _links_too_late,
    Stage.DRAINING: _drain_too_late,
    Stage.STOPPING: _stop_too_late,
}
