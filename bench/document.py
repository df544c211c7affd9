"""What a benchmark writes into bench/results/NAME.json: see the schema in README.md."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

SCHEMA = 1
# Stands where a rival would, if a target names none.
BOUND = "the bound"
RESULTS = Path(__file__).parent / "results"

Better = Literal["lower", "higher"]
Cell = str | int | float | None


@dataclass(frozen=True)
class Row:
    """One case of ours beside the best rival. `ratio` is ours divided by it; None: nothing to compare."""

    case: str
    unit: str
    better: Better
    ours: float | None
    best_rival: str | None = None
    best_rival_figure: float | None = None
    ratio: float | None = None
    target: float | None = None
    met: bool | None = None
    stretch: float | None = None
    stretch_met: bool | None = None
    note: str = ""

    @property
    def is_behind(self) -> bool:
        """Is the best rival ahead of ours, whatever the target says?"""
        return self.ratio is not None and self.best_rival != BOUND and not meets(self.ratio, 1.0, self.better)


@dataclass(frozen=True)
class Table:
    """Figures as they are shown: each row has one cell a column; None stands for what was not measured."""

    title: str
    columns: list[str]
    rows: list[list[Cell]]
    note: str = ""


@dataclass(frozen=True)
class Document:
    """One file in bench/results. Sections stand in RESULTS.md by `order`, then by title."""

    title: str
    method: str
    rows: list[Row] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    environment: dict[str, Any] = field(default_factory=dict)
    order: int = 50
    schema: int = SCHEMA


def meets(ratio: float, bound: float, better: Better) -> bool:
    """Does a ratio of ours to theirs keep to its bound: at most it, or at least it?"""
    return ratio <= bound if better == "lower" else ratio >= bound


def compare(
    case: str,
    unit: str,
    better: Better,
    ours: float | None,
    rivals: Mapping[str, float],
    *,
    target: float | None = None,
    stretch: float | None = None,
    also: bool = True,
    note: str = "",
) -> Row:
    """Ours beside the best of `rivals` (name: figure). `also`: other conditions that `met` needs."""
    pick = min if better == "lower" else max
    best = pick(rivals, key=lambda name: rivals[name], default=None)
    figure = rivals[best] if best is not None else None
    ratio = ours / figure if ours is not None and figure else None

    def judged(bound: float | None) -> bool | None:
        if bound is None or ratio is None:
            return None
        return meets(ratio, bound, better) and also

    return Row(
        case, unit, better, ours, best, figure, ratio, target, judged(target), stretch, judged(stretch), note
    )


def judge(case: str, unit: str, figure: float | None, most: float, note: str = "") -> Row:
    """A figure of ours alone that may be at most `most`: a target that names no rival."""
    met = None if figure is None else figure <= most
    ratio = None if figure is None else figure / most
    return Row(case, unit, "lower", figure, BOUND, most, ratio, 1.0, met, note=note)


def write(document: Document, path: Path) -> None:
    """Replace the file at once: a reader sees the old one or the new one whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    unfinished.write_text(json.dumps(asdict(document), indent=1, ensure_ascii=False) + "\n")
    unfinished.replace(path)


def read(path: Path) -> Document:
    """Raises ValueError, naming the file, if it is none of ours or of another schema."""
    values = json.loads(path.read_text())
    if not isinstance(values, dict) or values.get("schema", SCHEMA) != SCHEMA:
        raise ValueError(f"{path}: not a result of schema {SCHEMA}; run its benchmark again")
    try:
        rows = [Row(**row) for row in values.pop("rows", [])]
        tables = [Table(**table) for table in values.pop("tables", [])]
        return Document(rows=rows, tables=tables, **values)
    except TypeError as error:
        raise ValueError(f"{path}: {error}; bench/README.md has the schema") from error
