"""The rings of one run as its machines last reported them, and every account that follows from them."""

from __future__ import annotations

from collections.abc import Collection

from rtmesh.common.origins import origin_id
from rtmesh.scheduler import accounts
from rtmesh.scheduler.rates import RateWindow, lifetime_rate_hz
from rtmesh.v1 import graph_pb2, machine_pb2, plan_pb2, status_pb2

RingKey = tuple[str, str]  # machine and ring: an edge between machines has a ring on each


class Ledger:
    """Accounts of one run on the machines of its plan."""

    def __init__(self, plan: plan_pb2.RunPlan) -> None:
        self._plan = plan
        self._rings: dict[RingKey, status_pb2.RingAccount] = {}
        self._rates: dict[RingKey, RateWindow] = {}
        self._times_ns: dict[str, int] = {}
        # The largest since messages flow: any of the latencies may have been measured then.
        self._clock_errors_ns: dict[str, int] = {}
        self._machine_of = {
            node.node.name: machine.machine for machine in plan.machines for node in machine.nodes
        }
        self._budget_ages = {
            (machine.machine, ring.name): list(ring.budget_origins)
            for machine in plan.machines
            for ring in machine.rings
        }

    def take(self, machine: str, report: machine_pb2.AccountsReport) -> None:
        """Take in what the machine's rings say now."""
        self._times_ns[machine] = report.time_ns
        if report.HasField("clock_error_ns") and any(ring.head for ring in report.rings):
            known_ns = self._clock_errors_ns.get(machine, 0)
            self._clock_errors_ns[machine] = max(known_ns, report.clock_error_ns)
        for ring in report.rings:
            key = (machine, ring.name)
            self._rings[key] = ring
            self._rates.setdefault(key, RateWindow()).add(report.time_ns, ring.head)

    def reports(self) -> dict[str, machine_pb2.AccountsReport]:
        """What each machine's rings last said, as if all of it had been told at once."""
        told = {name: machine_pb2.AccountsReport(time_ns=time) for name, time in self._times_ns.items()}
        for (machine, _), ring in self._rings.items():
            told[machine].rings.append(ring)
        for machine, error_ns in self._clock_errors_ns.items():
            told[machine].clock_error_ns = error_ns
        return told

    def edge(self, plan: plan_pb2.EdgePlan, is_over: bool) -> status_pb2.EdgeStatus:
        """The account of an edge. `is_over`: the run has ended, so its rate is that of its whole life."""
        key = (plan.from_machine, accounts.output_ring(plan.edge))
        output = self._rings.get(key)
        if plan.transport == graph_pb2.TRANSPORT_GRPC:
            ingress = self._rings.get((plan.to_machine, accounts.reader_name(plan.edge)))
            status = accounts.grpc_edge(plan, output, ingress)
            self._add_error(status.latency, plan.from_machine, plan.to_machine)
        else:
            status = accounts.ring_edge(plan, output)
        if output is not None:
            is_final = is_over or output.ended
            status.rate_hz = lifetime_rate_hz(output) if is_final else self._rates[key].rate_hz()
        return status

    def budget(self, budget: graph_pb2.LatencyBudget) -> status_pb2.BudgetStatus:
        """What was measured of a budget, in the ring of its `to` output."""
        name = f"{budget.to_node}.{budget.to_port}"
        origin = origin_id(self._plan.graph, budget.from_node, budget.from_port)
        for key, origins in self._budget_ages.items():
            ring = self._rings.get(key)
            if key[1] == name and ring is not None and origin in origins:
                place = origins.index(origin)
                if place < len(ring.origin_ages):
                    measured = status_pb2.LatencySummary()
                    measured.CopyFrom(ring.origin_ages[place])
                    self._add_error(measured, self._machine_of.get(budget.from_node, key[0]), key[0])
                    return accounts.budget_status(budget, measured)
        return accounts.budget_status(budget, None)

    def _add_error(self, latency: status_pb2.LatencySummary, begin: str, end: str) -> None:
        """Of a latency from one machine to another: one clock alone measures without error."""
        if begin != end:
            accounts.add_error(latency, [self._clock_errors_ns.get(machine) for machine in (begin, end)])

    def heads(self, machines: Collection[str]) -> dict[RingKey, int]:
        """How far every ring of these machines is written."""
        return {key: ring.head for key, ring in self._rings.items() if key[0] in machines}

    def in_flight(self, machines: Collection[str]) -> int:
        """Messages in flight on the edges that these machines carry alone."""
        edges = [edge for edge in self._plan.edges if {edge.from_machine, edge.to_machine} <= set(machines)]
        return sum(self.edge(edge, is_over=False).in_flight for edge in edges)

    def time_ns(self, machines: Collection[str]) -> int:
        """When the oldest of these machines' newest reports was taken, mesh time; 0 before the first."""
        return min((self._times_ns[name] for name in machines if name in self._times_ns), default=0)
