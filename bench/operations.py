"""From pytest-benchmark's file to results/operations.json: `make bench`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from bench.document import RESULTS, Cell, Document, Table, write
from bench.environment import environment
from bench.report import write_report

METHOD = (
    "pytest-benchmark, one process, default scheduling: it repeats an operation in rounds, long enough for "
    "its clock. `min` is the least disturbed round, `median` the usual one, `max` the worst; nothing is "
    "trimmed. `make bench`."
)
MICROSECONDS = 1e6


def main() -> None:
    """Of the file that is named on the command line."""
    measured = json.loads(Path(sys.argv[1]).read_text())
    write(document(measured), RESULTS / "operations.json")
    print(f"{write_report(RESULTS)} written")


def document(measured: dict[str, Any]) -> Document:
    """A table with one row an operation, by file."""
    files: dict[str, list[list[Cell]]] = {}
    for benchmark in sorted(measured["benchmarks"], key=lambda each: str(each["fullname"])):
        file = Path(benchmark["fullname"].split("::")[0]).name
        files.setdefault(file, []).append(_row(benchmark))
    columns = ["operation", "min us", "median us", "max us", "rounds"]
    tables = [Table(file, columns, rows) for file, rows in files.items()]
    return Document(
        title="Single operations, in one process",
        method=METHOD,
        order=20,
        tables=tables,
        environment=environment(["pytest-benchmark", "numpy", "protobuf"]),
    )


def _row(benchmark: dict[str, Any]) -> list[Cell]:
    stats = benchmark["stats"]
    times: list[Cell] = [stats[name] * MICROSECONDS for name in ("min", "median", "max")]
    return [benchmark["name"].removeprefix("bench_"), *times, stats["rounds"]]


if __name__ == "__main__":
    main()
