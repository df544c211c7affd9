"""The benchmark of edges between machines measures what it says: over the loopback, a few messages."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from bench.document import Document, read
from bench.net import breakdown
from bench.net.__main__ import main
from bench.net.breakdown import LEGS, legs_us
from bench.net.cases import CASES, PACED, ROUND_TRIP, SATURATED_LARGE
from bench.net.link import loopback
from bench.net.processor import Sample, busiest
from bench.net.schedule import find_systems
from bench.net.stamped_relay import publish_time_of
from bench.net.summary import BESIDE, EIGHT, OURS, summarize
from bench.net.systems import MODULES
from bench.net.systems.beside import BesideSystem
from bench.ring import command, outcome
from bench.ring.cases import Case, Kind
from bench.ring.endpoint import Seat, System
from bench.ring.schedule import Runs, carry_out, plan
from bench.ring.session import Measured
from rtmesh.shm import list_segments
from rtmesh.v1.relay_pb2 import EdgeRecords, Record

FEW_S = 0.01


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few messages beside the warm-up."""
    monkeypatch.setattr(Case, "seconds", lambda case, is_quick: FEW_S)


def measure(*names: str, cases: tuple[Case, ...] = CASES) -> Runs:
    """One run of each, over the loopback; nothing may fail."""
    runs = Runs()
    sessions = plan(find_systems(names, loopback(), runs), cases, 1)
    carry_out(sessions, runs, True, lambda session, result: None)
    assert not runs.absent and not runs.failed, (runs.absent, runs.failed)
    return runs


@pytest.fixture
def leaves_nothing() -> Iterator[None]:
    yield
    assert not [name for name in list_segments() if f".bench{os.getpid()}x" in name]


@pytest.mark.parametrize("name", ["rtmesh", "grpc-aio", "grpc-sync", "socket"])
def test_every_case_gives_a_figure_and_nothing_is_lost(name: str, leaves_nothing: None) -> None:
    runs = measure(name)

    assert [result.case for result in runs.measured] == list(CASES)
    for result in runs.measured:
        if result.case.kind is Kind.ROUND_TRIP:
            assert result.sender.received == result.sender.sent > result.case.warm_up
        else:
            assert result.receivers[0].received == result.sender.sent > 0
        assert result.sender.spread or result.receivers[0].spread or result.receivers[0].seconds


def test_eight_edges_bring_each_message_eight_times(leaves_nothing: None) -> None:
    runs = measure("rtmesh-eight")

    (result,) = runs.measured
    assert result.receivers[0].received == 8 * result.sender.sent
    table = next(table for table in summarize(runs, CASES, "x").tables if EIGHT in str(table.rows))
    assert table.rows[0][table.columns.index("lost")] == 0


def test_the_edge_beside_a_saturated_one_is_timed(leaves_nothing: None) -> None:
    runs = measure("rtmesh-beside")

    assert [result.case for result in runs.measured] == [SATURATED_LARGE]
    (beside,) = runs.systems
    (ages,) = beside.beside  # type: ignore[attr-defined]
    assert ages.count > 0
    (note,) = beside.notes()
    assert "found their ring full" in note and beside.sent > 0  # type: ignore[attr-defined]


def test_an_edge_beside_that_broke_is_told() -> None:
    system = BesideSystem()
    system._read(Path("/nonexistent/counts"), Path("/nonexistent/ages"))

    (note,) = system.notes()
    assert "was not timed in 1 runs" in note


def test_each_message_is_stamped_at_every_station_in_order(
    leaves_nothing: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(breakdown, "WARM_UP", 0)

    runs = measure("rtmesh-stamped")

    (stations,) = runs.systems[0].stations  # type: ignore[attr-defined]
    # All but those that a relay took together with another.
    assert stations
    legs = legs_us(stations)
    assert min(legs[LEGS[1]]) > 0
    assert min(legs[LEGS[-1]]) > 0
    titles = [table.title for table in summarize(runs, CASES, "x").tables]
    assert "One hop of 64 B at 1 kHz between machines" in titles


def test_the_time_of_the_first_record_is_found() -> None:
    records = [Record(position=7, publish_time_ns=123_456_789_012, message=b"m" * size) for size in (3, 300)]

    for record in records:
        data = EdgeRecords(records=[record]).SerializeToString()
        assert publish_time_of(data) == 123_456_789_012
    assert publish_time_of(b"") is None


def test_the_busiest_second_is_that_of_both_relays_together() -> None:
    idle = [Sample(at / 10, 0.0, 0.0) for at in range(20)]
    busy = [Sample(2 + at / 10, at / 20, at / 40) for at in range(21)]

    left, right = busiest([*idle, *busy])

    assert (left, right) == pytest.approx((50, 25), rel=0.05)
    assert busiest([]) is None and busiest(idle[:5]) is None


def test_rows_judge_each_target_of_the_issue() -> None:
    runs = Runs(measured=[*_measured(OURS), *_measured("zenoh"), *_measured(EIGHT), *_measured(BESIDE)])
    runs.systems = [Named(name) for name in (OURS, "zenoh", EIGHT, BESIDE)]

    document = summarize(runs, CASES, "x")

    judged = {row.case: row.met for row in document.rows if row.target is not None}
    assert judged["between machines: half round trip 64 B p50, beside a bare stream"] is None
    assert judged["between machines: one way at 1 kHz, 64 B, p99"] is True
    assert judged["between machines: saturated 64 B, of what is asked"] is False
    assert judged["between machines: eight edges at 1 kHz, 64 B, p99"] is True


def test_whoever_is_ahead_is_told_also_where_no_target_names_it() -> None:
    faster = "bare grpc.aio, tuned"
    runs = Runs(measured=[*_measured(OURS, 2.0), *_measured(faster), *_measured("ring in one machine")])
    runs.systems = [Named(name) for name in (OURS, faster, "ring in one machine")]

    ahead = {row.case: row.best_rival for row in summarize(runs, CASES, "x").rows if row.is_behind}

    assert ahead["between machines: half round trip 64 B p50, beside all that was measured"] == faster
    assert ahead["between machines: saturated 1 MiB, beside all that was measured"] == faster


def test_who_gave_no_figure_keeps_a_line_in_the_tables_of_its_cases() -> None:
    runs = Runs(measured=_measured(OURS), systems=[Named(OURS), Named("broken"), BesideSystem()])
    tables = {table.title: str(table.rows) for table in summarize(runs, CASES, "x").tables}

    assert "broken" in tables["Between machines: saturated 64 B"]
    assert BESIDE not in tables["Between machines: saturated 64 B"]
    assert BESIDE in tables["Between machines: saturated 1 MiB"]


def test_a_partial_measurement_leaves_the_full_result_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "RESULTS", tmp_path)
    monkeypatch.setattr(command, "PARTIAL", tmp_path / "partial")
    words = ["--quick", "--loopback", "--systems", "socket", "--only", "round-trip", "--runs", "2"]

    done = CliRunner().invoke(main, words)

    assert done.exit_code == 0, done.output
    assert not (tmp_path / "net.json").exists()
    document = read(tmp_path / "partial" / "net.json")
    assert isinstance(document, Document)
    assert "TCP socket" in str(document.tables[0].rows)
    assert "the loopback" in document.method


def test_a_system_that_is_not_installed_is_told() -> None:
    runs = Runs()
    MODULES["nothing"] = "nothing"
    try:
        assert not find_systems(["nothing"], loopback(), runs)
    finally:
        del MODULES["nothing"]

    assert "make bench-net" in runs.absent["nothing"]


class Named(System):
    setting = ""

    def __init__(self, name: str) -> None:
        self.name = name

    def connect(self, seat: Seat) -> object:
        raise AssertionError("nothing is measured here")


def _measured(name: str, slower: float = 1.0) -> list[Measured]:
    spread = outcome.Spread(10, 5.0 * slower, 6.0 * slower, 7.0 * slower, 8.0 * slower)
    sent = outcome.Outcome(1000, 1000, slower, spread=spread)
    return [Measured(name, case, sent, (sent,)) for case in (ROUND_TRIP, PACED, *CASES[2:])]
