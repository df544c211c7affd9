"""The machines that are or were joined to the mesh."""

from __future__ import annotations

from collections.abc import Iterable

from rtmesh.common.errors import AlreadyExistsError, InvalidArgumentError
from rtmesh.graph.names import MACHINE_NAME, is_name
from rtmesh.v1 import machine_pb2, status_pb2


class Machine:
    """One machine, as its last Hello and reports told."""

    def __init__(self, hello: machine_pb2.Hello) -> None:
        self.hello = hello
        self.is_connected = True
        self.last_heard_ns = 0  # set when it is lost
        self.processes: list[status_pb2.ProcessStatus] = []
        self.clock: status_pb2.ClockStatus | None = None
        self.keep_awake = status_pb2.KEEP_AWAKE_UNSPECIFIED
        # Runs it was told to end although no graph wants them: told once a connection.
        self.orphans: set[str] = set()

    def status(self, now_ns: int) -> status_pb2.MachineStatus:
        """What users see of it."""
        hello = self.hello
        return status_pb2.MachineStatus(
            name=hello.machine,
            hostname=hello.hostname,
            connected=self.is_connected,
            data_address=hello.data_address,
            processes=self.processes,
            kernel=hello.kernel,
            cpu_count=hello.cpu_count,
            memory_bytes=hello.memory_bytes,
            version=hello.version,
            clock=self.clock,
            # It ends with its meshd, of which nothing is known now.
            keep_awake=self.keep_awake if self.is_connected else status_pb2.KEEP_AWAKE_UNSPECIFIED,
            silent_ms=max(0, now_ns - self.last_heard_ns) // 1_000_000 if self.last_heard_ns else 0,
        )


class Machines:
    """All machines by name."""

    def __init__(self) -> None:
        self._machines: dict[str, Machine] = {}

    def __getitem__(self, name: str) -> Machine:
        return self._machines[name]

    def join(self, hello: machine_pb2.Hello) -> None:
        """Take in a machine. Changes nothing if it raises.

        Raises:
            InvalidArgumentError: its name cannot be one.
            AlreadyExistsError: a machine of that name is joined.
        """
        if not is_name(hello.machine, MACHINE_NAME):
            raise InvalidArgumentError(
                f"{hello.machine!r} cannot name a machine", "use up to 40 of A-Z a-z 0-9 _ -, first no _ or -"
            )
        known = self._machines.get(hello.machine)
        if known is not None and known.is_connected:
            raise AlreadyExistsError(
                f"machine {hello.machine} is joined already, from {known.hello.hostname} "
                f"(process {known.hello.process_id})",
                "give this one another name, or end that meshd",
            )
        self._machines[hello.machine] = Machine(hello)

    def recall(self, statuses: Iterable[status_pb2.MachineStatus]) -> None:
        """Take over what was stored of machines that were joined to a scheduler before this one."""
        for status in statuses:
            self._machines.setdefault(status.name, _recalled(status))

    def is_joined(self, name: str) -> bool:
        """Whether the machine's stream is up."""
        return name in self._machines and self._machines[name].is_connected

    def data_addresses(self) -> dict[str, str]:
        """Where the relay of each joined machine is dialled."""
        return {
            name: machine.hello.data_address
            for name, machine in sorted(self._machines.items())
            if machine.is_connected
        }

    def lose(self, name: str, last_heard_ns: int) -> None:
        """The machine's stream is gone."""
        self._machines[name].is_connected = False
        self._machines[name].last_heard_ns = last_heard_ns

    def statuses(self, now_ns: int, names: Iterable[str] | None = None) -> list[status_pb2.MachineStatus]:
        """Status of the named machines that are known; of all by default."""
        wanted = sorted(self._machines) if names is None else names
        return [self._machines[name].status(now_ns) for name in wanted if name in self._machines]


def _recalled(status: status_pb2.MachineStatus) -> Machine:
    machine = Machine(
        machine_pb2.Hello(
            machine=status.name,
            hostname=status.hostname,
            data_address=status.data_address,
            kernel=status.kernel,
            cpu_count=status.cpu_count,
            memory_bytes=status.memory_bytes,
            version=status.version,
        )
    )
    machine.is_connected = False
    return machine
