"""dora on two machines: a coordinator and a daemon on the left host, a daemon on the right one."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from bench.environment import REPOSITORY
from bench.net.link import CABLE
from bench.net.system import NetSystem
from bench.ring.endpoint import Seat
from bench.ring.systems.dora_rs import QUEUE, DoraEndpoint, DoraSystem

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
                daemon += [
                    "--coordinator-port",
                    str(seat.port),
                    "--local-listen-port",
                    str(seat.port + 1 + host),
                ]
                listen = self.link.hosts[host].address
                self._run(stack, seat, host, [*daemon, "--zenoh-listen", listen, "--quiet"], log.fileno())
            time.sleep(SETTLE_S)
            yield

    def _run(self, stack: contextlib.ExitStack, seat: Seat, host: int, words: list[str], log: int) -> None:
        alone = ALONE if host and self.link.kind == CABLE else []
        inside = self.link.hosts[host].inside([*alone, _dora(), *words])
        stack.callback(_end, self.spawn(inside, log, cwd=seat.folder, env=_environment()))

    def start(self, commands: list[list[str]], seat: Seat, log: int) -> list[subprocess.Popen[bytes]]:
        flow = seat.folder / "dataflow.yml"
        # JSON is YAML.
        flow.write_text(json.dumps({"nodes": [_node(i, each) for i, each in enumerate(commands)]}))
        where = ["--coordinator-addr", self.link.left.address, "--coordinator-port", str(seat.port)]
        command = [_dora(), "start", str(flow), "--attach", *where]
        return [self.spawn(self.link.left.inside(command), log, cwd=seat.folder, env=_environment())]

    def connect(self, seat: Seat) -> DoraEndpoint:
        return DoraEndpoint()


def _dora() -> str:
    return (
        shutil.which("dora", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}") or "dora"
    )


def _environment() -> dict[str, str]:
    paths = [str(REPOSITORY), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}


def _node(index: int, command: list[str]) -> dict[str, object]:
    return {
        "id": f"node{index}",
        "path": command[0],
        "args": " ".join(command[1:]),
        "deploy": {"machine": MACHINES[index]},
        "inputs": {"in": {"source": f"node{1 - index}/out", "queue_size": QUEUE}},
        "outputs": ["out"],
    }


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(2.0)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


SYSTEM = DoraDaemonsSystem()
