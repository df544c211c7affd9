"""What `get` lists: graphs, nodes, edges, machines, as rows for people and records for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from rtmesh.cli import tables
from rtmesh.cli.clocks import clock_cells
from rtmesh.cli.naming import find_graph, lives
from rtmesh.cli.records import (
    Record,
    edge_record,
    graph_record,
    machine_record,
    node_record,
    reader_name,
    waits_text,
)
from rtmesh.cli.summary import is_exact
from rtmesh.cli.tables import node_state as node_state
from rtmesh.cli.times import age_text, clock_text
from rtmesh.client import Client
from rtmesh.v1 import graph_pb2, status_pb2

GraphStatus = status_pb2.GraphStatus
_FLOW = ["transport", "policy", ">queue", ">sent", ">delivered", ">dropped", ">in flight", ">rate"]
_EDGE_COLUMNS = ["graph", "edge", *_FLOW, ">p50", ">p99", ">max", "waits", "as of"]
_TWO_MOMENTS = (
    "edges between machines: each end was read at its own moment; until the graph is at rest, "
    "sent and delivered are apart by what moved in between"
)
_EDGES_GIVE_WAY = ["queue", "as of", "policy", "p50", "max", "transport", "rate", "waits", "graph"]


@dataclass(frozen=True)
class Listing:
    """A list of things.

    Args:
        columns: their heads; one that begins with ">" is set to the right.
        rows: the cells, by column.
        records: the same things for programs, by row.
        gives_way: columns that a terminal may be too narrow for, the first to go first.
        notes: what must be known to read it.
    """

    columns: Sequence[str]
    rows: list[list[str]] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    gives_way: Sequence[str] = ()
    notes: list[str] = field(default_factory=list)

    def add(self, record: Record, cells: Sequence[str]) -> None:
        """Add a thing. Cells beyond the columns are for the wide form: they are left out."""
        self.rows.append(list(cells[: len(self.columns)]))
        self.records.append(record)


def list_kind(kind: str, client: Client, graph: str, *, is_wide: bool = False) -> Listing:
    """List "graphs", "nodes", "edges" or "machines".

    Args:
        graph: of this graph only; empty: of all.
    Raises:
        NotFoundError: there is no such graph.
    """
    return _LISTS[kind](client, graph, is_wide)


def _graphs(client: Client, graph: str, is_wide: bool) -> Listing:
    wide = ["run", "applied", "machines"] if is_wide else []
    columns = ["graph", "phase", ">nodes", ">edges", ">age", "reason", *wide]
    listing = Listing(columns, gives_way=() if is_wide else ["edges", "age"])
    for status in _statuses(client, graph):
        cells = [
            status.name,
            tables.phase_name(status.phase),
            _states(status),
            str(len(status.edges)),
            age_text(status.applied_time_ns),
            tables.shortened(status.reason),
            status.run,
            clock_text(status.applied_time_ns),
            ",".join(machine.name for machine in status.machines),
        ]
        listing.add(graph_record(status), cells)
    return listing


def _nodes(client: Client, graph: str, is_wide: bool) -> Listing:
    return node_listing(_statuses(client, graph), is_wide=is_wide)


def node_listing(statuses: Iterable[GraphStatus], *, is_wide: bool = False) -> Listing:
    """The nodes of graphs."""
    wide = [">unjoined", ">loop", "cpus", ">service", "address"] if is_wide else []
    columns = ["graph", "node", "machine", "state", ">restarts", ">steps", ">overruns", ">cpu", ">memory"]
    gives_way = () if is_wide else ["overruns", "memory", "cpu", "restarts"]
    listing = Listing([*columns, "reason", *wide], gives_way=gives_way)
    for status in statuses:
        for node in status.nodes:
            listing.add(node_record(status.name, node), _node_cells(status.name, node))
    return listing


def _node_cells(graph: str, node: status_pb2.NodeStatus) -> list[str]:
    return [
        graph,
        node.name,
        node.machine or "-",
        node_state(node),
        str(node.restarts),
        str(node.steps),
        str(node.overruns),
        f"{node.loop.cpu_percent:.0f} %",
        f"{node.loop.memory_bytes / 2**20:.0f} MiB",
        tables.shortened(node.reason),
        str(node.unjoined),
        str(node.loop.process_id or "-"),
        node.loop.cpus or "-",
        str(node.service.process_id or "-"),
        node.address or "-",
    ]


def _edges(client: Client, graph: str, is_wide: bool) -> Listing:
    wide = ["reader", "connected", ">measured"] if is_wide else []
    listing = Listing([*_EDGE_COLUMNS, *wide], gives_way=() if is_wide else _EDGES_GIVE_WAY)
    for status in _statuses(client, graph):
        _add_edges(listing, status, status.edges)
    return listing


def edge_listing(status: GraphStatus, edges: Iterable[status_pb2.EdgeStatus]) -> Listing:
    """Some edges of a graph."""
    listing = Listing(_EDGE_COLUMNS, gives_way=_EDGES_GIVE_WAY)
    _add_edges(listing, status, edges)
    return listing


def _add_edges(listing: Listing, status: GraphStatus, edges: Iterable[status_pb2.EdgeStatus]) -> None:
    for edge in edges:
        listing.add(edge_record(status, edge), _edge_cells(status, edge))
        is_moving = edge.transport == graph_pb2.TRANSPORT_GRPC and lives(status) and not is_exact(edge)
        if is_moving and _TWO_MOMENTS not in listing.notes:
            listing.notes.append(_TWO_MOMENTS)


def _edge_cells(status: GraphStatus, edge: status_pb2.EdgeStatus) -> list[str]:
    return [
        status.name,
        " -> ".join(tables.edge_ends(edge.edge)),
        tables.transport_name(edge.transport),
        tables.policy_name(edge.edge.when_full),
        str(edge.edge.queue),
        str(edge.sent),
        str(edge.delivered),
        tables.dropped_text(edge),
        str(edge.in_flight),
        f"{edge.rate_hz:.1f} Hz",
        *tables.latency_cells(edge.latency),
        waits_text(edge) or "-",
        clock_text(status.accounts_time_ns),
        reader_name(edge),
        "yes" if edge.connected else "no",
        str(edge.latency.count),
    ]


def _machines(client: Client, graph: str, is_wide: bool) -> Listing:
    wide = ["awake", "kernel", "processes"] if is_wide else []
    columns = ["machine", "connected", "hostname", ">cpus", ">memory", "address", "version"]
    gives_way = () if is_wide else ["version", "chrony", "cpus", "memory", "hostname"]
    listing = Listing([*columns, ">clock offset", ">error", "chrony", *wide], gives_way=gives_way)
    for machine in find_graph(client, graph).machines if graph else client.machines():
        cells = [
            machine.name,
            _connected(machine),
            machine.hostname or "-",
            str(machine.cpu_count or "-"),
            f"{machine.memory_bytes / 2**30:.1f} GiB" if machine.memory_bytes else "-",
            machine.data_address or "-",
            machine.version or "-",
            *clock_cells(machine),
            tables.keep_awake_name(machine.keep_awake) or "-",
            machine.kernel or "-",
            ", ".join(f"{process.name} {process.process_id}" for process in machine.processes) or "-",
        ]
        listing.add(machine_record(machine), cells)
    return listing


def _connected(machine: status_pb2.MachineStatus) -> str:
    if machine.connected:
        return "yes"
    return f"not heard for {machine.silent_ms // 1000} s" if machine.silent_ms else "no"


_LISTS: dict[str, Callable[[Client, str, bool], Listing]] = {
    "graphs": _graphs,
    "nodes": _nodes,
    "edges": _edges,
    "machines": _machines,
}


def _statuses(client: Client, graph: str) -> list[GraphStatus]:
    return [find_graph(client, graph)] if graph else client.list()


def _states(status: GraphStatus) -> str:
    """3 running, 1 failed."""
    counts = Counter(node_state(node) for node in status.nodes)
    if set(counts) == {"-"}:
        return str(len(status.nodes))
    return ", ".join(f"{count} {state}" for state, count in counts.items())
