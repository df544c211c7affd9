"""What meshd is started with: the one definition of its options, and what they must fulfil."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rtmesh.common.cpus import AUTO, check_loop_cpus
from rtmesh.common.errors import FailedPreconditionError, InvalidArgumentError
from rtmesh.graph.names import LONGEST_NAME, MACHINE_NAME, is_name
from rtmesh.machine.addresses import UNIX, WILDCARDS, HostPort, parse_host_port

LOOPBACK = "127.0.0.1"
DESCRIPTION = """\
Carry the nodes that a scheduler places on this machine, until SIGTERM or Ctrl-C.

meshd joins the scheduler and stays; when the scheduler goes away, what runs goes on and meshd joins
again. Ended by SIGTERM it ends its nodes in order. Exit status: 0 stopped, 1 could not run, 2 wrong usage.
"""
EXAMPLES = """\
examples:
  meshd --machine rig --scheduler 10.0.0.4:7400 --root ~/graphs --listen 10.0.0.7:7401 --insecure
      on a computer of the lab: the relay on port 7401, each node's service on a free port
  meshd --machine rig --scheduler lab:7400 --root . --listen 0.0.0.0 --advertise rig.lab --insecure
      on all its networks; others are told to dial rig.lab
  meshd --machine local --scheduler unix:/run/user/1000/rtmesh.sock --root .
      on the scheduler's computer: nothing is open to the network
"""


@dataclass(frozen=True)
class Options:
    """What meshd is started with."""

    machine: str
    scheduler: str
    root: Path
    runtime_folder: Path
    # Where relay and services listen and what others dial; empty: Unix sockets in the runtime folder.
    host: str = ""
    data_port: int = 0
    advertise: str = ""
    # auto, any, or the CPUs on which loops run.
    loop_cpus: str = AUTO
    # End with this process; 0: with nobody.
    parent_process_id: int = 0
    # Join when nobody has the other end of this pipe open any more; None: at once.
    join_at_end_of: int | None = None
    # Let no CPU sleep while a run is here.
    keep_awake: bool = False

    def open_things(self) -> list[str]:
        """What can be reached or overheard without a password, in words; empty if nothing can."""
        told = []
        if not self.scheduler.startswith(UNIX):
            told.append(f"what is said to the scheduler at {self.scheduler}")
        if self.host:
            where = HostPort(self.host, self.data_port) if self.data_port else f"a free port of {self.host}"
            told.append(f"the data port of the relay on {where}")
            told.append(f"the service of every node, each on a free port of {self.host}")
        return told


def parse(arguments: Sequence[str] | None = None) -> Options:
    """The options given on a command line; wrong usage ends the program with status 2."""
    parser = _parser()
    given = parser.parse_args(arguments)
    try:
        return _options(given)
    except (InvalidArgumentError, FailedPreconditionError) as error:
        parser.error(str(error))


def _options(given: argparse.Namespace) -> Options:
    _check_machine(given.machine)
    is_remote = not given.scheduler.startswith(UNIX)
    if is_remote:
        parse_host_port(given.scheduler)
    listen = _listen(given.listen, is_remote)
    if not given.insecure and (is_remote or listen):
        raise FailedPreconditionError(
            f"{given.scheduler if is_remote else listen} would be used without encryption or password",
            "pass --insecure to allow that on a network you trust; TLS does not exist yet",
        )
    _check_advertise(given.advertise, listen)
    check_loop_cpus(given.loop_cpus)
    return Options(
        machine=given.machine,
        scheduler=given.scheduler,
        root=given.root,
        runtime_folder=given.dir or default_folder(),
        host=listen.host if listen else "",
        data_port=listen.port if listen else 0,
        advertise=given.advertise,
        loop_cpus=given.loop_cpus,
        parent_process_id=given.die_with_parent,
        join_at_end_of=given.join_at_end_of,
        keep_awake=given.keep_awake,
    )


def _check_machine(name: str) -> None:
    if not is_name(name, MACHINE_NAME):
        raise InvalidArgumentError(
            f"--machine: {name!r} cannot name a machine",
            f"use up to {LONGEST_NAME} of A-Z a-z 0-9 _ -, first no _ or -",
        )


def _listen(text: str, is_remote: bool) -> HostPort | None:
    if text:
        return parse_host_port(text, port=0)
    return HostPort(LOOPBACK, 0) if is_remote else None


def _check_advertise(advertise: str, listen: HostPort | None) -> None:
    if advertise and listen is None:
        raise InvalidArgumentError(
            "--advertise without --listen tells others of nothing", "give --listen too"
        )
    if advertise.startswith("[") or "/" in advertise or advertise.count(":") == 1:
        raise InvalidArgumentError(
            f"--advertise: {advertise!r} is no host", "give a name or address without port"
        )
    if listen is not None and listen.host in WILDCARDS and not advertise:
        raise InvalidArgumentError(
            f"--listen {listen.host} is no address that others can dial", "give --advertise HOST too"
        )


def default_folder() -> Path:
    """Where this user's machines keep their files: short, for socket paths hold 107 bytes."""
    base = os.environ.get("XDG_RUNTIME_DIR")
    return Path(base) / "rtmesh" if base else Path(f"/tmp/rtmesh-{os.getuid()}")  # noqa: S108


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="meshd",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--machine", required=True, metavar="NAME", help="this machine's name in graphs")
    parser.add_argument(
        "--scheduler", required=True, metavar="ADDRESS", help="HOST:PORT or unix:PATH of the scheduler"
    )
    parser.add_argument(
        "--root", type=Path, default=Path(), metavar="DIR", help="folder under which graphs are found [.]"
    )
    parser.add_argument(
        "--dir", type=Path, metavar="DIR", help="folder for sockets, logs, state [XDG_RUNTIME_DIR/rtmesh]"
    )
    parser.add_argument(
        "--listen",
        default="",
        metavar="HOST[:PORT]",
        help="where the relay (PORT) and the nodes' services (free ports) listen "
        f"[{LOOPBACK} if the scheduler is on TCP, else Unix sockets]",
    )
    parser.add_argument(
        "--advertise", default="", metavar="HOST", help="what others dial to reach --listen [its HOST]"
    )
    parser.add_argument(
        "--insecure", action="store_true", help="allow TCP, which has neither encryption nor passwords yet"
    )
    parser.add_argument(
        "--keep-awake",
        action="store_true",
        help="while a graph runs here, let no CPU of this computer fall asleep, so that a message wakes a "
        "node in a few microseconds, not 20 to 100. For control loops faster than about 5 ms. It costs power "
        "and heat, as every idle CPU spins in the kernel: busy ones get less boost where they share a power "
        "budget, and the host of a virtual machine sees full load. Needs to write /dev/cpu_dma_latency: "
        "root, or a udev rule; meshd does not start where it cannot",
    )
    parser.add_argument(
        "--loop-cpus",
        default=AUTO,
        metavar="auto|any|LIST",
        help="the CPUs on which loops run: auto, all of them, and loops that hand messages to each other "
        "and the relay share one while that is quicker; any, where the kernel places them; or a list, "
        "2,3 or 2-5 [auto]",
    )
    parser.add_argument("--die-with-parent", type=int, default=0, metavar="PID", help=argparse.SUPPRESS)
    parser.add_argument("--join-at-end-of", type=int, metavar="FD", help=argparse.SUPPRESS)
    parser.add_argument("--version", action=_ShowVersion, nargs=0, help="print the version and exit")
    return parser


class _ShowVersion(argparse.Action):
    """Looks the version up only when asked for it: reading metadata is slow."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object, **__: object) -> None:
        from importlib.metadata import version

        parser.exit(message=f"meshd, version {version('rtmesh')}\n")
