"""Scenarios of one node: events in, effects out, no clock and no process."""

from __future__ import annotations

import signal

import pytest

from rtmesh.machine.effects import AskStack, Kill, LetGo, Order, Report, Spawn
from rtmesh.machine.supervisor import Rules, Supervisor
from rtmesh.v1 import graph_pb2, status_pb2

SECOND_NS = 1_000_000_000
BACKOFF_NS = 200_000_000
COMES_BACK = LetGo(is_gone=False, ends_outputs=False)
GONE_FOR_GOOD = LetGo(is_gone=True, ends_outputs=True)

SETTING_UP = status_pb2.NODE_STATE_SETTING_UP
READY = status_pb2.NODE_STATE_READY
RUNNING = status_pb2.NODE_STATE_RUNNING
STUCK = status_pb2.NODE_STATE_STUCK
DRAINING = status_pb2.NODE_STATE_DRAINING
ENDED = status_pb2.NODE_STATE_ENDED
STOPPED = status_pb2.NODE_STATE_STOPPED
RESTARTING = status_pb2.NODE_STATE_RESTARTING
FAILED = status_pb2.NODE_STATE_FAILED


def make(restarts: bool = False, most: int = 5) -> Supervisor:
    return Supervisor(Rules(restarts, most, BACKOFF_NS, 60 * SECOND_NS, 5 * SECOND_NS))


def say(supervisor: Supervisor, *states: int) -> list[object]:
    """The effects of the last of several states that the loop enters."""
    effects: list[object] = []
    for state in states:
        effects = supervisor.said(state, "", "", 0)
    return effects


@pytest.fixture
def running() -> Supervisor:
    return run(make())


@pytest.fixture
def restartable() -> Supervisor:
    return run(make(restarts=True))


def run(supervisor: Supervisor) -> Supervisor:
    supervisor.begin(0)
    say(supervisor, SETTING_UP, READY)
    supervisor.start()
    say(supervisor, RUNNING)
    return supervisor


def test_rules_come_from_the_graph():
    restart = graph_pb2.Restart(when=graph_pb2.RESTART_WHEN_ON_FAILURE, most=3, backoff_ms=200)
    node = graph_pb2.Node(restart=restart, setup_timeout_ms=60_000, step_timeout_ms=5_000)

    assert Rules.of(node) == Rules(True, 3, BACKOFF_NS, 60 * SECOND_NS, 5 * SECOND_NS)


def test_a_node_without_a_restart_rule_is_not_restarted():
    assert not Rules.of(graph_pb2.Node()).restarts


def test_a_node_starts_only_once_it_is_ready_and_the_run_was_started():
    supervisor = make()

    assert supervisor.begin(0) == [Spawn(1), Report()]
    assert say(supervisor, SETTING_UP, READY) == [Report()]
    assert supervisor.start() == [Order.START]
    assert supervisor.start() == []


def test_a_node_that_ends_well_ends_its_outputs_and_is_told_when_its_process_is_gone(running):
    assert say(running, ENDED) == []
    assert running.state == RUNNING

    assert running.exited(0, "log", 0) == [GONE_FOR_GOOD, Report()]
    assert (running.state, running.reason, running.is_over) == (ENDED, "", True)


@pytest.mark.parametrize(
    ("return_code", "reason"),
    [
        (-signal.SIGKILL, "killed by SIGKILL (9)"),
        (-63, "killed by a signal (63)"),
        (3, "exited with code 3"),
        (0, "exited with code 0 without ending"),
    ],
)
def test_a_failure_without_words_is_told_by_its_exit_and_the_end_of_the_log(running, return_code, reason):
    assert running.exited(return_code, "last lines", 0) == [GONE_FOR_GOOD, Report()]

    assert (running.state, running.reason, running.detail) == (FAILED, reason, "last lines")


def test_a_loop_that_stops_without_being_told_to_has_failed(running):
    say(running, STOPPED)

    running.exited(0, "", 0)

    assert (running.state, running.reason) == (FAILED, "stopped without being told to")


def test_an_exception_is_told_at_once_and_its_traceback_kept(running):
    effects = running.said(FAILED, "ValueError: no", "Traceback", 0)

    assert effects == [Report()]
    assert (running.state, running.reason, running.detail) == (FAILED, "ValueError: no", "Traceback")
    assert running.exited(1, "log", 1) == [GONE_FOR_GOOD, Report()]
    assert (running.reason, running.detail) == ("ValueError: no", "Traceback")


def test_a_failed_loop_that_does_not_exit_is_killed(running):
    running.said(FAILED, "ValueError: no", "Traceback", 0)

    assert running.deadline_ns == 5 * SECOND_NS
    assert running.tick(5 * SECOND_NS, 0) == [AskStack()]
    assert running.stack("in teardown") == [Kill(signal.SIGTERM)]
    assert running.tick(7 * SECOND_NS, 0) == [Kill(signal.SIGKILL)]
    running.exited(-9, "log", 7 * SECOND_NS)
    assert running.reason == "ValueError: no"


def test_a_restarted_node_passes_the_barrier_alone(restartable):
    assert restartable.exited(-9, "log", 0) == [COMES_BACK, Report()]
    assert (restartable.state, restartable.is_over) == (RESTARTING, False)
    assert restartable.deadline_ns == BACKOFF_NS
    assert restartable.tick(BACKOFF_NS - 1, 0) == []

    assert restartable.tick(BACKOFF_NS, 0) == [Spawn(2), Report()]
    assert restartable.restarts == 1
    assert say(restartable, SETTING_UP, READY) == [Report(), Order.START]


def test_backoff_doubles_and_most_restarts_are_the_end():
    supervisor, now_ns, waits_ms = make(restarts=True, most=3), 0, []
    supervisor.begin(0)

    while supervisor.exited(1, "", now_ns)[0] == COMES_BACK:
        waits_ms.append((supervisor.deadline_ns - now_ns) // 1_000_000)
        now_ns = supervisor.deadline_ns
        supervisor.tick(now_ns, 0)

    assert waits_ms == [200, 400, 800]
    assert (supervisor.state, supervisor.epoch, supervisor.restarts) == (FAILED, 4, 3)


def test_a_node_that_dies_while_draining_is_restarted_and_drained(restartable):
    restartable.drain()
    restartable.exited(-9, "", 0)
    restartable.tick(BACKOFF_NS, 0)

    assert say(restartable, READY) == [Report(), Order.START]
    assert say(restartable, RUNNING) == [Report(), Order.DRAIN]


def test_a_node_drained_before_it_was_started_need_not_start():
    supervisor = make()
    supervisor.begin(0)
    say(supervisor, READY)

    assert supervisor.drain() == [Order.DRAIN]


def test_a_node_that_had_ended_is_not_restarted_if_its_teardown_fails(restartable):
    say(restartable, ENDED)
    restartable.said(FAILED, "OSError: disk full", "Traceback", 0)

    assert restartable.exited(1, "", 0)[0] == GONE_FOR_GOOD
    assert restartable.state == FAILED


def test_a_loop_that_cannot_be_spawned_again_has_failed_once_more(restartable):
    restartable.exited(-9, "", 0)
    restartable.tick(BACKOFF_NS, 0)

    assert restartable.spawn_failed("no such file", BACKOFF_NS) == [COMES_BACK, Report()]
    assert restartable.deadline_ns == 3 * BACKOFF_NS


def test_setup_that_takes_too_long_is_killed_with_its_stack():
    supervisor = make()
    supervisor.begin(0)
    say(supervisor, SETTING_UP)

    assert supervisor.deadline_ns == 60 * SECOND_NS
    assert supervisor.tick(60 * SECOND_NS, 0) == [AskStack()]
    assert supervisor.stack("in numpy.load") == [Kill(signal.SIGKILL)]
    assert supervisor.exited(-9, "log", 0) == [GONE_FOR_GOOD, Report()]
    assert supervisor.reason == "setup took longer than 60 s (setup_timeout)"
    assert supervisor.detail == "in numpy.load"


def test_a_ready_node_has_no_setup_deadline():
    supervisor = make()
    supervisor.begin(0)
    say(supervisor, SETTING_UP, READY)

    assert supervisor.deadline_ns is None


def test_a_long_step_is_stuck_until_it_ends(running):
    assert running.tick(6 * SECOND_NS, 2 * SECOND_NS) == []
    assert running.tick(8 * SECOND_NS, 2 * SECOND_NS) == [AskStack()]
    assert running.tick(8 * SECOND_NS, 2 * SECOND_NS) == []

    assert running.stack("in solve()") == [Report()]
    assert (running.state, running.detail) == (STUCK, "in solve()")
    assert running.reason == "a step takes longer than 5 s"
    assert running.tick(9 * SECOND_NS, 0) == [Report()]
    assert (running.state, running.reason, running.detail) == (RUNNING, "", "")


def test_a_step_that_ended_before_its_stack_came_was_never_stuck(running):
    running.tick(8 * SECOND_NS, 2 * SECOND_NS)
    running.tick(8 * SECOND_NS, 0)

    assert running.stack("idle") == []
    assert running.state == RUNNING


def test_a_stuck_node_that_was_drained_goes_back_to_draining(running):
    running.tick(8 * SECOND_NS, 2 * SECOND_NS)
    running.stack("in solve()")
    assert running.drain() == [Order.DRAIN]

    running.tick(9 * SECOND_NS, 0)

    assert running.state == DRAINING


def test_stop_leaves_what_is_in_flight_in_its_account(running):
    assert running.stop(0) == [Order.STOP]
    assert running.stop(1) == []
    say(running, STOPPED)

    assert running.exited(0, "", 1) == [COMES_BACK, Report()]
    assert (running.state, running.is_over) == (STOPPED, True)


def test_a_loop_that_does_not_stop_is_terminated_then_killed_and_has_failed(running):
    running.stop(0)

    assert running.tick(5 * SECOND_NS, 0) == [AskStack()]
    assert running.stack("in a C library") == [Kill(signal.SIGTERM)]
    assert running.tick(7 * SECOND_NS, 0) == [Kill(signal.SIGKILL)]
    assert running.exited(-9, "log", 0) == [COMES_BACK, Report()]
    assert running.state == FAILED
    assert running.reason == "did not end within 5 s and was killed"
    assert running.detail == "in a C library"


def test_a_loop_that_stops_on_sigterm_has_stopped(running):
    running.stop(0)
    running.tick(5 * SECOND_NS, 0)
    say(running, STOPPED)

    running.exited(0, "", 6 * SECOND_NS)

    assert running.state == STOPPED


def test_stop_cancels_a_restart(restartable):
    restartable.exited(-9, "", 0)

    assert restartable.stop(1) == [Report()]
    assert (restartable.state, restartable.reason) == (STOPPED, "killed by SIGKILL (9)")
    assert (restartable.deadline_ns, restartable.is_over) == (None, True)


def test_a_node_stopped_before_it_was_ready_is_never_started():
    supervisor = make()
    supervisor.begin(0)

    assert supervisor.stop(0) == [Order.STOP]
    assert say(supervisor, SETTING_UP, READY) == [Report()]


def test_a_crash_during_stop_is_a_failure_without_restart(restartable):
    restartable.stop(0)

    assert restartable.exited(-11, "", 1) == [COMES_BACK, Report()]
    assert (restartable.state, restartable.reason) == (FAILED, "killed by SIGSEGV (11)")


def test_a_result_is_kept_and_told(running):
    assert running.said_result('{"r2": 0.9}') == [Report()]

    running.exited(-9, "", 0)

    assert running.result_json == '{"r2": 0.9}'
