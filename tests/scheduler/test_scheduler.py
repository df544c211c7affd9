"""The scheduler as a whole, without a network: many machines, what it stores, how it starts again."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scheduler_story import MESH_OFFSET_NS, SALT, SECOND_NS, Story
from small_graphs import chain

from rtmesh.common.errors import NotFoundError, ProblemsError
from rtmesh.scheduler.effects import (
    Applied,
    Desired,
    Effect,
    ForgetGraph,
    NextTick,
    SaveGraph,
    SaveRun,
    SaveRunCounter,
    SendOrder,
    first_of,
)
from rtmesh.scheduler.events import (
    Apply,
    DeleteGraph,
    MachineJoined,
    MachineLost,
    Reported,
    Restarted,
    StopGraph,
    Tick,
)
from rtmesh.scheduler.history import MOST_EVENTS
from rtmesh.scheduler.record import Record
from rtmesh.scheduler.run_names import base36
from rtmesh.scheduler.scheduler import Scheduler
from rtmesh.v1 import graph_pb2, machine_pb2, scheduler_pb2, status_pb2

Report = machine_pb2.JoinRequest
NOW_NS = MESH_OFFSET_NS


def hello(machine: str) -> MachineJoined:
    return MachineJoined(machine_pb2.Hello(machine=machine, data_address=f"{machine}:7700"))


def all_of(kind: type[Any], effects: list[Effect]) -> list[Any]:
    return [effect for effect in effects if isinstance(effect, kind)]


class Machines:
    """Simulated machines: each answers every order at once, as a machine on which all goes well."""

    def __init__(self, scheduler: Scheduler) -> None:
        self.scheduler = scheduler
        self._plans: dict[tuple[str, str], Any] = {}

    def handle(self, event: Any, now_ns: int = NOW_NS) -> list[Effect]:
        """Let an event happen, and all that follows from what the machines answer."""
        effects = self.scheduler.handle(event, now_ns)
        for sent in all_of(SendOrder, effects):
            for report in self._answers(sent.machine, sent.order):
                effects += self.handle(Reported(sent.machine, report), now_ns)
        return effects

    def _answers(self, machine: str, order: machine_pb2.JoinResponse) -> list[Report]:
        match order.WhichOneof("order"):
            case "preflight":
                run = order.preflight.plan.run
                self._plans[machine, run] = order.preflight.plan
                return [Report(preflighted=machine_pb2.Preflighted(run=run))]
            case "prepare":
                return self._prepared(machine, order.prepare.plan.run)
            case "start":
                return self._nodes(machine, order.start.run, status_pb2.NODE_STATE_RUNNING)
            case "drain":
                return self._nodes(machine, order.drain.run, status_pb2.NODE_STATE_ENDED)
            case "stop":
                return [Report(ended=machine_pb2.Ended(run=order.stop.run))]
        return []

    def _prepared(self, machine: str, run: str) -> list[Report]:
        links = [
            Report(link=machine_pb2.LinkReport(run=run, edge=ingress.edge, connected=True))
            for ingress in self._plans[machine, run].ingress
        ]
        prepared = Report(prepared=machine_pb2.Prepared(run=run))
        return [prepared, *links, *self._nodes(machine, run, status_pb2.NODE_STATE_READY)]

    def _nodes(self, machine: str, run: str, state: status_pb2.NodeState) -> list[Report]:
        nodes = self._plans[machine, run].nodes
        statuses = [status_pb2.NodeStatus(name=node.node.name, state=state) for node in nodes]
        return [Report(node=machine_pb2.NodeReport(run=run, status=status)) for status in statuses]


def test_fifty_machines_run_one_graph_from_apply_to_its_end() -> None:
    machines = Machines(Scheduler(MESH_OFFSET_NS))
    names = [f"m{number}" for number in range(50)]
    for name in names:
        machines.handle(hello(name))

    machines.handle(Apply(chain("wide", *(f"n{n}@{name}" for n, name in enumerate(names))), SALT))
    running = machines.scheduler.status("wide")
    machines.handle(StopGraph("wide"))
    stopped = machines.scheduler.status("wide")

    assert running.phase == status_pb2.GRAPH_PHASE_RUNNING
    assert len(running.machines) == 50
    assert all(edge.connected and edge.transport == graph_pb2.TRANSPORT_GRPC for edge in running.edges)
    assert stopped.phase == status_pb2.GRAPH_PHASE_STOPPED
    assert all(node.state == status_pb2.NODE_STATE_ENDED for node in stopped.nodes)


def test_fifty_machines_share_a_graph_that_names_none() -> None:
    machines = Machines(Scheduler(MESH_OFFSET_NS))
    for number in range(50):
        machines.handle(hello(f"m{number}"))

    machines.handle(Apply(chain("free", *(f"n{n}" for n in range(100))), SALT))

    placed = [node.machine for node in machines.scheduler.status("free").nodes]
    assert {placed.count(machine) for machine in placed} == {2}
    assert len(set(placed)) == 50


def test_fifty_machines_lost_at_once_leave_no_run_alive() -> None:
    machines = Machines(Scheduler(MESH_OFFSET_NS))
    for number in range(50):
        machines.handle(hello(f"m{number}"))
    machines.handle(Apply(chain("free", *(f"n{n}" for n in range(100))), SALT))

    for number in range(50):
        machines.scheduler.handle(MachineLost(f"m{number}"), NOW_NS)

    assert machines.scheduler.status("free").phase == status_pb2.GRAPH_PHASE_FAILED


def test_what_is_to_be_recorded_of_a_graph_is_known_before_anything_is_changed() -> None:
    scheduler = Scheduler(MESH_OFFSET_NS, run_counter=36)
    scheduler.handle(hello("brand"), NOW_NS)
    graph = chain("cursor", "pointer@brand")

    recorded = scheduler.to_record(Apply(graph, SALT))
    statuses = scheduler.statuses()
    applied = first_of(Applied, scheduler.handle(Apply(graph, SALT), NOW_NS))

    assert recorded == [SaveRunCounter(37), SaveGraph(graph, Desired.RUNNING, f"11-{SALT}")]
    assert statuses == []
    assert applied == Applied(f"11-{SALT}", scheduler_pb2.APPLY_OUTCOME_CREATED)
    assert scheduler.to_record(Apply(graph, SALT)) == []


def test_a_status_is_saved_when_the_phase_changes_and_now_and_then_between() -> None:
    machines = Machines(Scheduler(MESH_OFFSET_NS))
    machines.handle(hello("brand"))
    saved = all_of(SaveRun, machines.handle(Apply(chain("cursor", "pointer@brand"), SALT)))
    run = machines.scheduler.status("cursor").run
    accounts = Reported("brand", Report(accounts=machine_pb2.AccountsReport(run=run)))

    news = machines.scheduler.handle(accounts, NOW_NS + SECOND_NS)
    soon = machines.scheduler.handle(accounts, NOW_NS + 2 * SECOND_NS)
    later = machines.scheduler.handle(accounts, NOW_NS + 6 * SECOND_NS)

    assert saved[-1].status.phase == status_pb2.GRAPH_PHASE_RUNNING
    assert all_of(SaveRun, news)
    assert not all_of(SaveRun, soon)
    assert all_of(SaveRun, later)


def test_the_final_status_is_saved() -> None:
    machines = Machines(Scheduler(MESH_OFFSET_NS))
    machines.handle(hello("brand"))
    machines.handle(Apply(chain("cursor", "pointer@brand"), SALT))

    effects = machines.handle(StopGraph("cursor"))

    assert all_of(SaveRun, effects)[-1].status == machines.scheduler.status("cursor")
    assert first_of(SaveGraph, effects).desired is Desired.STOPPED


def test_a_deleted_graph_is_removed_from_the_record_with_its_last_status() -> None:
    machines = Machines(Scheduler(MESH_OFFSET_NS))
    machines.handle(hello("brand"))
    machines.handle(Apply(chain("cursor", "pointer@brand"), SALT))

    forgotten = first_of(ForgetGraph, machines.handle(DeleteGraph("cursor")))

    assert forgotten is not None
    assert forgotten.last.phase == status_pb2.GRAPH_PHASE_STOPPED
    assert machines.scheduler.statuses() == []


def test_a_refused_graph_changes_nothing() -> None:
    scheduler = Scheduler(MESH_OFFSET_NS)
    graph = chain("cursor", "pointer@brand")
    graph.descriptors = b"\xff\xff"
    graph.nodes[0].run = ""

    with pytest.raises(ProblemsError) as raised:
        scheduler.handle(Apply(graph, SALT), NOW_NS)

    assert [problem.path for problem in raised.value.problems] == ["descriptors", "nodes.pointer"]
    assert scheduler.statuses() == []
    effects = scheduler.handle(Apply(chain("cursor", "pointer@brand"), SALT), NOW_NS)
    assert first_of(Applied, effects) == Applied(f"1-{SALT}", scheduler_pb2.APPLY_OUTCOME_CREATED)


def test_a_tick_is_asked_for_exactly_when_something_is_due() -> None:
    story = Story()
    for line in ("graph cursor", "node pointer on brand", "join brand"):
        story.tell(line)
    graph = chain("cursor", "pointer@brand")

    effects = story.scheduler.handle(Apply(graph, SALT), NOW_NS)
    early = story.scheduler.handle(Tick(), NOW_NS + 29 * SECOND_NS)
    due = story.scheduler.handle(Tick(), NOW_NS + 30 * SECOND_NS)

    assert first_of(NextTick, effects) == NextTick(NOW_NS + 30 * SECOND_NS)
    assert first_of(NextTick, early) is None
    assert first_of(NextTick, due) == NextTick(None)
    assert story.scheduler.phase("cursor") == status_pb2.GRAPH_PHASE_FAILED


def restarted(*records: Record, run_counter: int = 1) -> Scheduler:
    scheduler = Scheduler(MESH_OFFSET_NS, run_counter)
    scheduler.handle(Restarted(records, SALT), NOW_NS)
    return scheduler


@pytest.mark.parametrize(
    ("desired", "before", "run", "after"),
    [
        (Desired.RUNNING, status_pb2.GRAPH_PHASE_COMPLETED, "1-aaaa", status_pb2.GRAPH_PHASE_COMPLETED),
        (Desired.RUNNING, status_pb2.GRAPH_PHASE_PENDING, "1-aaaa", status_pb2.GRAPH_PHASE_PENDING),
        (Desired.RUNNING, status_pb2.GRAPH_PHASE_RUNNING, "2-aaaa", status_pb2.GRAPH_PHASE_PENDING),
        (Desired.STOPPED, status_pb2.GRAPH_PHASE_DRAINING, "1-aaaa", status_pb2.GRAPH_PHASE_STOPPED),
    ],
)
def test_of_a_run_without_a_life_only_the_status_is_known_after_a_restart(
    desired: Desired, before: status_pb2.GraphPhase, run: str, after: status_pb2.GraphPhase
) -> None:
    """The third and fourth as an older rtmesh may have stored them."""
    known = status_pb2.GraphStatus(name="cursor", run="1-aaaa", phase=before)
    record = Record(chain("cursor", "pointer@brand"), desired, "1-aaaa", known)

    status = restarted(record).status("cursor")

    assert (status.run, status.phase) == (run, after)
    assert any(event.text == "scheduler restarted" for event in status.events) == (
        before != after or after == 1
    )


def test_a_restarted_scheduler_has_machines_end_what_nobody_wants() -> None:
    known = status_pb2.GraphStatus(name="cursor", run="1-aaaa", phase=status_pb2.GRAPH_PHASE_STOPPED)
    scheduler = restarted(Record(chain("cursor", "pointer@brand"), Desired.STOPPED, "1-aaaa", known))
    scheduler.handle(hello("brand"), NOW_NS)

    effects = scheduler.handle(
        Reported("brand", Report(node=machine_pb2.NodeReport(run="1-aaaa"))), NOW_NS + 1
    )

    assert [sent.order.stop.run for sent in all_of(SendOrder, effects)] == ["1-aaaa"]


def test_a_graph_of_before_the_restart_is_applied_as_a_new_run_and_keeps_its_events() -> None:
    known = status_pb2.GraphStatus(name="cursor", run="1-aaaa", phase=status_pb2.GRAPH_PHASE_STOPPED)
    known.events.add(text="stopped")
    graph = chain("cursor", "pointer@brand")
    scheduler = restarted(Record(graph, Desired.STOPPED, "1-aaaa", known))

    effects = scheduler.handle(Apply(graph, SALT), NOW_NS)

    assert first_of(Applied, effects) == Applied(f"2-{SALT}", scheduler_pb2.APPLY_OUTCOME_CONFIGURED)
    assert [event.text for event in scheduler.status("cursor").events][:2] == [
        "stopped",
        f"applied as run 2-{SALT}",
    ]


def test_stopping_and_deleting_work_on_a_graph_of_before_the_restart() -> None:
    scheduler = restarted(Record(chain("cursor", "pointer@brand"), Desired.STOPPED, "1-aaaa"))

    scheduler.handle(StopGraph("cursor"), NOW_NS)
    effects = scheduler.handle(DeleteGraph("cursor"), NOW_NS)

    assert first_of(ForgetGraph, effects) is not None
    with pytest.raises(NotFoundError):
        scheduler.phase("cursor")


def test_machines_of_before_a_restart_are_known_and_not_connected() -> None:
    known = status_pb2.GraphStatus(name="cursor", run="1-aaaa", phase=status_pb2.GRAPH_PHASE_STOPPED)
    known.machines.add(name="brand", hostname="brand.lab", cpu_count=4, connected=True)
    scheduler = restarted(Record(chain("cursor", "pointer@brand"), Desired.STOPPED, "1-aaaa", known))

    (machine,) = scheduler.machine_statuses()

    assert (machine.name, machine.hostname, machine.cpu_count, machine.connected) == (
        "brand",
        "brand.lab",
        4,
        False,
    )


def test_a_graph_keeps_its_newest_events_only() -> None:
    story = Story()
    for line in ("graph cursor", "node pointer on brand", "join brand", "apply cursor"):
        story.tell(line)
    for line in ("all preflighted cursor", "all prepared cursor", "all ready cursor"):
        story.tell(line)

    for number in range(MOST_EVENTS):
        story.tell(f"brand node cursor pointer {'stuck' if number % 2 else 'running'}")

    events = story.scheduler.status("cursor").events
    assert len(events) == MOST_EVENTS
    assert events[-1].text == "stuck"


def test_a_short_report_keeps_what_a_longer_one_told() -> None:
    machines = Machines(Scheduler(MESH_OFFSET_NS))
    machines.handle(hello("brand"))
    machines.handle(Apply(chain("cursor", "pointer@brand"), SALT))
    run = machines.scheduler.status("cursor").run
    full = status_pb2.NodeStatus(
        name="pointer", state=status_pb2.NODE_STATE_STUCK, detail="stack", result_json='{"r2": 1}'
    )
    short = status_pb2.NodeStatus(name="pointer", state=status_pb2.NODE_STATE_STUCK, steps=9)
    other = status_pb2.NodeStatus(name="pointer", state=status_pb2.NODE_STATE_RUNNING)

    for told in (full, short):
        machines.handle(Reported("brand", Report(node=machine_pb2.NodeReport(run=run, status=told))))
    stuck = machines.scheduler.status("cursor").nodes[0]
    machines.handle(Reported("brand", Report(node=machine_pb2.NodeReport(run=run, status=other))))
    running = machines.scheduler.status("cursor").nodes[0]

    assert (stuck.steps, stuck.detail, stuck.result_json) == (9, "stack", '{"r2": 1}')
    assert (running.detail, running.result_json) == ("", '{"r2": 1}')


def test_a_machine_cannot_speak_for_the_node_of_another() -> None:
    machines = Machines(Scheduler(MESH_OFFSET_NS))
    machines.handle(hello("brand"))
    machines.handle(hello("gpc"))
    machines.handle(Apply(chain("cursor", "pointer@brand", "decoder@gpc"), SALT))
    run = machines.scheduler.status("cursor").run
    lie = status_pb2.NodeStatus(name="pointer", state=status_pb2.NODE_STATE_FAILED)

    machines.handle(Reported("gpc", Report(node=machine_pb2.NodeReport(run=run, status=lie))))

    assert machines.scheduler.status("cursor").phase == status_pb2.GRAPH_PHASE_RUNNING


@pytest.mark.parametrize(("number", "text"), [(0, "0"), (35, "z"), (36, "10"), (36**3, "1000")])
def test_runs_are_numbered_in_small_letters_and_digits(number: int, text: str) -> None:
    assert base36(number) == text


REPORTS = ("preflighted", "prepared", "connected", "ended", "ready", "running", "draining", "failed")
# Without such leaps no random story would come far enough to be interesting.
UP = ("preflighted", "prepared", "ready", "connected", "running")
LINES = st.sampled_from(
    [
        *["join brand", "join gpc", "apply cursor", "apply reach", "up cursor", "up reach"] * 4,
        *["restart"] * 3,
        *(f"{verb} {name}" for verb in ("join", "lose") for name in ("brand", "gpc")),
        *(f"{verb} {name}" for verb in ("apply", "stop", "delete") for name in ("cursor", "reach")),
        *(f"all {what} {name}" for what in REPORTS for name in ("cursor", "reach")),
        "all restarting cursor",
        "brand accounts cursor pointer.velocity=5 [decoder.velocity=5]",
        "gpc accounts cursor decoder.velocity=5 [decoder.velocity=5 source=5]",
        "gpc link cursor pointer.velocity -> decoder.velocity cut: gone",
        "wait 10s",
        "wait 100s",
    ]
)
GRAPHS = (
    "graph cursor drain 5s",
    "node pointer on brand",
    "node decoder on gpc may fail",
    "edge pointer.velocity -> decoder.velocity",
    "graph reach",
    "node replay",
)


@settings(max_examples=200, deadline=None)
@given(st.lists(LINES, max_size=60))
def test_whatever_happens_only_joined_machines_get_orders_and_every_graph_can_be_stopped(
    lines: list[str],
) -> None:
    story = Story()
    joined: set[str] = set()
    for line in GRAPHS:
        story.tell(line)

    for line in itertools.chain.from_iterable(map(_steps, lines)):
        verb, _, name = line.partition(" ")
        if not _is_possible(story, joined, line):
            continue
        joined = _joined(joined, verb, name)
        done = [text for text in story.tell(line) if text.startswith("-> ")]
        assert {text.removeprefix("-> ").split(":")[0] for text in done} <= joined

    for status in story.scheduler.statuses():
        story.tell(f"stop {status.name}")
    story.tell("wait 300s")
    ended = (status_pb2.GRAPH_PHASE_STOPPED, status_pb2.GRAPH_PHASE_COMPLETED, status_pb2.GRAPH_PHASE_FAILED)
    assert all(status.phase in ended for status in story.scheduler.statuses())


def _joined(joined: set[str], verb: str, name: str) -> set[str]:
    """The machines that are joined after a line."""
    if verb == "restart":
        return set()
    return joined | {name} if verb == "join" else joined - {name} if verb == "lose" else joined


def _steps(line: str) -> list[str]:
    verb, _, name = line.partition(" ")
    return [f"all {what} {name}" for what in UP] if verb == "up" else [line]


def _is_possible(story: Story, joined: set[str], line: str) -> bool:
    """Only joined machines report, and only of graphs that are there."""
    verb, _, rest = line.partition(" ")
    if verb in ("join", "lose"):
        return (rest in joined) == (verb == "lose")
    if verb in ("apply", "stop", "delete", "wait", "restart"):
        return True
    name = rest.rpartition(" ")[2] if verb == "all" else rest.split(" ")[1]
    known = {status.name: status for status in story.scheduler.statuses()}
    if name not in known:
        return False
    # `all` speaks for every machine that was ever asked about the run.
    asked = set(story.asked(known[name].run)) if verb == "all" else {verb}
    return asked <= joined
