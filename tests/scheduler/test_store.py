"""What outlives a scheduler."""

from __future__ import annotations

import sqlite3
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from small_graphs import chain

from rtmesh.common.errors import FailedPreconditionError, UnavailableError
from rtmesh.scheduler import store as store_module
from rtmesh.scheduler.effects import Desired, ForgetGraph, Life, SaveGraph, SaveRun, SaveRunCounter
from rtmesh.scheduler.record import Record
from rtmesh.scheduler.store import KEPT_RUNS, Store
from rtmesh.v1 import machine_pb2, plan_pb2, status_pb2

GRAPH = chain("cursor", "pointer@brand")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "scheduler.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    store = Store(path)
    yield store
    store.close()


def reopened(store: Store) -> Store:
    store.close()
    return Store(store.path)


def status(run: str, name: str = "cursor") -> status_pb2.GraphStatus:
    return status_pb2.GraphStatus(name=name, run=run, phase=status_pb2.GRAPH_PHASE_RUNNING)


def test_a_graph_is_loaded_as_it_was_saved_with_the_status_of_its_newest_run(store: Store) -> None:
    store.save(SaveGraph(GRAPH, Desired.RUNNING, "2-aaaa"))
    store.save(SaveRun(status("1-aaaa")))
    store.save(SaveRun(status("2-aaaa")))

    again = reopened(store)

    assert again.load() == [Record(GRAPH, Desired.RUNNING, "2-aaaa", status("2-aaaa"))]
    again.close()


def test_a_graph_without_a_status_is_not_lost(store: Store) -> None:
    store.save(SaveGraph(GRAPH, Desired.STOPPED, "1-aaaa"))

    assert store.load() == [Record(GRAPH, Desired.STOPPED, "1-aaaa")]


def test_the_newest_graph_of_a_name_replaces_the_older(store: Store) -> None:
    changed = chain("cursor", "pointer@brand", "decoder@gpc")
    store.save(SaveGraph(GRAPH, Desired.RUNNING, "1-aaaa"))
    store.save(SaveGraph(changed, Desired.RUNNING, "2-aaaa"))

    assert [record.graph for record in store.load()] == [changed]


def test_runs_are_never_counted_twice(store: Store) -> None:
    assert store.run_counter() == 0
    store.save(SaveRunCounter(41))

    again = reopened(store)

    assert again.run_counter() == 41
    again.close()


def test_the_clock_constant_of_a_mesh_is_made_once(store: Store) -> None:
    first = store.mesh_offset_ns(lambda: 1_700_000_000_000_000_000)

    again = reopened(store)

    assert again.mesh_offset_ns(lambda: 5) == first == 1_700_000_000_000_000_000
    again.close()


def test_a_forgotten_graph_leaves_no_run(store: Store) -> None:
    store.save(SaveGraph(GRAPH, Desired.RUNNING, "1-aaaa"))
    store.save(SaveRun(status("1-aaaa")))
    store.save(SaveRun(status("2-aaaa", "reach")))

    store.save(ForgetGraph("cursor", status("1-aaaa")))

    assert store.load() == []
    assert rows(store, "SELECT graph FROM runs") == [("reach",)]


def life(stage: str = "RUNNING", **accounts: machine_pb2.AccountsReport) -> Life:
    plan = plan_pb2.RunPlan(graph="cursor", run="1-aaaa", machines=[plan_pb2.MachinePlan(machine="brand")])
    return Life(GRAPH, plan, stage, {"brand": "PREPARED"}, accounts)


def told(time_ns: int) -> machine_pb2.AccountsReport:
    return machine_pb2.AccountsReport(time_ns=time_ns, rings=[status_pb2.RingAccount(name="a.out", head=7)])


def test_the_life_of_a_run_is_loaded_as_it_was_saved_last(store: Store) -> None:
    newest = replace(
        life("DRAINING", brand=told(2)), verdict=status_pb2.GRAPH_PHASE_STOPPED, verdict_reason="x"
    )
    store.save(SaveGraph(GRAPH, Desired.STOPPED, "1-aaaa"))
    store.save(SaveRun(status("1-aaaa"), life("RUNNING", brand=told(1))))
    store.save(SaveRun(status("1-aaaa"), newest))

    again = reopened(store)

    assert again.load() == [Record(GRAPH, Desired.STOPPED, "1-aaaa", status("1-aaaa"), newest)]
    again.close()


def test_while_a_run_is_replaced_the_status_is_that_of_the_run_that_lives(store: Store) -> None:
    changed = chain("cursor", "pointer@brand", "decoder@gpc")
    store.save(SaveGraph(GRAPH, Desired.RUNNING, "1-aaaa"))
    store.save(SaveRun(status("1-aaaa"), life()))
    store.save(SaveGraph(changed, Desired.RUNNING, "2-aaaa"))

    assert store.load() == [Record(changed, Desired.RUNNING, "2-aaaa", status("1-aaaa"), life())]


@pytest.mark.parametrize("next_run", ["1-aaaa", "2-aaaa"])
def test_a_run_that_has_ended_leaves_no_life(store: Store, next_run: str) -> None:
    store.save(SaveGraph(GRAPH, Desired.RUNNING, "1-aaaa"))
    store.save(SaveRun(status("1-aaaa"), life(brand=told(1))))

    store.save(SaveRun(status(next_run)))

    assert [record.life for record in store.load()] == [None]
    assert rows(store, "SELECT run FROM accounts UNION SELECT run FROM lives") == []


def test_a_forgotten_graph_leaves_no_life(store: Store) -> None:
    store.save(SaveGraph(GRAPH, Desired.DELETED, "1-aaaa"))
    store.save(SaveRun(status("1-aaaa"), life(brand=told(1))))

    store.save(ForgetGraph("cursor", status("1-aaaa")))

    assert (
        rows(store, "SELECT run FROM accounts UNION SELECT run FROM lives UNION SELECT run FROM runs") == []
    )


def test_a_file_of_the_version_before_is_taken_over(path: Path) -> None:
    database = sqlite3.connect(path)
    database.executescript(f"{store_module.SCHEMA_1} PRAGMA user_version = 1;")
    row = ("cursor", GRAPH.SerializeToString(), "running", "1-aaaa")
    database.execute("INSERT INTO graphs (name, graph, desired, run) VALUES (?, ?, ?, ?)", row)
    database.commit()
    database.close()

    store = Store(path)

    assert store.load() == [Record(GRAPH, Desired.RUNNING, "1-aaaa")]
    store.save(SaveRun(status("1-aaaa"), life()))
    store.close()


def test_the_newest_runs_of_a_graph_are_kept(store: Store) -> None:
    for number in range(KEPT_RUNS + 5):
        store.save(SaveRun(status(f"{number}-aaaa")))

    kept = rows(store, "SELECT run FROM runs ORDER BY id")

    assert kept == [(f"{number}-aaaa",) for number in range(5, KEPT_RUNS + 5)]


def test_the_file_is_its_owners_only(store: Store) -> None:
    assert stat.S_IMODE(store.path.stat().st_mode) == 0o600


def test_a_second_scheduler_cannot_use_the_same_file(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "BUSY_TIMEOUT_S", 0.0)

    with pytest.raises(UnavailableError, match=r"scheduler\.db.*locked: end the scheduler that uses it"):
        Store(store.path)


def test_a_file_of_another_version_is_refused(path: Path) -> None:
    database = sqlite3.connect(path)
    database.execute("PRAGMA user_version = 9")
    database.close()

    with pytest.raises(FailedPreconditionError, match="has schema 9; this scheduler reads schema 2"):
        Store(path)


def test_a_file_that_is_no_database_is_refused_and_kept(path: Path) -> None:
    path.write_text("a letter, and long enough to be taken for the header of a database, if nobody looks")

    with pytest.raises(FailedPreconditionError, match="is no database of a scheduler"):
        Store(path)

    assert path.read_text().startswith("a letter")


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="cannot open .*/absent/scheduler.db"):
        Store(tmp_path / "absent" / "scheduler.db")


def rows(store: Store, query: str) -> list[tuple[object, ...]]:
    path = store.path
    store.close()
    database = sqlite3.connect(path)
    try:
        return database.execute(query).fetchall()
    finally:
        database.close()
