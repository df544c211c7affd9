"""What outlives the scheduler, in one SQLite file: graphs, last statuses of runs, the mesh's constants.

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
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

from rtmesh.common.errors import FailedPreconditionError, UnavailableError
from rtmesh.scheduler.effects import Desired, ForgetGraph, SaveGraph, SaveRun, SaveRunCounter
from rtmesh.scheduler.graphs import Record
from rtmesh.v1 import graph_pb2, status_pb2

SCHEMA_VERSION = 1
KEPT_RUNS = 20
BUSY_TIMEOUT_S = 2.0
SCHEMA = """
    CREATE TABLE mesh (key TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;
    CREATE TABLE graphs (
        name TEXT PRIMARY KEY, graph BLOB NOT NULL, desired TEXT NOT NULL, run TEXT NOT NULL
    ) STRICT;
    CREATE TABLE runs (
        id INTEGER PRIMARY KEY, run TEXT NOT NULL UNIQUE, graph TEXT NOT NULL, status BLOB NOT NULL
    ) STRICT;
    CREATE INDEX runs_of_graph ON runs (graph, id);
"""

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
                f"cannot open {path}: {error}", "end the scheduler that uses it, or choose another --state"
            ) from error
        except sqlite3.DatabaseError as error:
            raise FailedPreconditionError(
                f"{path} is no database of a scheduler: {error}", "choose another --state, or move it away"
            ) from error

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def mesh_offset_ns(self, make: Callable[[], int]) -> int:
        """The mesh's clock constant; made by the first scheduler of the mesh, never changed after."""
        known = self._value("mesh_offset_ns")
        if known is None:
            known = make()
            self._set_value("mesh_offset_ns", known)
        return known

    def run_counter(self) -> int:
        """How many runs were named."""
        return self._value("run_counter") or 0

    def load(self) -> list[Record]:
        """Every graph. Those whose deletion was cut short are removed now."""
        for (name,) in self._database.execute("SELECT name FROM graphs WHERE desired = 'deleted'").fetchall():
            self._forget(name)
        rows = self._database.execute(
            "SELECT graphs.graph, desired, graphs.run, status"
            " FROM graphs LEFT JOIN runs ON runs.run = graphs.run ORDER BY name"
        )
        return [
            Record(
                graph_pb2.Graph.FromString(graph),
                Desired(desired),
                run,
                None if status is None else status_pb2.GraphStatus.FromString(status),
            )
            for graph, desired, run, status in rows
        ]

    def save(self, effect: Save) -> None:
        """Carry out one effect; it is on the disk when this returns. Raises sqlite3.Error."""
        match effect:
            case SaveGraph():
                self._save_graph(effect)
            case SaveRun():
                self._save_run(effect.status)
            case SaveRunCounter():
                self._set_value("run_counter", effect.value)
            case ForgetGraph():
                self._forget(effect.name)

    def _save_graph(self, effect: SaveGraph) -> None:
        self._database.execute(
            "INSERT OR REPLACE INTO graphs (name, graph, desired, run) VALUES (?, ?, ?, ?)",
            (effect.graph.name, effect.graph.SerializeToString(), str(effect.desired), effect.run),
        )

    def _save_run(self, status: status_pb2.GraphStatus) -> None:
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

    def _forget(self, name: str) -> None:
        with self._database:
            self._database.execute("BEGIN")
            self._database.execute("DELETE FROM graphs WHERE name = ?", (name,))
            self._database.execute("DELETE FROM runs WHERE graph = ?", (name,))

    def _value(self, key: str) -> int | None:
        row = self._database.execute("SELECT value FROM mesh WHERE key = ?", (key,)).fetchone()
        return None if row is None else int(row[0])

    def _set_value(self, key: str, value: int) -> None:
        self._database.execute("INSERT OR REPLACE INTO mesh (key, value) VALUES (?, ?)", (key, value))

    def _make_schema(self) -> None:
        (version,) = self._database.execute("PRAGMA user_version").fetchone()
        if version == 0:
            self._database.executescript(f"BEGIN; {SCHEMA}; PRAGMA user_version = {SCHEMA_VERSION}; COMMIT")
        elif version != SCHEMA_VERSION:
            raise FailedPreconditionError(
                f"{self.path} has schema {version}; this scheduler reads schema {SCHEMA_VERSION}",
                "use the rtmesh that wrote it, or choose another --state",
            )
