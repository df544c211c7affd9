"""Two hosts and the cable between them: network namespaces joined by a veth pair, or the loopback.

    holder ── left  10.88.0.1 ═══ veth ═══ 10.88.0.2  right ── holder

The namespaces have no names. Each is kept by a process that ends with this one, also when this one is
killed, and the kernel then removes what nobody is in: nothing can be left behind.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace

_ADDRESSES = ("10.88.0.1", "10.88.0.2")
_LOOPBACK = ("127.0.0.1", "127.0.0.2")
_PATIENCE_S = 10.0
CABLE = "veth between two network namespaces"


class LinkError(Exception):
    """The hosts cannot be made; the message says why."""


@dataclass(frozen=True)
class Host:
    """One end: its address, and what stands before a command to run it there."""

    address: str
    prefix: tuple[str, ...] = ()

    def inside(self, command: list[str]) -> list[str]:
        """The command on this host; it becomes the same process."""
        return [*self.prefix, *command]

    def on(self, cpu: int) -> Host:
        """The same host with one CPU: whatever begins there stays on it, with all that it starts."""
        return replace(self, prefix=("taskset", "--cpu-list", str(cpu), *self.prefix))


@dataclass(frozen=True)
class Link:
    """Both ends; `kind` in words."""

    left: Host
    right: Host
    kind: str

    @property
    def hosts(self) -> tuple[Host, Host]:
        """The sender's, the receiver's."""
        return self.left, self.right

    def apart(self) -> Link:
        """The same link between hosts that share no CPU, as two computers do not."""
        cpus = sorted(os.sched_getaffinity(0))
        return replace(self, left=self.left.on(cpus[0]), right=self.right.on(cpus[1]))


def why_not_apart() -> str | None:
    """Why the hosts must share CPUs here; None if they need not."""
    if len(os.sched_getaffinity(0)) < len(_ADDRESSES):
        return "there is one CPU for both hosts"
    return None if shutil.which("taskset") else "there is no taskset; install util-linux"


def loopback() -> Link:
    """Both hosts are this one."""
    left, right = (Host(address) for address in _LOOPBACK)
    return Link(left, right, "the loopback")


@contextlib.contextmanager
def veth() -> Iterator[Link]:
    """Two namespaces while the block runs. LinkError if they cannot be made (it needs root)."""
    with contextlib.ExitStack() as stack:
        holders = [_hold_namespace(stack) for _ in _ADDRESSES]
        left, right = (
            Host(address, ("nsenter", f"--net=/proc/{holder}/ns/net", "--"))
            for address, holder in zip(_ADDRESSES, holders)
        )
        ends = ["eth0", "type", "veth", "peer", "name", "eth0", "netns", str(holders[1])]
        _run(left.inside(["ip", "link", "add", *ends]))
        for host in (left, right):
            _run(host.inside(["ip", "address", "add", f"{host.address}/24", "dev", "eth0"]))
            for device in ("lo", "eth0"):
                _run(host.inside(["ip", "link", "set", device, "up"]))
        yield Link(left, right, CABLE)


def _hold_namespace(stack: contextlib.ExitStack) -> int:
    """A process in a new namespace, which ends when its input does: with this one, however that ends."""
    command = ["unshare", "--net", "--", "sh", "-c", "echo held; exec cat"]
    try:
        holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    except OSError as error:
        raise LinkError(f"unshare: {error}; install util-linux") from error
    stack.callback(_let_go, holder)
    assert holder.stdout is not None
    if holder.stdout.readline() != b"held\n":
        raise LinkError("no network namespace can be made" + _hint())
    return holder.pid


def _let_go(holder: subprocess.Popen[bytes]) -> None:
    holder.kill()
    holder.wait()
    for pipe in (holder.stdin, holder.stdout):
        if pipe is not None:
            pipe.close()


def _run(command: list[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE_S, check=False)
    except FileNotFoundError as error:
        raise LinkError(f"there is no {command[0]}; install iproute2 and util-linux") from error
    if done.returncode:
        raise LinkError(f"{' '.join(command)}: {done.stderr.strip()}{_hint()}")


def _hint() -> str:
    return "" if os.geteuid() == 0 else ": it needs root; --loopback measures without"
