"""Hosts that are network namespaces, and a switch: a bridge in a namespace of its own.

desk: the switch's namespace, 10.77.0.254       nothing of this computer's own network is touched
  ├── port-brand ═══ eth0  brand  10.77.0.1     CLOCK_MONOTONIC +  7 min
  ├── port-gpc   ═══ eth0  gpc    10.77.0.2                     + 18 min
  └── port-sim   ═══ eth0  sim    10.77.0.3                     + 29 min
"""

from __future__ import annotations

import ctypes
import socket
import threading
from collections.abc import Sequence

from lab.box import NAMESPACES, Box, LabError, remove_leftovers, run

HOSTS = ("brand", "gpc", "sim")
DESK = "desk"
SWITCH = "switch"
_NET = "10.77.0"
_DESK_NUMBER = 254
_CLONE_NEWNET = 0x40000000
_LONGEST_HOST = 10  # of 15 characters of an interface's name, "port-" takes five
_FIRST_CLOCK_S, _BETWEEN_CLOCKS_S = 420, 660


class Network:
    """The hosts of a laboratory and how to be on them.

    Args:
        box: whose they are.
        hosts: their names; the first has the address 10.77.0.1, and so on.
        clocks_s: how much later CLOCK_MONOTONIC is on each than on this computer, whole seconds;
            by default minutes apart.
    """

    def __init__(self, box: Box, hosts: Sequence[str] = HOSTS, clocks_s: Sequence[int] | None = None) -> None:
        too_long = [host for host in hosts if len(host) > _LONGEST_HOST or host == DESK]
        if too_long:
            raise LabError(f"{too_long[0]} cannot name a host: up to {_LONGEST_HOST} letters, not {DESK}")
        self.box = box
        self.hosts = tuple(hosts)
        defaults = [_FIRST_CLOCK_S + _BETWEEN_CLOCKS_S * number for number in range(len(hosts))]
        self.clock_s = dict(zip(hosts, clocks_s or defaults, strict=True)) | {DESK: 0}

    def build(self) -> None:
        """Make everything. Raises LabError; what was made until then is removed by `box.remove()`."""
        remove_leftovers()
        self._make_switch()
        for host in self.hosts:
            self._make_host(host)

    def address(self, host: str) -> str:
        return f"{_NET}.{_DESK_NUMBER if host == DESK else 1 + self.hosts.index(host)}"

    def inside(self, host: str, *command: str) -> list[str]:
        """The command that runs `command` on a host, as the same process: it keeps its id and its parent.

        Only CLOCK_MONOTONIC is shifted. CLOCK_BOOTTIME is what /proc counts the start of processes in, by
        which rtmesh tells a process from its successor: hosts of one box share /proc, and must agree.
        """
        enter = ["nsenter", f"--net=/run/netns/{self.box.namespace(host)}"]
        if offset_s := self.clock_s[host]:
            enter += ["unshare", "--time", "--monotonic", str(offset_s)]
        return [*enter, "--", *command]

    def port(self, host: str) -> str:
        """The switch's end of a host's cable."""
        if host not in self.hosts:
            raise LabError(f"there is no host {host}; there are {', '.join(self.hosts)}")
        return f"port-{host}"

    def socket(self, host: str, kind: socket.SocketKind) -> socket.socket:
        """A socket of this process on a host: it stays there, so one clock can time both ends of a cable."""
        made: list[socket.socket] = []
        thread = threading.Thread(target=self._make_socket, args=(host, kind, made))
        thread.start()
        thread.join()
        if not made:
            raise LabError(f"no socket can be made on {host}")
        return made[0]

    def _make_socket(self, host: str, kind: socket.SocketKind, made: list[socket.socket]) -> None:
        """In a thread of its own, which alone moves to the namespace and ends there."""
        with (NAMESPACES / self.box.namespace(host)).open() as namespace:
            if ctypes.CDLL(None).setns(namespace.fileno(), _CLONE_NEWNET) == 0:
                made.append(socket.socket(socket.AF_INET, kind))

    def ip(self, host: str, *arguments: str) -> str:
        return run("ip", "-n", self.box.namespace(host), *arguments)

    def _make_switch(self) -> None:
        run("ip", "netns", "add", self.box.namespace(DESK))
        self.ip(DESK, "link", "set", "lo", "up")
        self.ip(DESK, "link", "add", "name", SWITCH, "type", "bridge")
        self.ip(DESK, "addr", "add", f"{self.address(DESK)}/24", "dev", SWITCH)
        self.ip(DESK, "link", "set", SWITCH, "up")
        # A port that is taken off the bridge, for a forwarder, must not answer for the bridge's address.
        run(*self.inside(DESK, "sysctl", "-qw", "net.ipv4.conf.all.arp_ignore=1"))

    def _make_host(self, host: str) -> None:
        namespace = self.box.namespace(host)
        run("ip", "netns", "add", namespace)
        veth = ["name", self.port(host), "type", "veth", "peer", "name", "eth0", "netns", namespace]
        self.ip(DESK, "link", "add", *veth)
        self.ip(DESK, "link", "set", self.port(host), "master", SWITCH, "up")
        self.ip(host, "link", "set", "lo", "up")
        self.ip(host, "addr", "add", f"{self.address(host)}/24", "dev", "eth0")
        self.ip(host, "link", "set", "eth0", "up")
