"""The benchmark of edges between machines measures what it says: over the loopback, a few messages."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner

from bench.awake import kept_awake
from bench.document import Document, read
from bench.net import breakdown, system
from bench.net.__main__ import main
from bench.net.breakdown import LEGS, legs_us
from bench.net.cases import AS_IT_COMES, AWAKE, SATURATED_LARGE
from bench.net.link import loopback
from bench.net.phases import Phase, Schedule
from bench.net.processor import Sample, busiest
from bench.net.rows import EIGHT
from bench.net.schedule import find_systems
from bench.net.stamped_relay import publish_time_of
from bench.net.summary import summarize
from bench.net.systems import MODULES, beside
from bench.net.systems.beside import BesideSystem
from bench.ring import command
from bench.ring.cases import Case, Kind
from bench.ring.schedule import Runs, carry_out, plan
from rtmesh.shm import list_segments
from rtmesh.v1.relay_pb2 import EdgeRecords, Record

FEW_S = 0.01
ALLOWED = os.sched_getaffinity(0)


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few messages beside the warm-up."""
    monkeypatch.setattr(Case, "seconds", lambda case, is_quick: FEW_S)


def measure(*names: str, cases: tuple[Case, ...] = AS_IT_COMES) -> Runs:
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

    assert [result.case for result in runs.measured] == list(AS_IT_COMES)
    for result in runs.measured:
        if result.case.kind is Kind.ROUND_TRIP:
            assert result.sender.received == result.sender.sent > result.case.warm_up
        else:
            assert result.receivers[0].received == result.sender.sent > 0
        assert result.sender.spread or result.receivers[0].spread or result.receivers[0].seconds


@pytest.mark.parametrize("name", ["rtmesh", "socket", "rtmesh-eight"])
def test_with_the_cpus_kept_awake_the_latencies_give_figures_as_well(
    name: str, leaves_nothing: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = tmp_path / "cpu_dma_latency"
    device.write_bytes(b"none")
    monkeypatch.setattr(system, "kept_awake", partial(kept_awake, device))
    # One CPU is enough for a test: both hosts may have the same.
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: [min(ALLOWED)] * 2)

    runs = measure(name, cases=AWAKE)

    assert [result.case for result in runs.measured] == list(runs.systems[0].own(AWAKE))
    assert all(result.receivers[0].received >= result.sender.sent > 0 for result in runs.measured)
    assert device.read_bytes() == bytes(4)


def test_eight_edges_bring_each_message_eight_times(leaves_nothing: None) -> None:
    runs = measure("rtmesh-eight")

    (result,) = runs.measured
    assert result.receivers[0].received == 8 * result.sender.sent
    table = next(table for table in summarize(runs, AS_IT_COMES, "x").tables if EIGHT in str(table.rows))
    assert table.rows[0][table.columns.index("lost")] == 0


def test_the_edge_beside_a_saturated_one_is_timed_in_turns_of_one_session(
    leaves_nothing: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(beside, "PHASE_NS", 100_000_000)
    runs = measure("rtmesh-beside")

    assert [result.case for result in runs.measured] == [SATURATED_LARGE]
    (system,) = runs.systems
    (turns,) = system.turns  # type: ignore[attr-defined]
    assert turns.ages.count > 0
    assert all(turns.rates[phase] for phase in Phase)
    assert min(turns.due.values()) > 0 and set(turns.lost.values()) == {0}
    (note,) = system.notes()
    assert "found their ring full" in note
    document = summarize(runs, AS_IT_COMES, "x")
    assert any("in turns" in table.title for table in document.tables)
    assert {row.unit: row.ours for row in document.rows}["%"] is not None


def test_an_edge_beside_that_broke_is_told(tmp_path: Path) -> None:
    broken, schedule = BesideSystem(), Schedule(0, 600)
    (tmp_path / beside.ARRIVALS).write_text("[1, 2]")
    (tmp_path / beside.SENT).write_text('{"since_ns": 0, "until_ns": 9, "due": {}, "refused": 0}')
    broken._read(tmp_path, schedule)
    (tmp_path / beside.TAKEN).write_text('{"since_ns": 3, "unt')
    broken._read(tmp_path, schedule)
    empty = '{"since_ns": 0, "until_ns": 9, "published_ns": {}, "came_ns": {}}'
    (tmp_path / beside.TAKEN).write_text(empty)
    broken._read(tmp_path, schedule)

    (note,) = broken.notes()
    assert "was not timed in 3 runs" in note
    assert "no whole phase: alone, beside, floor" in note


def test_each_message_is_stamped_at_every_station_in_order(
    leaves_nothing: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(breakdown, "WARM_UP", 0)

    runs = measure("rtmesh-stamped")

    ((stations,),) = runs.systems[0].stations.values()  # type: ignore[attr-defined]
    # All but those that a relay took together with another.
    assert stations
    legs = legs_us(stations)
    assert min(legs[LEGS[1]]) > 0
    assert min(legs[LEGS[-1]]) > 0
    titles = [table.title for table in summarize(runs, AS_IT_COMES, "x").tables]
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
