"""The end of `meshctl up`: the tables, what went wrong, the summary file, the exit status."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click
from rich.console import Console

from rtmesh.cli import tables
from rtmesh.cli.output import print_view
from rtmesh.cli.session import Outcome
from rtmesh.cli.status_view import status_view
from rtmesh.cli.summary import is_exact, summary_of
from rtmesh.cli.times import clock_text
from rtmesh.common.errors import describe_problem
from rtmesh.v1 import status_pb2

FAILED = status_pb2.GRAPH_PHASE_FAILED
_BAD_ENDS = {
    status_pb2.NODE_STATE_FAILED: "failed",
    status_pb2.NODE_STATE_STUCK: "is stuck",
    status_pb2.NODE_STATE_LOST: "is lost",
}


def conclude(outcome: Outcome, summary_path: Path | None) -> None:
    """Print the summary, write it if asked, and exit 1 unless all went well."""
    _mark(outcome)
    try:
        _print_outcome(outcome)
    finally:
        is_written = summary_path is None or _write(summary_path, outcome.status)
    if outcome.status.phase == FAILED or outcome.failures or not is_written:
        sys.exit(1)


def _mark(outcome: Outcome) -> None:
    """Say in the status itself, which the summary file holds too, that a run was not seen to its end."""
    status = outcome.status
    never_ran = bool(outcome.failures) and not status.running_time_ns
    if outcome.is_final and (status.phase == FAILED or not never_ran):
        return
    reason = outcome.failures[0].partition("\n")[0]
    if not outcome.is_final and status.phase:
        reason += f"; what is told is the last that is known: {tables.phase_name(status.phase)}"
        status.ended_time_ns = status.ended_time_ns or status.accounts_time_ns
    status.phase, status.reason = FAILED, reason


def _write(path: Path, status: status_pb2.GraphStatus) -> bool:
    try:
        path.write_text(json.dumps(summary_of(status), indent=2) + "\n")
    except OSError as error:
        click.echo(f"error: the summary cannot be written: {path}: {error.strerror}", err=True)
        return False
    return True


def _print_outcome(outcome: Outcome) -> None:
    status = outcome.status
    if sys.stdout.isatty():
        Console(highlight=False).print(status_view(status))
    else:
        print_view(status_view(status))
    for node in status.nodes:
        if node.result_json:
            click.echo(f"result of {node.name}: {node.result_json}")
    _print_accounts(outcome)
    _print_failures(outcome)


def _print_accounts(outcome: Outcome) -> None:
    status = outcome.status
    if not status.running_time_ns or not status.edges:
        return  # nothing was sent before
    if not outcome.is_final:
        click.echo(
            f"accounts: as of {clock_text(status.accounts_time_ns)}, when the graph ran; not the last word"
        )
        return
    for machine in status.machines:
        if not machine.connected:
            click.echo(f"accounts: what happened on machine {machine.name} is as last reported")
    wrong = [edge for edge in status.edges if not is_exact(edge)]
    for edge in wrong:
        click.echo(f"account of {' -> '.join(tables.edge_ends(edge.edge))} does not add up")
    if not wrong:
        click.echo("accounts: every edge adds up (sent = delivered + dropped + in flight)")


def _print_failures(outcome: Outcome) -> None:
    told = [*outcome.failures, *map(describe_problem, outcome.status.problems)]
    for text in told:
        click.echo(f"error: {text}", err=True)
    for node in outcome.status.nodes:
        if node.state in _BAD_ENDS:
            on = f" on {node.machine}" if node.machine else ""
            click.echo(f"error: node {node.name}{on} {_BAD_ENDS[node.state]}: {node.reason}", err=True)
            detail = node.detail.rstrip("\n")
            if detail and detail != node.reason:
                click.echo(detail, err=True)
