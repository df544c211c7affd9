"""How listings and documents leave: a table, JSON or YAML on stdout."""

from __future__ import annotations

import json
import sys
from typing import Any

import click
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from rtmesh.cli.listings import Listing
from rtmesh.cli.tables import plain_table, style_of

# Wider than any table: a terminal that is too narrow folds the lines rather than the cells.
_WIDE = 1000
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


def print_view(view: RenderableType) -> None:
    """Write tables and text to stdout without folding or cutting a cell."""
    console = Console(width=_WIDE, highlight=False)
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
        print_view(listing_table(listing))


def listing_table(listing: Listing) -> Table:
    """A listing for people."""
    table = plain_table(*listing.columns)
    names = [column.lstrip(">") for column in listing.columns]
    for row in listing.rows:
        table.add_row(*[_cell(name, text) for name, text in zip(names, row)])
    return table


def _cell(column: str, text: str) -> Text:
    return Text(text, style=style_of(text) if column in _STATES and text != "-" else "")
