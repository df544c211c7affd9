"""scripts/lab: a laboratory by hand."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import click

from lab import demo as demonstration
from lab.box import Box, LabError, boxes, end, remove_leftovers
from lab.cluster import Lab
from lab.faults import Faults
from lab.network import DESK, HOSTS, Network

_DOWN_S = 60.0


class _Told(click.Group):
    """Errors of the laboratory are told in a line."""

    def invoke(self, context: click.Context) -> object:
        try:
            return super().invoke(context)
        except (LabError, AssertionError) as error:
            raise click.ClickException(str(error)) from error


@click.group(cls=_Told, context_settings={"help_option_names": ["-h", "--help"]})
def command() -> None:
    """Three computers in one box: network namespaces brand, gpc and sim, clocks minutes apart, and a switch.

    \b
    scripts/lab up                                          in one terminal, until Ctrl-C; in another:
    scripts/lab run desk meshctl apply -f graphs/cursor/graph.yaml --set pointer.source=autopilot --wait
    scripts/lab delay gpc --up 5 --down 1 --jitter 2        milliseconds
    scripts/lab cut sim --silently --for 1                  or until: scripts/lab restore sim
    scripts/lab run desk meshctl get edges
    scripts/lab down

    Needs root. Nothing of this computer's own network is touched. What a killed laboratory left is removed by
    the next one.
    """


@command.command()
@click.option("--without-mesh", is_flag=True, help="Hosts and cables only, no scheduler, no meshd.")
def up(without_mesh: bool) -> None:
    """Build it, start a scheduler on brand and a meshd on each host, and stay until Ctrl-C."""
    if living := _by_hand():
        raise LabError(f"process {living[0].process_id} runs a laboratory; end it: scripts/lab down")
    signal.signal(signal.SIGTERM, _interrupt)
    made = Lab(HOSTS)
    try:
        made.build()
        _mark(made.box).touch()
        if not without_mesh:
            made.start()
        _tell(made)
        signal.pause()
    except KeyboardInterrupt:
        click.echo("ending it", err=True)
    finally:
        made.close()


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _tell(made: Lab) -> None:
    for host in made.network.hosts:
        click.echo(f"{host:6} {made.network.address(host)}  CLOCK_MONOTONIC + {made.network.clock_s[host]} s")
    scheduler = f"scheduler {made.address}" if made.processes else "no scheduler"
    click.echo(f"{scheduler}; logs in {made.folder}; Ctrl-C ends it")


@command.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.argument("host", type=click.Choice([DESK, *HOSTS]))
@click.argument("words", nargs=-1, required=True, type=click.UNPROCESSED)
def run(host: str, words: tuple[str, ...]) -> None:
    """Run a command on a HOST, or at the desk beside them: scripts/lab run desk meshctl get edges."""
    made = Lab(HOSTS, box=_the_box())
    paths = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    line = made.network.inside(host, *words)
    os.execvpe(line[0], line, made.environment() | {"PATH": paths})  # noqa: S606


@command.command()
@click.argument("host", type=click.Choice(HOSTS))
@click.argument("other", type=click.Choice(HOSTS), required=False)
@click.option("--silently", is_flag=True, help="Packets vanish; nobody is told.")
@click.option("--for", "seconds", type=float, help="Restore it after so many seconds, and return then.")
def cut(host: str, other: str | None, silently: bool, seconds: float | None) -> None:
    """Cut a HOST's cable: its link is down, or with --silently nothing passes.

    With OTHER: in silence between these two alone, so that both still reach the scheduler's host.
    """
    faults = _faults()
    if other:
        faults.cut_path(host, other)
    elif silently:
        faults.cut_silently(host)
    else:
        faults.cut(host)
    if seconds is not None:
        faults.restore_after(seconds, host)


@command.command()
@click.argument("host", type=click.Choice(HOSTS))
def restore(host: str) -> None:
    """Take back every cut of a HOST."""
    _faults().restore(host)


@command.command()
@click.argument("host", type=click.Choice(HOSTS))
@click.argument("rate")
def limit(host: str, rate: str) -> None:
    """Let at most RATE pass a HOST's cable, each way: 10mbit, 1gbit; none takes the limit away."""
    _faults().limit(host, "" if rate == "none" else rate)


@command.command()
@click.argument("host", type=click.Choice(HOSTS))
@click.option("--up", "up_ms", type=float, default=0.0, help="What HOST sends takes so much longer, ms.")
@click.option("--down", "down_ms", type=float, default=0.0, help="What HOST gets takes so much longer, ms.")
@click.option(
    "--jitter", "jitter_ms", type=float, default=0.0, help="And each packet up to so much more, ms."
)
@click.option("--off", is_flag=True, help="Take the delay away.")
def delay(host: str, up_ms: float, down_ms: float, jitter_ms: float, off: bool) -> None:
    """Delay what passes a HOST's cable, each way by its own time."""
    faults = _faults()
    if off:
        faults.undelay(host)
    else:
        faults.delay(host, up_ms, down_ms, jitter_ms)


@command.command()
def down() -> None:
    """End the laboratory that runs, and remove what killed ones left."""
    for box in _by_hand():
        if not end(box.process_id, signal.SIGTERM, _DOWN_S):
            raise LabError(f"process {box.process_id} does not end within {_DOWN_S:g} s")
    for box in remove_leftovers():
        click.echo(f"removed what process {box.process_id} left")


@command.command()
@click.option("--for", "seconds", type=float, default=30.0, show_default=True, help="How long it runs, s.")
def demo(seconds: float) -> None:
    """The cursor graph on it: applied from the desk, looked at, stopped, judged, everything removed."""
    signal.signal(signal.SIGTERM, _interrupt)
    sys.exit(demonstration.run(seconds))


def _faults() -> Faults:
    return Faults(Network(_the_box()))


def _the_box() -> Box:
    living = _by_hand()
    if not living:
        raise LabError("no laboratory runs; begin one with scripts/lab up")
    return living[0]


def _by_hand() -> list[Box]:
    """Those that `up` began; not those of tests, which may run beside them."""
    return [box for box in boxes() if _mark(box).exists() and box.is_alive()]


def _mark(box: Box) -> Path:
    return box.folder / "by-hand"
