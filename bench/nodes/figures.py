"""What the summaries of nodes share."""

from __future__ import annotations

from bench.document import Cell, Row, Table
from bench.figures import Spread

Parts = tuple[list[Row], list[Table]]


def cells_of(measured: Spread) -> list[Cell]:
    """p50, p99, p99.9, max."""
    return [float(measured.p50), float(measured.p99), float(measured.p999), float(measured.max)]
