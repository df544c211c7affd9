"""What outlives the scheduler, in one SQLite file: graphs, statuses of runs, what takes back those that live.

TABLE    COLUMN   MEANING
mesh     key      run_counter | mesh_offset_ns
         value
graphs   name     of the graph
         graph    rtmesh.v1.Graph, serialized
         desired  running | stopped | deleted
         run      the newest run
runs     id       grows with age of the row: the newest of a graph's are kept
         run      names the run
         graph    of which graph
         status   rtmesh.v1.GraphStatus, serialized
lives    graph    a graph of whose run machines hold something (at most one run a graph)
         run      that run
         definition, plan, stage, parts (JSON), verdict, verdict_reason: see effects.Life
accounts run      one that lives
         machine  that carries a part of it
         report   rtmesh.v1.AccountsReport, serialized: what its rings last said
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

from rtmesh.common.errors import FailedPreconditionError, UnavailableError
from rtmesh.scheduler.effects import Desired, ForgetGraph, Life, SaveGraph, SaveRun, SaveRunCounter
from rtmesh.scheduler.record import Record
from rtmesh.v1 import graph_pb2, machine_pb2, plan_pb2, status_pb2

SCHEMA_VERSION = 2
KEPT_RUNS = 20
BUSY_TIMEOUT_S = 2.0
SCHEMA_1 = """
    CREATE TABLE mesh (key TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;
    CREATE TABLE graphs (
        name TEXT PRIMARY KEY, graph BLOB NOT NULL, desired TEXT NOT NULL, run TEXT NOT NULL
    ) STRICT;
    CREATE TABLE runs (
        id INTEGER PRIMARY KEY, run TEXT NOT NULL UNIQUE, graph TEXT NOT NULL, status BLOB NOT NULL
    ) STRICT;
    CREATE INDEX runs_of_graph ON runs (graph, id);
"""
SCHEMA_2 = """
    CREATE TABLE lives (
        graph TEXT PRIMARY KEY, run TEXT NOT NULL, definition BLOB NOT NULL, plan BLOB NOT NULL,
        stage TEXT NOT NULL, parts TEXT NOT NULL, verdict INTEGER NOT NULL, verdict_reason TEXT NOT NULL
    ) STRICT;
    CREATE TABLE accounts (
        run TEXT NOT NULL, machine TEXT NOT NULL, report BLOB NOT NULL, PRIMARY KEY (run, machine)
    ) STRICT;
"""
# What leads from each version to the next.
SCHEMAS = (SCHEMA_1, SCHEMA_2)
DELETE_ACCOUNTS = "DELETE FROM accounts WHERE run IN (SELECT run FROM lives WHERE graph = ?)"

Save = SaveGraph | SaveRun | SaveRunCounter | ForgetGraph


class Store:
    """The file of one scheduler. Every method is one transaction; use from one thread.

    Args:
        path: the file; made, readable by its owner only, if there is none.
    Raises:
        FailedPreconditionError: the file was written by another version, or is no database.
        UnavailableError: it cannot be opened, or another scheduler has it open.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.touch(mode=0o600)
            self._database = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None)
            # Exclusive: two schedulers on one file would each undo what the other does.
            self._database.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._database.execute("PRAGMA journal_mode = WAL")
            self._make_schema()
        except (OSError, sqlite3.OperationalError) as error:
            raise UnavailableError(
                f"cannot open {path}: {error}",
                "end the scheduler that uses it, make it writable, or choose another --state",
            ) from error
        except sqlite3.DatabaseError as error:
            raise FailedPreconditionError(
                f"{path} is no database of a scheduler: {error}", "choose another --state, or move it away"
            ) from error

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def mesh_offset_ns(self, make: Callable[[], int]) -> int:
        """The mesh's clock constant; made by the first scheduler of the mesh, never changed after.

        Raises UnavailableError: it cannot be written.
        """
        known = self._value("mesh_offset_ns")
        if known is None:
            known = make()
            try:
                self._set_value("mesh_offset_ns", known)
            except sqlite3.OperationalError as error:
                remedy = "make room there, or choose another --state"
                raise UnavailableError(f"cannot write {self.path}: {error}", remedy) from error
        return known

    def run_counter(self) -> int:
        """How many runs were named."""
        return self._value("run_counter") or 0

    def load(self) -> list[Record]:
        """Every graph, by name."""
        rows = self._database.execute(
            "SELECT graphs.name, graphs.graph, desired, graphs.run, status"
            " FROM graphs LEFT JOIN lives ON lives.graph = graphs.name"
            " LEFT JOIN runs ON runs.run = coalesce(lives.run, graphs.run) ORDER BY name"
        ).fetchall()
        return [
            Record(
                graph_pb2.Graph.FromString(graph),
                Desired(desired),
                run,
                status_pb2.GraphStatus.FromString(status or b""),
                self._load_life(name),
            )
            for name, graph, desired, run, status in rows
        ]

    def save(self, effect: Save) -> None:
        """Carry out one effect; it is on the disk when this returns. Raises sqlite3.Error."""
        match effect:
            case SaveGraph():
                self._save_graph(effect)
            case SaveRun():
                self._save_run(effect.status, effect.life)
            case SaveRunCounter():
                self._set_value("run_counter", effect.value)
            case ForgetGraph():
                self._forget(effect.name)

    def _save_graph(self, effect: SaveGraph) -> None:
        self._database.execute(
            "INSERT OR REPLACE INTO graphs (name, graph, desired, run) VALUES (?, ?, ?, ?)",
            (effect.graph.name, effect.graph.SerializeToString(), str(effect.desired), effect.run),
        )

    def _save_run(self, status: status_pb2.GraphStatus, life: Life | None) -> None:
        with self._database:
            self._database.execute("BEGIN")
            self._database.execute(
                "INSERT INTO runs (run, graph, status) VALUES (?, ?, ?)"
                " ON CONFLICT (run) DO UPDATE SET status = excluded.status",
                (status.run, status.name, status.SerializeToString()),
            )
            self._database.execute(
                "DELETE FROM runs WHERE graph = ?1 AND id NOT IN"
                " (SELECT id FROM runs WHERE graph = ?1 ORDER BY id DESC LIMIT ?2)",
                (status.name, KEPT_RUNS),
            )
            self._save_life(status, life)

    def _save_life(self, status: status_pb2.GraphStatus, life: Life | None) -> None:
        execute = self._database.execute
        kept = status.run if life is not None else ""
        execute(DELETE_ACCOUNTS + " AND run != ?", (status.name, kept))
        execute("DELETE FROM lives WHERE graph = ? AND run != ?", (status.name, kept))
        if life is None:
            return
        how = (life.stage, json.dumps(dict(life.parts)), int(life.verdict), life.verdict_reason)
        changed = execute(
            "UPDATE lives SET stage = ?, parts = ?, verdict = ?, verdict_reason = ? WHERE run = ?",
            (*how, status.run),
        )
        if not changed.rowcount:  # definition and plan are large, and never change
            what = (status.name, status.run, life.graph.SerializeToString(), life.plan.SerializeToString())
            execute("INSERT INTO lives VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (*what, *how))
        for machine, report in life.accounts.items():
            row = (status.run, machine, report.SerializeToString())
            execute("INSERT OR REPLACE INTO accounts (run, machine, report) VALUES (?, ?, ?)", row)

    def _load_life(self, graph: str) -> Life | None:
        row = self._database.execute(
            "SELECT run, definition, plan, stage, parts, verdict, verdict_reason FROM lives WHERE graph = ?",
            (graph,),
        ).fetchone()
        if row is None:
            return None
        run, definition, plan, stage, parts, verdict, verdict_reason = row
        reports = self._database.execute("SELECT machine, report FROM accounts WHERE run = ?", (run,))
        return Life(
            graph=graph_pb2.Graph.FromString(definition),
            plan=plan_pb2.RunPlan.FromString(plan),
            stage=stage,
            parts=json.loads(parts),
            accounts={name: machine_pb2.AccountsReport.FromString(report) for name, report in reports},
            verdict=verdict,
            verdict_reason=verdict_reason,
        )

    def _forget(self, name: str) -> None:
        with self._database:
            self._database.execute("BEGIN")
            self._database.execute("DELETE FROM graphs WHERE name = ?", (name,))
            self._database.execute("DELETE FROM runs WHERE graph = ?", (name,))
            self._database.execute(DELETE_ACCOUNTS, (name,))
            self._database.execute("DELETE FROM lives WHERE graph = ?", (name,))

    def _value(self, key: str) -> int | None:
        row = self._database.execute("SELECT value FROM mesh WHERE key = ?", (key,)).fetchone()
        return None if row is None else int(row[0])

    def _set_value(self, key: str, value: int) -> None:
        self._database.execute("INSERT OR REPLACE INTO mesh (key, value) VALUES (?, ?)", (key, value))

    def _make_schema(self) -> None:
        (version,) = self._database.execute("PRAGMA user_version").fetchone()
        if version > SCHEMA_VERSION:
            raise FailedPreconditionError(
                f"{self.path} has schema {version}; this scheduler reads schema {SCHEMA_VERSION}",
                "use the rtmesh that wrote it, or choose another --state",
            )
        if version < SCHEMA_VERSION:
            steps = " ".join(SCHEMAS[version:])
            self._database.executescript(f"BEGIN; {steps} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT")
