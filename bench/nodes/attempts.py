"""One measurement after the other: what cannot be measured is told in the results, and ends nothing."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

Result = TypeVar("Result")
MOST_CHARACTERS = 400


class Attempts:
    """Runs each in a folder of its own, and keeps why one gave nothing."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def __call__(self, what: str, function: Callable[..., Result], *arguments: object) -> Result | None:
        """What `function` gives for a folder and `arguments`; None, and said, if it cannot be measured."""
        click.echo(what, err=True)
        with tempfile.TemporaryDirectory(prefix="rtmesh-bench-", ignore_cleanup_errors=True) as folder:
            try:
                return function(Path(folder), *arguments)
            except Exception as error:  # whatever it is, the others are still to be measured
                self.miss(what, f"{error}" or type(error).__name__)
                return None

    def miss(self, what: str, reason: str) -> None:
        """It is not measured, because of `reason`; said once."""
        brief = " / ".join(line.strip() for line in reason.splitlines() if line.strip())[:MOST_CHARACTERS]
        note = f"**Not measured**: {what}: {brief}"
        click.echo(note, err=True)
        if note not in self.notes:
            self.notes.append(note)
