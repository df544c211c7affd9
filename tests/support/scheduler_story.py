"""Tells a story to the scheduler, line by line, and writes down what it does. No clock, no network.

A story is text. `> ` begins what happens; the indented lines below are what the scheduler did.

    > graph NAME [drain 5s]                  begins a graph, with
    > node NAME [on MACHINE] [may fail]
    > edge NODE.PORT -> NODE.PORT [hold 15s]
    > budget NODE.PORT -> NODE.PORT p99 8000us
    > apply NAME | stop NAME | delete NAME | show NAME | machines
    > join MACHINE [carrying RUN] | lose MACHINE [silent 2.5s] | die MACHINE | wait 5s
    > restart                                the scheduler is killed and started again
    > MACHINE preflighted WHAT [: problem | problem]
    > MACHINE prepared WHAT [: problem | problem]
    > MACHINE node WHAT NODE STATE [: reason]
    > MACHINE link WHAT NODE.PORT -> NODE.PORT connected | cut: reason
    > MACHINE accounts WHAT [RINGS]          RINGS: pointer.velocity=10 [decoder.in=9], … [source=8]
    > MACHINE ended WHAT [RINGS]
    > all preflighted|prepared|connected|ended WHAT, all STATE WHAT

WHAT is a graph (its newest run is meant) or the name of a run.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from small_graphs import add_budget, add_edge, add_node, graph_of

from rtmesh.common.errors import RtmeshError
from rtmesh.graph.plan import edge_name
from rtmesh.scheduler.effects import (
    Applied,
    Effect,
    Fit,
    ForgetGraph,
    Happened,
    NextTick,
    Refused,
    SaveGraph,
    SaveRun,
    SaveRunCounter,
    SendOrder,
)
from rtmesh.scheduler.events import (
    Apply,
    DeleteGraph,
    Event,
    MachineDied,
    MachineJoined,
    MachineLost,
    Replace,
    Reported,
    Restarted,
    StopGraph,
    Tick,
)
from rtmesh.scheduler.nodes import state_name
from rtmesh.scheduler.record import Record
from rtmesh.scheduler.scheduler import Scheduler
from rtmesh.v1 import graph_pb2, machine_pb2, plan_pb2, scheduler_pb2, status_pb2

SECOND_NS = 1_000_000_000
MESH_OFFSET_NS = 1_000 * SECOND_NS
SALT = "aaaa"
RUN = re.compile(rf"[0-9a-z]+-{SALT}")
RING = re.compile(r"(?P<name>[\w.]+)=(?P<head>\d+)(?: \[(?P<inner>[^]]*)\])?")
Report = machine_pb2.JoinRequest


class Memory:
    """Keeps what a scheduler stores, as `store` does, without a file."""

    def __init__(self) -> None:
        self.run_counter = 0
        self._graphs: dict[str, SaveGraph] = {}
        self._runs: dict[str, SaveRun] = {}  # by graph: the newest of which anything was stored

    def save(self, effect: Effect) -> None:
        match effect:
            case SaveRunCounter():
                self.run_counter = effect.value
            case SaveGraph():
                self._graphs[effect.graph.name] = effect
            case SaveRun():
                self._runs[effect.status.name] = effect
            case ForgetGraph():
                del self._graphs[effect.name]
                self._runs.pop(effect.name, None)

    def load(self) -> list[Record]:
        return [self._record(saved) for _, saved in sorted(self._graphs.items())]

    def _record(self, saved: SaveGraph) -> Record:
        run = self._runs.get(saved.graph.name)
        if run is None or (run.life is None and run.status.run != saved.run):
            return Record(saved.graph, saved.desired, saved.run)
        return Record(saved.graph, saved.desired, saved.run, run.status, run.life)


class Story:
    """A scheduler on a clock that moves only by `wait`, and the machines that have joined it."""

    def __init__(self) -> None:
        self.now_ns = MESH_OFFSET_NS
        self.scheduler = Scheduler(MESH_OFFSET_NS)
        self._graphs: dict[str, graph_pb2.Graph] = {}
        self._newest = graph_of()
        self._plans: dict[str, dict[str, plan_pb2.MachinePlan]] = {}
        self._tick_at_ns: int | None = None
        self._lines: list[str] = []
        self._store = Memory()

    def tell(self, line: str) -> list[str]:
        """Let one line of a story happen; what the scheduler did, as lines."""
        self._lines = []
        verb, _, rest = line.partition(" ")
        command: Callable[[str], None] | None = getattr(self, f"_do_{verb}", None)
        if command is not None:
            command(rest)
        else:
            self._machine(verb, rest)
        return self._lines

    def asked(self, run: str) -> list[str]:
        """Machines that were asked to carry a part of the run."""
        return list(self._plans.get(run, {}))

    # graphs

    def _do_graph(self, text: str) -> None:
        name, _, drain = text.partition(" drain ")
        drain_timeout_ms = _duration_ns(drain) // 1_000_000 if drain else 5000
        self._newest = self._graphs[name] = graph_of(name, drain_timeout_ms)

    def _do_node(self, text: str) -> None:
        may_fail = text.endswith(" may fail")
        name, _, machine = text.removesuffix(" may fail").partition(" on ")
        add_node(self._newest, name, machine, may_fail)

    def _do_edge(self, text: str) -> None:
        ports, _, hold = text.partition(" hold ")
        hold_absent_ms = _duration_ns(hold) // 1_000_000 if hold else 0
        add_edge(self._newest, *ports.split(" -> "), hold_absent_ms=hold_absent_ms)

    def _do_budget(self, text: str) -> None:
        ports, _, limit = text.partition(" p99 ")
        source, target = ports.split(" -> ")
        add_budget(self._newest, source, target, int(limit.removesuffix("us")))

    # users

    def _do_apply(self, name: str) -> None:
        graph = graph_pb2.Graph()
        graph.CopyFrom(self._graphs[name])
        event = Apply(graph, SALT)
        try:
            recorded = self.scheduler.to_record(event)
        except RtmeshError as error:
            self._tell_error(error)
            return
        for effect in recorded:
            self._store.save(effect)
        self._happen(event)

    def _do_stop(self, name: str) -> None:
        self._happen(StopGraph(name))

    def _do_delete(self, name: str) -> None:
        self._happen(DeleteGraph(name))

    def _do_show(self, name: str) -> None:
        try:
            self._lines.extend(shown(self.scheduler.status(name)))
        except RtmeshError as error:
            self._lines.append(f"{type(error).__name__}: {error}")

    def _do_machines(self, _: str) -> None:
        for machine in self.scheduler.machine_statuses():
            silent = f" for {machine.silent_ms / 1000:g} s" if machine.silent_ms else ""
            self._lines.append(
                f"{machine.name}: {'connected' if machine.connected else f'not connected{silent}'}"
            )

    # machines

    def _do_join(self, text: str) -> None:
        name, _, runs = text.partition(" carrying ")
        hello = machine_pb2.Hello(
            machine=name, hostname=f"{name}.lab", process_id=7, data_address=f"{name}:7700", runs=runs.split()
        )
        self._happen(MachineJoined(hello))

    def _do_lose(self, text: str) -> None:
        name, _, silent = text.partition(" silent ")
        self._happen(MachineLost(name, _duration_ns(silent) if silent else 0))

    def _do_die(self, name: str) -> None:
        self._happen(MachineDied(name))

    def _do_all(self, text: str) -> None:
        what, _, name = text.rpartition(" ")
        run = self._run(name)
        for machine, plan in list(self._plans.get(run, {}).items()):
            for report in _reports_of_all(what, run, plan):
                self._happen(Reported(machine, report))

    def _machine(self, machine: str, text: str) -> None:
        kind, _, rest = text.partition(" ")
        name, _, rest = rest.partition(" ")
        name, colon, problems = name.partition(":")
        report = _REPORTS[kind](self._run(name), f": {rest}" if colon else rest)
        self._happen(Reported(machine, report))

    def _run(self, name: str) -> str:
        return name if RUN.fullmatch(name) else self.scheduler.status(name).run

    # time

    def _do_restart(self, _: str) -> None:
        """All that is not stored is forgotten, and no machine is joined."""
        self._tick_at_ns = None
        self.scheduler = Scheduler(MESH_OFFSET_NS, self._store.run_counter)
        self._happen(Restarted(self._store.load(), SALT))

    def _do_wait(self, text: str) -> None:
        until_ns = self.now_ns + _duration_ns(text)
        while self._tick_at_ns is not None and self._tick_at_ns <= until_ns:
            self.now_ns, self._tick_at_ns = self._tick_at_ns, None
            self._happen(Tick())
        self.now_ns = until_ns

    def _happen(self, event: Event) -> None:
        try:
            effects = self.scheduler.handle(event, self.now_ns)
        except RtmeshError as error:
            self._tell_error(error)
            return
        for effect in effects:
            self._note(effect)
        for fit in (effect for effect in effects if isinstance(effect, Fit)):
            change = Replace(fit.graph, fit.run)
            for effect in self.scheduler.to_record(change):
                self._store.save(effect)
            self._happen(change)

    def _tell_error(self, error: RtmeshError) -> None:
        self._lines.extend(f"{type(error).__name__}: {error}".splitlines())

    def _note(self, effect: Effect) -> None:
        if isinstance(effect, NextTick):
            self._tick_at_ns = effect.at_ns
        self._store.save(effect)
        if isinstance(effect, SendOrder) and effect.order.HasField("preflight"):
            plan = effect.order.preflight.plan
            self._plans.setdefault(plan.run, {})[effect.machine] = plan
        self._lines.extend(_told(effect))


def _told(effect: Effect) -> Iterator[str]:
    match effect:
        case SendOrder():
            yield f"-> {effect.machine}: {_order(effect.order)}"
        case Happened():
            yield f"{effect.event.subject}: {effect.event.text}"
        case Applied():
            outcome = scheduler_pb2.ApplyOutcome.Name(effect.outcome).removeprefix("APPLY_OUTCOME_").lower()
            yield f"answer: {outcome}, run {effect.run}"
        case Refused():
            yield from f"answer: {type(effect.error).__name__}: {effect.error}".splitlines()
        case ForgetGraph():
            yield f"forgotten: {effect.name}"


def _order(order: machine_pb2.JoinResponse) -> str:
    kind = order.WhichOneof("order") or ""
    if kind == "welcome":
        return "welcome"
    body = getattr(order, kind)
    if kind == "prepare":
        dialled = ", ".join(sorted(body.data_addresses.values()))
        return f"prepare {body.plan.run}" + (f", dialling {dialled}" if dialled else "")
    if kind == "preflight":
        return f"preflight {body.plan.run}" + (f" beside {body.replaces}" if body.replaces else "")
    return f"{kind} {body.run}"


def shown(status: status_pb2.GraphStatus) -> Iterator[str]:
    """A status in lines."""
    phase = status_pb2.GraphPhase.Name(status.phase).removeprefix("GRAPH_PHASE_")
    yield f"run {status.run} {phase}" + (f": {status.reason}" if status.reason else "")
    for node in status.nodes:
        reason = f": {node.reason}" if node.reason else ""
        yield f"  node {node.name} on {node.machine or 'any'} {state_name(node.state)}{reason}"
    for edge in status.edges:
        yield f"  edge {_edge(edge)}"
    for budget in status.budgets:
        held = "held" if budget.held else "not held"
        yield f"  budget {budget.budget.p99_us} us, {budget.measured.count} measured, {held}"
    for problem in status.problems:
        yield f"  problem {problem.where}: {problem.text}"


def _edge(edge: status_pb2.EdgeStatus) -> str:
    transport = graph_pb2.Transport.Name(edge.transport).removeprefix("TRANSPORT_").lower()
    dropped = sum(edge.dropped.values())
    link = "" if edge.connected or transport != "grpc" else " (not connected)"
    return (
        f"{edge_name(edge.edge)} by {transport}{link}: "
        f"{edge.sent} sent = {edge.delivered} delivered + {dropped} dropped + {edge.in_flight} in flight"
    )


# reports, from text


def _preflighted(run: str, text: str) -> Report:
    return Report(preflighted=machine_pb2.Preflighted(run=run, problems=_problems(text)))


def _prepared(run: str, text: str) -> Report:
    return Report(prepared=machine_pb2.Prepared(run=run, problems=_problems(text)))


def _node(run: str, text: str) -> Report:
    head, _, reason = text.partition(": ")
    name, _, state = head.partition(" ")
    status = status_pb2.NodeStatus(name=name, state=_state(state), reason=reason)
    return Report(node=machine_pb2.NodeReport(run=run, status=status))


def _link(run: str, text: str) -> Report:
    head, _, reason = text.partition(": ")
    edge, _, state = head.rpartition(" ")
    return Report(
        link=machine_pb2.LinkReport(run=run, edge=edge, connected=state == "connected", reason=reason)
    )


def _accounts(run: str, text: str) -> Report:
    return Report(accounts=_accounts_of(run, text))


def _ended(run: str, text: str) -> Report:
    return Report(ended=machine_pb2.Ended(run=run, accounts=_accounts_of(run, text)))


_REPORTS: dict[str, Callable[[str, str], Report]] = {
    "preflighted": _preflighted,
    "prepared": _prepared,
    "node": _node,
    "link": _link,
    "accounts": _accounts,
    "ended": _ended,
}


def _reports_of_all(what: str, run: str, plan: plan_pb2.MachinePlan) -> Iterator[Report]:
    if what in ("preflighted", "prepared", "ended"):
        yield _REPORTS[what](run, "")
    elif what == "connected":
        for ingress in plan.ingress:
            yield _link(run, f"{ingress.edge} connected")
    else:
        for node in plan.nodes:
            yield _node(run, f"{node.node.name} {what}")


def _accounts_of(run: str, text: str) -> machine_pb2.AccountsReport:
    rings = [_ring(match) for match in RING.finditer(text)]
    return machine_pb2.AccountsReport(run=run, rings=rings)


def _ring(match: re.Match[str]) -> status_pb2.RingAccount:
    """pointer.velocity=10 [decoder.in=9 source=8]: every message taken was delivered."""
    ring = status_pb2.RingAccount(name=match["name"], head=int(match["head"]))
    for part in (match["inner"] or "").split():
        key, _, value = part.partition("=")
        if key == "source":
            ring.source_position = int(value)
        else:
            ring.readers.add(
                name=key, taken=int(value), delivered=int(value), state=status_pb2.READER_STATE_ATTACHED
            )
    return ring


def _problems(text: str) -> list[status_pb2.Problem]:
    told = text.removeprefix(": ")
    return [status_pb2.Problem(where="", text=problem) for problem in told.split(" | ") if problem]


def _state(text: str) -> status_pb2.NodeState:
    return status_pb2.NodeState.Value("NODE_STATE_" + text.upper().replace(" ", "_"))


def _duration_ns(text: str) -> int:
    unit_ns = 1_000_000 if text.endswith("ms") else SECOND_NS
    return round(float(text.rstrip("ms")) * unit_ns)
