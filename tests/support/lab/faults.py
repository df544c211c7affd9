"""What happens to cables. Every fault can be taken back, and connections live on if they last that long."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import time
from pathlib import Path

from running import until

from lab.box import LabError, end, run
from lab.network import DESK, SWITCH, Network

# Answers to nobody: locally administered, and on no host.
_NOWHERE = "02:00:de:ad:00:01"
_READY_S = 10.0


class Faults:
    """The cables of a network."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._forwarders: dict[str, subprocess.Popen[bytes]] = {}

    def cut(self, host: str) -> None:
        """Loudly: the host's link is down, it has no way to anywhere and is told so."""
        self._network.port(host)
        self._network.ip(host, "link", "set", "eth0", "down")

    def cut_silently(self, host: str) -> None:
        """The switch takes nothing from the host's cable and puts nothing on it: no error, no reset."""
        self._set_state(host, "disabled")

    def cut_path(self, host: str, other: str) -> None:
        """In silence between two hosts alone; both still reach all others.

        Each has a false hardware address for the other: a blackhole route would be told to the sender.
        """
        for near, far in ((host, other), (other, host)):
            neighbour = [self._network.address(far), "lladdr", _NOWHERE, "nud", "permanent", "dev", "eth0"]
            self._network.ip(near, "neigh", "replace", *neighbour)

    def restore(self, host: str) -> None:
        """Take back `cut`, `cut_silently` and `cut_path` of a host."""
        self._network.port(host)
        self._network.ip(host, "link", "set", "eth0", "up")
        for near in self._network.hosts:
            for far in self._network.hosts:
                if near != far and host in (near, far):
                    self._forget(near, far)
        self._forward(host)

    def _forward(self, host: str) -> None:
        """The switch refuses until it has noticed that the cable is whole again, a moment after `up`."""
        until(lambda: self._forwards(host), _READY_S, f"the switch to take the cable of {host}")

    def _forwards(self, host: str) -> bool:
        try:
            self._set_state(host, "forwarding")
        except LabError:
            return False
        return True

    def restore_after(self, seconds: float, host: str) -> None:
        """Let a cut last so long: the time is the fault itself, nothing is waited for."""
        time.sleep(seconds)
        self.restore(host)

    def _forget(self, near: str, far: str) -> None:
        entry = [self._network.address(far), "dev", "eth0"]
        if "PERMANENT" in self._network.ip(near, "neigh", "show", *entry):
            self._network.ip(near, "neigh", "del", *entry)

    def _set_state(self, host: str, state: str) -> None:
        namespace = self._network.box.namespace(DESK)
        run("bridge", "-n", namespace, "link", "set", "dev", self._bridged(host), "state", state)

    def limit(self, host: str, rate: str) -> None:
        """Let at most `rate` (as tc(8) writes it: 10mbit) pass each way; empty: no limit."""
        for where, device in ((host, "eth0"), (DESK, self._network.port(host))):
            queue = ["tc", "-n", self._network.box.namespace(where), "qdisc"]
            if rate:
                bucket = ["rate", rate, "burst", "64kb", "latency", "200ms"]
                run(*queue, "replace", "dev", device, "root", "tbf", *bucket)
            elif "tbf" in run(*queue, "show", "dev", device):
                run(*queue, "del", "dev", device, "root")

    # delay

    def delay(self, host: str, up_ms: float = 0, down_ms: float = 0, jitter_ms: float = 0) -> None:
        """Put a forwarder into the cable: what the host sends takes `up_ms` longer, what it gets `down_ms`.

        Each packet takes up to `jitter_ms` more, drawn evenly; order is kept, as on a cable.
        """
        self.undelay(host)
        options = {"port": self._network.port(host), "tap": _tap(host)}
        options |= {"up-ms": str(up_ms), "down-ms": str(down_ms), "jitter-ms": str(jitter_ms)}
        options |= {"maker": self._network.box.name, "process-file": str(self._process_file(host))}
        options |= {"statistics": str(self.statistics_path(host))}
        words = [f"--{name}={value}" for name, value in options.items()]
        command = [sys.executable, str(Path(__file__).with_name("forwarder.py")), *words]
        self._forwarders[host] = _start(self._network.inside(DESK, *command))
        self._network.ip(DESK, "link", "set", self._network.port(host), "nomaster")
        self._network.ip(DESK, "link", "set", _tap(host), "master", SWITCH, "up")

    def undelay(self, host: str) -> None:
        """Take the forwarder out of the cable, also one that another command put there."""
        if not self._is_delayed(host):
            return
        with contextlib.suppress(LabError):  # the forwarder is dead, and its end of the cable with it
            self._network.ip(DESK, "link", "set", _tap(host), "nomaster")
        self._network.ip(DESK, "link", "set", self._network.port(host), "master", SWITCH)
        self._end_forwarder(host)

    def statistics_path(self, host: str) -> Path:
        """Where a forwarder says at its end how well it did."""
        return self._network.box.folder / f"forwarder-{host}.json"

    def _end_forwarder(self, host: str) -> None:
        process_id = int(self._process_file(host).read_text())
        if not end(process_id, signal.SIGTERM, _READY_S):
            raise LabError(f"a forwarder does not end within {_READY_S:g} s")
        self._process_file(host).unlink()
        if host in self._forwarders:
            self._forwarders.pop(host).wait(_READY_S)

    def close(self) -> None:
        """Take out every forwarder."""
        for host in self._network.hosts:
            self.undelay(host)

    def _is_delayed(self, host: str) -> bool:
        return self._process_file(host).exists()

    def _bridged(self, host: str) -> str:
        return _tap(host) if self._is_delayed(host) else self._network.port(host)

    def _process_file(self, host: str) -> Path:
        return self._network.box.folder / f"forwarder-{host}.pid"


def _tap(host: str) -> str:
    return f"tap-{host}"


def _start(command: list[str]) -> subprocess.Popen[bytes]:
    """Start a forwarder; returns when it carries. It ends with the laboratory's maker by itself."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
    assert process.stdout is not None
    with process.stdout:
        if process.stdout.readline() != b"ready\n":
            raise LabError(f"the forwarder ended with status {process.wait(_READY_S)}")
    return process
