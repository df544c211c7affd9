"""dora on two machines: a coordinator and a daemon on the left host, a daemon on the right one."""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Iterator

from bench.net.link import CABLE
from bench.net.system import NetSystem
from bench.processes import end
from bench.ring.endpoint import Seat
from bench.ring.systems.dora_rs import QUEUE, DoraEndpoint, DoraSystem, dora, environment, write_flow

MACHINES = ("left", "right")
# It would find that both machines share memory, as no two machines do: the right one gets its own.
ALONE = ["unshare", "--mount", "--", "sh", "-c", 'mount -t tmpfs tmpfs /dev/shm && exec "$@"', "alone"]
# How long the daemons may take to be known to the coordinator.
SETTLE_S = 3.0


class DoraDaemonsSystem(NetSystem):
    """Its daemons start the nodes and carry what goes between the hosts."""

    name = "dora"
    distributions = DoraSystem.distributions
    setting = (
        f"a coordinator, a daemon a host, `dora start`; pyarrow arrays, queue_size {QUEUE}; hosts share no "
        "/dev/shm, which would else carry large messages"
    )

    @contextlib.contextmanager
    def serve(self, seat: Seat) -> Iterator[None]:
        self.write_places(seat)
        with contextlib.ExitStack() as stack, (seat.folder / "log").open("ab") as log:
            address = self.link.left.address
            coordinator = ["coordinator", "--interface", address, "--port", str(seat.port)]
            self._run(stack, seat, 0, [*coordinator, "--store", "memory"], log.fileno())
            for host, machine in enumerate(MACHINES):
                daemon = ["daemon", "--machine-id", machine, "--coordinator-addr", address]
                ports = {"--coordinator-port": seat.port, "--local-listen-port": seat.port + 1 + host}
                daemon += [word for name, port in ports.items() for word in (name, str(port))]
                listen = self.link.hosts[host].address
                self._run(stack, seat, host, [*daemon, "--zenoh-listen", listen, "--quiet"], log.fileno())
            time.sleep(SETTLE_S)
            yield

    def _run(self, stack: contextlib.ExitStack, seat: Seat, host: int, words: list[str], log: int) -> None:
        alone = ALONE if host and self.link.kind == CABLE else []
        inside = self.link.hosts[host].inside([*alone, dora(), *words])
        stack.callback(end, self.spawn(inside, log, cwd=seat.folder, env=environment()))

    def start(self, commands: list[list[str]], seat: Seat, log: int) -> list[subprocess.Popen[bytes]]:
        flow = write_flow(seat, commands, MACHINES)
        where = ["--coordinator-addr", self.link.left.address, "--coordinator-port", str(seat.port)]
        command = [dora(), "start", str(flow), "--attach", *where]
        return [self.spawn(self.link.left.inside(command), log, cwd=seat.folder, env=environment())]

    def connect(self, seat: Seat) -> DoraEndpoint:
        return DoraEndpoint()


SYSTEM = DoraDaemonsSystem()
