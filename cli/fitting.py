"""Tables that give up columns, the least wanted first, where the terminal is too narrow for all."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.table import Table

# Wider than any table.
_WIDE = 10_000


class Fitting:
    """Shows the first of several forms that fits the width; the last if none does.

    Args:
        forms: makers of the same table, the fullest first.
    """

    def __init__(self, forms: Sequence[Callable[[], Table]]) -> None:
        self._forms = forms

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for make in self._forms:
            table = make()
            if Measurement.get(console, options.update_width(_WIDE), table).minimum <= options.max_width:
                break
        yield table

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        widest = Measurement.get(console, options, self._forms[0]())
        narrowest = Measurement.get(console, options, self._forms[-1]())
        return Measurement(narrowest.minimum, widest.maximum)
