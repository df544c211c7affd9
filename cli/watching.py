"""A listing that is shown again and again as it changes: in place on a terminal, in lines elsewhere."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import click

from rtmesh.cli.listings import Listing
from rtmesh.cli.output import listing_table, print_document

_PERIOD_S = 0.5


def watch_listing(listed: Callable[[], Listing], form: str, duration_s: float | None) -> None:
    """Show a listing now and whenever it changes, until Ctrl-C or for a time."""
    is_data = form in ("json", "yaml")
    try:
        if sys.stdout.isatty() and not is_data:
            _redraw(listed, duration_s)
        else:
            _repeat(listed, (DocumentLines(form) if is_data else Lines()).show, duration_s)
    except KeyboardInterrupt:
        return  # the usual way to end a watch


class Lines:
    """Rows that are new or have changed, a line each; the heads before the first of them."""

    def __init__(self) -> None:
        self._shown: dict[str, Any] = {}
        self._widths: list[int] = []

    def show(self, listing: Listing) -> None:
        changed = [
            row for row, record in zip(listing.rows, listing.records) if self._shown.get(_key(row)) != record
        ]
        is_first = not self._widths
        self._shown = {_key(row): record for row, record in zip(listing.rows, listing.records)}
        heads = [column.lstrip(">") for column in listing.columns]
        for row in [heads, *changed]:
            self._widen(row)
        for row in [heads, *changed] if is_first else changed:
            self._print(row, listing)

    def _widen(self, row: list[str]) -> None:
        """Columns only ever grow, so that lines stay below each other."""
        known = self._widths or [0] * len(row)
        self._widths = [max(width, len(cell)) for width, cell in zip(known, row)]

    def _print(self, row: list[str], listing: Listing) -> None:
        cells = [
            cell.rjust(width) if column.startswith(">") else cell.ljust(width)
            for cell, width, column in zip(row, self._widths, listing.columns)
        ]
        click.echo("  ".join(cells).rstrip())


class DocumentLines:
    """Records that are new or have changed: a JSON object a line, or a YAML document each."""

    def __init__(self, form: str) -> None:
        self._form = form
        self._shown: dict[str, Any] = {}

    def show(self, listing: Listing) -> None:
        for row, record in zip(listing.rows, listing.records):
            if self._shown.get(_key(row)) != record:
                self._print(record)
        self._shown = {_key(row): record for row, record in zip(listing.rows, listing.records)}

    def _print(self, record: dict[str, Any]) -> None:
        if self._form == "json":
            click.echo(json.dumps(record, ensure_ascii=False))
            return
        click.echo("---")
        print_document(record, "yaml")


def _key(row: list[str]) -> str:
    """What names a row: a graph or a machine by its first cell, a node or an edge by two."""
    return "\0".join(row[:2])


def _repeat(listed: Callable[[], Listing], show: Callable[[Listing], None], duration_s: float | None) -> None:
    end_s = None if duration_s is None else time.monotonic() + duration_s
    pause = threading.Event()
    while True:
        show(listed())
        left_s = _PERIOD_S if end_s is None else end_s - time.monotonic()
        if left_s <= 0:
            return
        pause.wait(min(_PERIOD_S, left_s))


def _redraw(listed: Callable[[], Listing], duration_s: float | None) -> None:
    from rich.console import Console
    from rich.live import Live

    with Live(console=Console(highlight=False), auto_refresh=False) as live:
        _repeat(listed, lambda listing: live.update(listing_table(listing), refresh=True), duration_s)
