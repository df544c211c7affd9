"""The cursor and the target as text."""

from __future__ import annotations

from maths.trials import BOUND_X, BOUND_Y, Look, Point

EMPTY, CURSOR = " ", "+"
TARGETS = {Look.OFF: EMPTY, Look.SHOWN: "o", Look.ON: "O", Look.OVER: "@"}


def draw(cursor: Point | None, target: Point | None, look: Look, columns: int, rows: int) -> list[str]:
    """A framed picture of the screen, `rows` lines of `columns` characters; None is not drawn."""
    width, height = columns - 2, rows - 2
    cells = [[EMPTY] * width for _ in range(height)]
    for point, mark in ((target, TARGETS[look]), (cursor, CURSOR)):
        if point is not None:
            column, row = _cell(point, width, height)
            cells[row][column] = mark
    edge = "+" + "-" * width + "+"
    return [edge, *("|" + "".join(line) + "|" for line in cells), edge]


def _cell(point: Point, width: int, height: int) -> tuple[int, int]:
    column = round((point[0] + BOUND_X) / (2 * BOUND_X) * (width - 1))
    row = round((BOUND_Y - point[1]) / (2 * BOUND_Y) * (height - 1))
    return min(max(column, 0), width - 1), min(max(row, 0), height - 1)
