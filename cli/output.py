"""How listings and documents leave: a table, JSON or YAML on stdout."""

from __future__ import annotations

import json
import sys
from typing import Any

import click
from rich.console import Console, RenderableType
from rich.text import Text

from rtmesh.cli.fitting import FittingTable
from rtmesh.cli.listings import Listing
from rtmesh.cli.tables import style_of

# Wider than any table.
_WIDE = 1000
# Of these cells nothing may be cut off, and their words go over several lines where they must.
_FOLDS = ("reason", "dropped", "waits")
_STATES = ("state", "phase")


def print_document(document: Any, form: str) -> None:
    """Write a value to stdout as "json" or "yaml"."""
    if form == "json":
        click.echo(json.dumps(document, indent=2, ensure_ascii=False))
        return
    from ruamel.yaml import YAML

    yaml: Any = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.sort_base_mapping_type_on_output = False
    yaml.allow_unicode = True
    yaml.dump(document, sys.stdout)


def print_view(view: RenderableType, *, is_whole: bool = False) -> None:
    """Write tables and text to stdout: as wide as the terminal; elsewhere, or as a whole, as they are."""
    is_terminal = sys.stdout.isatty()
    console = Console(width=None if is_terminal and not is_whole else _WIDE, highlight=False)
    if console.is_terminal:
        console.print(view)
        return
    # Cells are filled up to their column's width: lines that go to a file or a pipe end with the text.
    with console.capture() as captured:
        console.print(view)
    click.echo("\n".join(line.rstrip() for line in captured.get().splitlines()))


def print_listing(listing: Listing, form: str) -> None:
    """Write a listing once, in the form that -o names."""
    if form in ("json", "yaml"):
        print_document(listing.records, form)
    else:
        print_view(listing_table(listing), is_whole=form == "wide")


def listing_table(listing: Listing) -> FittingTable:
    """A listing for people."""
    names = [column.lstrip(">") for column in listing.columns]
    rows = [[_cell(name, text) for name, text in zip(names, row)] for row in listing.rows]
    return FittingTable(listing.columns, rows, gives_way=listing.gives_way, folds=_FOLDS)


def _cell(column: str, text: str) -> str | Text:
    if column == "edge":
        return text  # where there is little room its two ends go on two lines
    return Text(text, style=style_of(text) if column in _STATES and text != "-" else "")
