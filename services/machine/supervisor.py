"""What is decided about one node: when its loop is started, ordered, killed, started again, given up.

Pure: events go in (what the loop said, its end, orders of the scheduler, the time), effects come
out, in the order in which they are to be carried out. No clock, no process, no ring.

    STARTING -> SETTING_UP -> READY -> RUNNING <-> STUCK
        ^                                 | drain
        |                             DRAINING -> ENDED | STOPPED
        +--- RESTARTING <--- failure ---> FAILED

ENDED and STOPPED are told when the process has exited, so that teardown is over by then. FAILED and
RESTARTING are told as soon as they are known; what the dead loop left in its rings is put right
(`LetGo`) only after its exit, when nobody can touch them any more.
"""

from __future__ import annotations

import signal
from dataclasses import dataclass
from enum import IntEnum

from rtmesh.machine.effects import AskStack, Effect, Kill, LetGo, Order, Report, Spawn
from rtmesh.v1 import graph_pb2, status_pb2

MILLISECOND_NS = 1_000_000
SECOND_NS = 1_000_000_000
STOP_GRACE_NS = 5 * SECOND_NS
TERMINATE_GRACE_NS = 2 * SECOND_NS
MOST_BACKOFF_NS = 30 * SECOND_NS

STARTING = status_pb2.NODE_STATE_STARTING
READY = status_pb2.NODE_STATE_READY
RUNNING = status_pb2.NODE_STATE_RUNNING
STUCK = status_pb2.NODE_STATE_STUCK
DRAINING = status_pb2.NODE_STATE_DRAINING
ENDED = status_pb2.NODE_STATE_ENDED
STOPPED = status_pb2.NODE_STATE_STOPPED
RESTARTING = status_pb2.NODE_STATE_RESTARTING
FAILED = status_pb2.NODE_STATE_FAILED


class Stage(IntEnum):
    """How far the scheduler has taken the run."""

    SERVING = 1
    DRAINING = 2
    STOPPED = 3


@dataclass(frozen=True)
class Rules:
    """What the graph says about failures of a node. A timeout of 0 means never."""

    restarts: bool
    most: int
    backoff_ns: int
    setup_timeout_ns: int
    step_timeout_ns: int

    @classmethod
    def of(cls, node: graph_pb2.Node) -> Rules:
        return cls(
            restarts=node.restart.when == graph_pb2.RESTART_WHEN_ON_FAILURE,
            most=node.restart.most,
            backoff_ns=node.restart.backoff_ms * MILLISECOND_NS,
            setup_timeout_ns=node.setup_timeout_ms * MILLISECOND_NS,
            step_timeout_ns=node.step_timeout_ms * MILLISECOND_NS,
        )


class Supervisor:
    """The state of one node and the decisions about it. Times are CLOCK_MONOTONIC, in ns."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.state: status_pb2.NodeState = STARTING
        self.epoch = 0
        self.restarts = 0
        self.reason = ""
        self.detail = ""
        self.result_json = ""
        self._stage = Stage.SERVING
        self._was_started = False
        self._restart_at_ns: int | None = None
        self._begin_life()

    def _begin_life(self) -> None:
        self._is_alive = False
        self._is_ready = False
        self._is_running = False
        self._told: set[Order] = set()
        self._has_ended = False  # its outputs have ended: another life could add nothing
        self._farewell: int | None = None  # ENDED, STOPPED or FAILED, as the loop said before its exit
        self._verdict = ""  # why meshd ends the loop itself
        self._stack_text = ""
        self._stuck_step_ns: int | None = None
        self._setup_by_ns: int | None = None
        self._end_by_ns: int | None = None

    @property
    def deadline_ns(self) -> int | None:
        """When `tick` must be called at the latest; None if nothing is due."""
        due = (self._setup_by_ns, self._end_by_ns, self._restart_at_ns)
        return min((time_ns for time_ns in due if time_ns is not None), default=None)

    @property
    def is_over(self) -> bool:
        """No process is alive and none will be started."""
        return not self._is_alive and self._restart_at_ns is None

    # orders of the scheduler

    def begin(self, now_ns: int) -> list[Effect]:
        """Start the first life."""
        return self._spawn(now_ns)

    def start(self) -> list[Effect]:
        """The graph is running: the node may begin, now or as soon as it is ready."""
        self._was_started = True
        return self._due_orders()

    def drain(self) -> list[Effect]:
        self._stage = max(self._stage, Stage.DRAINING)
        return self._due_orders()

    def stop(self, now_ns: int) -> list[Effect]:
        """End the node: asked first, after a grace terminated, then killed. A second stop changes nothing."""
        if self._stage is Stage.STOPPED:
            return []
        self._stage = Stage.STOPPED
        if self._is_alive:
            self._end_by_ns = _earlier(self._end_by_ns, now_ns + STOP_GRACE_NS)
            return self._due_orders()
        if self._restart_at_ns is None:
            return []
        self._restart_at_ns = None
        return self._show(STOPPED, self.reason, self.detail)

    # what the loop says, and its end

    def said(self, state: status_pb2.NodeState, reason: str, detail: str, now_ns: int) -> list[Effect]:
        """The loop entered a state."""
        if state in (ENDED, STOPPED):
            self._farewell = state
            self._has_ended = self._has_ended or state == ENDED
            self._setup_by_ns = None
            return []
        if state == FAILED:
            return self._said_failed(reason, detail, now_ns)
        if state in (READY, RUNNING):
            self._is_ready = True
            self._is_running = state == RUNNING
            self._setup_by_ns = None
        return self._show(state, reason, detail) + self._due_orders()

    def said_result(self, text: str) -> list[Effect]:
        """The node reported its result, a JSON object."""
        self.result_json = text
        return [Report()]

    def stack(self, text: str) -> list[Effect]:
        """The stack that was asked for; empty if the loop wrote none."""
        self._stack_text = text
        if self._verdict:
            return [Kill(signal.SIGTERM if self._end_by_ns else signal.SIGKILL)]
        if self._stuck_step_ns is None or not self._is_alive:
            return []
        return self._show(STUCK, f"a step takes longer than {_seconds(self.rules.step_timeout_ns)}", text)

    def exited(self, return_code: int, log_tail: str, now_ns: int) -> list[Effect]:
        """The process ended: a negative code is the signal that killed it."""
        if self._ended_well(return_code):
            return self._exited_well()
        reason, detail = self._cause(return_code)
        return self._failed(reason, detail or log_tail, now_ns)

    def spawn_failed(self, text: str, now_ns: int) -> list[Effect]:
        """The loop could not be started."""
        return self._failed(f"could not be started: {text}", "", now_ns)

    # time

    def tick(self, now_ns: int, step_started_ns: int) -> list[Effect]:
        """Do what is due. `step_started_ns` is when the current step began, 0 between steps."""
        if _is_due(self._restart_at_ns, now_ns):
            self.restarts += 1
            return self._spawn(now_ns)
        if _is_due(self._setup_by_ns, now_ns):
            self._setup_by_ns = None
            self._verdict = f"setup took longer than {_seconds(self.rules.setup_timeout_ns)} (setup_timeout)"
            return [AskStack()]
        if _is_due(self._end_by_ns, now_ns):
            return self._overdue(now_ns)
        return self._look_at_step(now_ns, step_started_ns)

    def _overdue(self, now_ns: int) -> list[Effect]:
        """The loop should have ended by now: SIGTERM when its stack is known, then SIGKILL."""
        if self._verdict:
            self._end_by_ns = None
            return [Kill(signal.SIGKILL)]
        self._verdict = f"did not end within {_seconds(STOP_GRACE_NS)} and was killed"
        self._end_by_ns = now_ns + TERMINATE_GRACE_NS
        return [AskStack()]

    def _look_at_step(self, now_ns: int, step_started_ns: int) -> list[Effect]:
        if self._stuck_step_ns is not None and step_started_ns != self._stuck_step_ns:
            self._stuck_step_ns = None
            return self._show(self._working_state(), "", "") if self.state == STUCK else []
        if self._stuck_step_ns is None and self._is_stuck(now_ns, step_started_ns):
            self._stuck_step_ns = step_started_ns
            return [AskStack()]
        return []

    def _is_stuck(self, now_ns: int, step_started_ns: int) -> bool:
        if not self._is_alive or not step_started_ns or not self.rules.step_timeout_ns:
            return False
        return self.state in (RUNNING, DRAINING) and now_ns - step_started_ns > self.rules.step_timeout_ns

    def _working_state(self) -> status_pb2.NodeState:
        return DRAINING if Order.DRAIN in self._told else RUNNING

    # transitions

    def _spawn(self, now_ns: int) -> list[Effect]:
        self._begin_life()
        self._is_alive = True
        self._restart_at_ns = None
        self.epoch += 1
        if self.rules.setup_timeout_ns:
            self._setup_by_ns = now_ns + self.rules.setup_timeout_ns
        return [Spawn(self.epoch), *self._show(STARTING, "", "")]

    def _due_orders(self) -> list[Effect]:
        """What this life of the loop should have been told and was not."""
        due: list[Effect] = [order for order in self._orders() if order not in self._told]
        self._told.update(self._orders())
        return due

    def _orders(self) -> list[Order]:
        if not self._is_alive:
            return []
        if self._stage is Stage.STOPPED:
            return [Order.STOP]
        if not self._is_ready:
            return []
        orders = [Order.START] if self._was_started else []
        # A loop that hears of both at once ends without having worked: it starts first.
        if self._stage is Stage.DRAINING and (self._is_running or not self._was_started):
            orders.append(Order.DRAIN)
        return orders

    def _said_failed(self, reason: str, detail: str, now_ns: int) -> list[Effect]:
        will_restart = self._will_restart()
        self._farewell = FAILED
        self._setup_by_ns = None
        self._end_by_ns = _earlier(self._end_by_ns, now_ns + STOP_GRACE_NS)
        return self._show(RESTARTING if will_restart else FAILED, reason, detail)

    def _ended_well(self, return_code: int) -> bool:
        if return_code != 0:
            return False
        return self._farewell == ENDED or (self._farewell == STOPPED and self._stage is Stage.STOPPED)

    def _exited_well(self) -> list[Effect]:
        state = ENDED if self._farewell == ENDED else STOPPED
        self._begin_life()
        has_ended = state == ENDED
        return [LetGo(is_gone=has_ended, ends_outputs=has_ended), *self._show(state, "", "")]

    def _failed(self, reason: str, detail: str, now_ns: int) -> list[Effect]:
        will_restart = self._will_restart()
        # A run that is being stopped keeps what was in flight in its account as in flight.
        is_gone = not will_restart and self._stage is not Stage.STOPPED
        self._begin_life()
        if will_restart:
            self._restart_at_ns = now_ns + min(self.rules.backoff_ns << self.restarts, MOST_BACKOFF_NS)
        shown = self._show(RESTARTING if will_restart else FAILED, reason, detail)
        return [LetGo(is_gone=is_gone, ends_outputs=is_gone), *shown]

    def _will_restart(self) -> bool:
        if self._stage is Stage.STOPPED or self._has_ended:
            return False
        return self.rules.restarts and self.restarts < self.rules.most

    def _cause(self, return_code: int) -> tuple[str, str]:
        """Reason and detail of a failure; an empty detail means the end of the log."""
        if self._farewell == FAILED:
            return self.reason, self.detail
        if self._verdict:
            return self._verdict, self._stack_text
        if return_code == 0 and self._farewell == STOPPED:
            return "stopped without being told to", ""
        if return_code == 0:
            return "exited with code 0 without ending", ""
        return describe_exit(return_code), ""

    def _show(self, state: status_pb2.NodeState, reason: str, detail: str) -> list[Effect]:
        self.state, self.reason, self.detail = state, reason, detail
        return [Report()]


def _earlier(first_ns: int | None, second_ns: int) -> int:
    return second_ns if first_ns is None else min(first_ns, second_ns)


def _is_due(time_ns: int | None, now_ns: int) -> bool:
    return time_ns is not None and now_ns >= time_ns


def _seconds(duration_ns: int) -> str:
    return f"{duration_ns / SECOND_NS:g} s"


def describe_exit(return_code: int) -> str:
    """How a process ended, in words; a negative code is the signal that killed it."""
    if return_code >= 0:
        return f"exited with code {return_code}"
    try:
        name = signal.Signals(-return_code).name
    except ValueError:
        name = "a signal"
    return f"killed by {name} ({-return_code})"
