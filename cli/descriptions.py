"""All that is known of a graph, a node or a machine, as text for people and as a record for programs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from rtmesh.cli import records, tables
from rtmesh.cli.clocks import clock_facts
from rtmesh.cli.listings import edge_listing, node_listing, node_state
from rtmesh.cli.naming import find_graph, find_node
from rtmesh.cli.output import listing_table
from rtmesh.cli.specs import node_spec
from rtmesh.cli.status_view import budget_table
from rtmesh.cli.times import age_text, clock_and_age, clock_text
from rtmesh.client import Client
from rtmesh.common.errors import NotFoundError, describe_problem
from rtmesh.graph.names import did_you_mean
from rtmesh.v1 import status_pb2

Facts = Iterable[tuple[str, str]]
_KEPT_AWAKE = {
    status_pb2.KEEP_AWAKE_OFF: "no: CPUs may sleep between messages (meshd --keep-awake)",
    status_pb2.KEEP_AWAKE_IDLE: "while a graph runs there; none does now",
    status_pb2.KEEP_AWAKE_NOW: "yes: no CPU sleeps while a graph runs there",
}


@dataclass(frozen=True)
class Description:
    """The same, twice."""

    view: RenderableType
    record: records.Record


def describe_graph(client: Client, name: str) -> Description:
    """All of a graph. Raises NotFoundError."""
    status = find_graph(client, name)
    graph = client.definition(status.name)
    phase = tables.phase_name(status.phase)
    facts = [
        ("graph", status.name),
        ("run", status.run),
        ("phase", f"{phase}: {status.reason}" if status.reason else phase),
        ("folder", graph.folder),
        ("machines", ", ".join(_machine(machine) for machine in status.machines) or "-"),
        ("applied", clock_and_age(status.applied_time_ns)),
        ("began to run", clock_and_age(status.running_time_ns)),
        ("ended", clock_and_age(status.ended_time_ns)),
        ("drain timeout", _milliseconds(graph.drain_timeout_ms)),
    ]
    parts = [
        _facts(facts),
        *_problems(status),
        *_section("nodes", listing_table(node_listing([status])), len(status.nodes)),
        *_edges(status, status.edges),
        *_section("budgets", budget_table(status), len(status.budgets)),
        *_events(status.events),
    ]
    return Description(Group(*parts), records.full_graph_record(status, graph))


def describe_node(client: Client, name: str) -> Description:
    """All of a node. Raises RtmeshError."""
    found = find_node(client, name)
    status = find_graph(client, found.graph.name)
    node = next((item for item in status.nodes if item.name == found.node.name), found.status)
    spec = node_spec(found.graph, found.node)
    parts = [
        _facts([*_node_status(found.full_name, node), *_node_spec(spec)]),
        *_detail(node),
        *_edges(status, records.edges_of(status, node.name)),
        *_events(records.events_of(status, node.name)),
    ]
    return Description(Group(*parts), records.full_node_record(status, node, spec))


def describe_machine(client: Client, name: str) -> Description:
    """All of a machine. Raises NotFoundError."""
    machines = {machine.name: machine for machine in client.machines()}
    if name not in machines:
        raise NotFoundError(f"there is no machine {name}", did_you_mean(name, sorted(machines)))
    machine = machines[name]
    facts = [
        ("machine", _machine(machine)),
        ("hostname", machine.hostname or "-"),
        ("address", machine.data_address or "-"),
        ("version", machine.version or "-"),
        ("kernel", machine.kernel or "-"),
        ("CPUs", str(machine.cpu_count or "-")),
        ("memory", f"{machine.memory_bytes / 2**30:.1f} GiB" if machine.memory_bytes else "-"),
        ("kept awake", _KEPT_AWAKE.get(machine.keep_awake, "-")),
        *clock_facts(machine),
        *((process.name, _process(process)) for process in machine.processes),
    ]
    return Description(Group(_facts(facts)), records.machine_record(machine))


def _node_status(full_name: str, node: status_pb2.NodeStatus) -> Facts:
    state = node_state(node)
    yield "node", full_name
    yield "state", f"{state}: {node.reason}" if node.reason else state
    yield "machine", node.machine or "-"
    yield "service at", node.address or "-"
    yield "restarts", str(node.restarts)
    yield "steps", f"{node.steps} ({node.overruns} overruns, {node.unjoined} unjoined)"
    for label, process in (("loop", node.loop), ("service process", node.service)):
        yield label, _process(process)
    if node.result_json:
        yield "result", json.dumps(json.loads(node.result_json), ensure_ascii=False)


def _node_spec(spec: dict[str, Any]) -> Facts:
    yield "contract", spec["service"] or "-"
    yield ("runs", spec["run"]) if spec["run"] else ("command", " ".join(spec["command"]))
    for kind in ("inputs", "outputs"):
        ports = [
            f"{name} ({port['type']}, at most {port['max_bytes']} B)" for name, port in spec[kind].items()
        ]
        yield kind, ", ".join(ports) or "-"
    yield "methods", ", ".join(spec["methods"]) or "-"
    yield (
        "parameters",
        ", ".join(f"{key}={json.dumps(value)}" for key, value in spec["parameters"].items()) or "-",
    )
    yield "restart", _restart(spec["restart"])
    yield "when failed", spec["when_failed"].replace("_", " ")
    yield "setup timeout", _milliseconds(spec["setup_timeout_ms"])
    yield "step timeout", _milliseconds(spec["step_timeout_ms"])
    yield "spin", f"{spec['spin_us']} us" if spec["spin_us"] else "-"


def _restart(restart: dict[str, Any]) -> str:
    if restart["when"] != "on_failure":
        return restart["when"]
    return f"on failure, at most {restart['most']} times, after {_milliseconds(restart['backoff_ms'])}"


def _machine(machine: status_pb2.MachineStatus) -> str:
    return machine.name if machine.connected else f"{machine.name} (not connected)"


def _process(process: status_pb2.ProcessStatus) -> str:
    if not process.process_id:
        return "-"
    memory = f"{process.memory_bytes / 2**20:.0f} MiB"
    where = f", on CPU {process.cpus}" if process.cpus else ""
    return f"process {process.process_id}, {process.cpu_percent:.0f} % of a CPU{where}, {memory}"


def _milliseconds(value: int) -> str:
    if not value:
        return "-"
    return f"{value / 1000:g} s" if value >= 1000 else f"{value} ms"


def _facts(facts: Facts) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold")
    table.add_column()
    for label, text in facts:
        table.add_row(label, Text(text))
    return table


def _problems(status: status_pb2.GraphStatus) -> list[RenderableType]:
    lines = [Text(describe_problem(problem)) for problem in status.problems]
    return _section("problems", Group(*lines), len(lines))


def _detail(node: status_pb2.NodeStatus) -> list[RenderableType]:
    return _section("detail", Text(node.detail.rstrip()), len(node.detail))


def _edges(status: status_pb2.GraphStatus, edges: Sequence[status_pb2.EdgeStatus]) -> list[RenderableType]:
    """The accounts, and below them who waits for whom."""
    waits = [text for edge in edges if (text := records.waits_text(edge))]
    head = f"edges, as of {clock_and_age(status.accounts_time_ns)}"
    listing = edge_listing(status, edges)
    return [
        *_section(head, listing_table(listing), len(edges)),
        *(Text(f"  {note}") for note in listing.notes),
        *_section("blocked", Text("\n".join(waits)), len(waits)),
    ]


def _events(events: Sequence[status_pb2.Event]) -> list[RenderableType]:
    table = tables.plain_table("time", ">age", "subject", "what happened")
    for event in events:
        table.add_row(
            clock_text(event.time_ns), age_text(event.time_ns), Text(event.subject), Text(event.text)
        )
    return _section("events", table, len(events))


def _section(title: str, content: RenderableType, size: int) -> list[RenderableType]:
    """A part under its title; nothing if it would be empty."""
    return [Text(f"\n{title}", style="bold"), Padding(content, (0, 0, 0, 2), expand=False)] if size else []
