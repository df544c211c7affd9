"""Tables that give up columns, the least wanted first, where the terminal is too narrow for all."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

# Wider than any table.
_WIDE = 10_000
_ARROW = " -> "


class FittingTable:
    """Shows all of its columns, or as many as fit the width.

    Args:
        columns: their headings; one that begins with ">" is set to the right.
        rows: a cell for each column.
        gives_way: headings of the columns that may be left out, the first to go first.
        folds: headings of the columns whose cells may go over several lines.
    """

    def __init__(
        self,
        columns: Sequence[str],
        rows: Sequence[Sequence[str | Text]],
        *,
        gives_way: Sequence[str] = (),
        folds: Collection[str] = (),
    ) -> None:
        self._columns = columns
        self._rows = rows
        self._gives_way = gives_way
        self._folds = folds

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for table in self._forms():
            if Measurement.get(console, options.update_width(_WIDE), table).minimum <= options.max_width:
                break
        yield table

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        return Measurement(1, Measurement.get(console, options, next(self._forms())).maximum)

    def _forms(self) -> Iterator[Table]:
        """From the whole table to one that always fits, since every cell may fold."""
        for count in range(len(self._gives_way) + 1):
            yield self._form(self._gives_way[:count], self._folds)
        yield self._form(self._gives_way, self._folds, is_arrow_broken=True)
        yield self._form(self._gives_way, [name.lstrip(">") for name in self._columns], is_arrow_broken=True)

    def _form(
        self, without: Sequence[str], folds: Collection[str], *, is_arrow_broken: bool = False
    ) -> Table:
        table = Table(box=None, pad_edge=False, header_style="bold")
        kept = [place for place, name in enumerate(self._columns) if name.lstrip(">") not in without]
        rows = [
            [_broken(row[place]) if is_arrow_broken else row[place] for place in kept] for row in self._rows
        ]
        for column, place in enumerate(kept):
            _add_column(table, self._columns[place], [row[column] for row in rows], folds)
        for row in rows:
            table.add_row(*row)
        return table


def _add_column(table: Table, column: str, cells: Sequence[str | Text], folds: Collection[str]) -> None:
    name = column.lstrip(">")
    is_whole = name not in folds
    table.add_column(
        name,
        justify="right" if column.startswith(">") else "left",
        no_wrap=is_whole,
        overflow="fold",
        # rich takes the longest word for the least width, also where words are not parted.
        min_width=max(map(_width, [name, *cells])) if is_whole else None,
    )


def _width(cell: str | Text) -> int:
    return max((cell_len(line) for line in str(cell).splitlines()), default=0)


def _broken(cell: str | Text) -> str | Text:
    """An edge on two lines."""
    return cell.replace(_ARROW, f"\n{_ARROW.lstrip()}") if isinstance(cell, str) else cell
