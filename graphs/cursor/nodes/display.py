"""Display: the newest cursor and target, drawn as text."""

from __future__ import annotations

import os
from typing import Any, TextIO

from maths.picture import draw
from maths.trials import Look

from rtmesh import Node, every

TOP_LEFT = "\x1b[H"
CLEAR = "\x1b[2J"
# O_NOCTTY: the terminal must not become the one that sends this process its Ctrl-C.
FLAGS = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOCTTY
SMALLEST, LARGEST = 3, 500


class Display(Node):
    """Draws frames on the parameter `screen`; without one, the newest goes to the log once a second."""

    defaults = {"rate": 30.0, "columns": 64, "rows": 20}
    screen: TextIO | None = None

    def setup(self) -> None:
        self.configure(self.parameters)
        self.frames = 0
        self.logged_ns = 0
        if self.parameters.screen:
            self.screen = self._open()

    def configure(self, parameters: Any) -> None:
        for name in ("columns", "rows"):
            if not SMALLEST <= getattr(parameters, name) <= LARGEST:
                raise ValueError(f"{name} {getattr(parameters, name)}: give {SMALLEST} to {LARGEST}")
        if parameters.screen != self.parameters.screen:
            raise ValueError("the screen of a running display cannot be changed: start the graph anew")

    @every(hz="parameter:rate")
    def refresh(self) -> None:
        lines = self._picture()
        now_ns = self.clock.now_ns()
        if self.screen is not None:
            self._show(self.screen, lines)
        elif now_ns - self.logged_ns >= 1_000_000_000:
            self.logged_ns = now_ns
            print("\n".join(lines), flush=True)
        self.frames += 1
        self.outputs.frame.send(number=self.frames, drawn_time_ns=self.clock.now_ns())

    def teardown(self) -> None:
        if self.screen is not None:
            self.screen.close()

    def _picture(self) -> list[str]:
        cursor, target = self.inputs.cursor.latest(), self.inputs.target.latest()
        where = (cursor.x, cursor.y) if cursor else None
        goal = (target.x, target.y) if target else None
        look = Look(target.state) if target else Look.OFF
        title = f"cursor {_place(where)}   target {_place(goal)} {look.name.lower()}"
        columns, rows = self.parameters.columns, self.parameters.rows
        return [title.ljust(columns), *draw(where, goal, look, columns, rows)]

    def _show(self, screen: TextIO, lines: list[str]) -> None:
        """Draw over the frame before; a file holds the newest frame only."""
        if screen.seekable():
            screen.seek(0)
        screen.write(TOP_LEFT + "\n".join(lines) + "\n")
        screen.flush()

    def _open(self) -> TextIO:
        path = self.folder / self.parameters.screen
        try:
            screen = os.fdopen(os.open(path, FLAGS, 0o644), "w", encoding="utf-8")
        except OSError as error:
            told = (
                f"cannot draw on {path} ({error.strerror}): set the parameter `screen`, for example to $(tty)"
            )
            raise OSError(error.errno, told) from error
        if screen.isatty():
            screen.write(CLEAR)
        return screen


def _place(point: tuple[float, float] | None) -> str:
    return "(none)" if point is None else f"({point[0]:+5.0f}, {point[1]:+5.0f})"
