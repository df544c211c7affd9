"""Sessions of real processes, for a handful of messages: no timing is asserted."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NoReturn

import pytest
from click.testing import CliRunner

from bench.document import Document, read, write
from bench.ring import command, session
from bench.ring.__main__ import main
from bench.ring.cases import Case, Kind
from bench.ring.schedule import Runs, find_systems
from bench.ring.session import Failed, Measured, run_session
from bench.ring.systems import MODULES, load
from rtmesh.shm import list_segments

HANDFUL = [
    Case(Kind.ROUND_TRIP, 64),
    Case(Kind.ROUND_TRIP, 16 * 1024),
    Case(Kind.PACED, 64),
    Case(Kind.SATURATED, 64),
    Case(Kind.SATURATED, 64, is_loaded=True),
]


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few messages beside the warm-up."""
    monkeypatch.setattr(Case, "seconds", lambda case, is_quick: 0.005)


@pytest.mark.parametrize("name", ["rtmesh", "pipe", "unix-socket"])
def test_every_case_gives_a_figure_and_nothing_is_lost(name: str) -> None:
    results = list(run_session(load(MODULES[name]), HANDFUL, is_quick=True))

    assert [result.case for result in results] == HANDFUL
    for result in results:
        assert isinstance(result, Measured), result
        if result.case.kind is Kind.ROUND_TRIP:
            assert result.sender.received == result.sender.sent > result.case.warm_up
            assert result.sender.spread is not None
        else:
            assert result.receivers[0].received == result.sender.sent


@pytest.mark.parametrize("name", ["rtmesh", "pipe"])
def test_a_fan_out_reaches_every_reader(name: str) -> None:
    (result,) = run_session(load(MODULES[name]), [Case(Kind.FAN_OUT, 64)], is_quick=True)

    assert isinstance(result, Measured), result
    assert [receiver.received for receiver in result.receivers] == [result.sender.sent] * 8


def test_a_session_leaves_no_segment() -> None:
    list(run_session(load(MODULES["rtmesh"]), HANDFUL[:1], is_quick=True))

    assert not [name for name in list_segments() if f".bench.bench{os.getpid()}x" in name]


def test_what_a_system_leaves_in_memory_goes_with_its_session() -> None:
    (result,) = run_session(load("tests.bench.leaving_system"), HANDFUL[:1], is_quick=True)

    assert isinstance(result, Measured), result
    assert result.sender.received == 0
    assert not list(Path("/dev/shm").glob("rtmesh-test-left-by-a-rival.*"))


def test_a_system_that_hangs_is_killed_and_told_as_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "CASE_SLACK_S", 0.3)
    monkeypatch.setattr(session, "GOODBYE_S", 0.1)

    results = list(run_session(load("tests.bench.hanging_system"), HANDFUL[:2], is_quick=True))

    assert [result.case for result in results] == HANDFUL[:2]
    for result in results:
        assert isinstance(result, Failed)
        assert "hung and was killed" in result.reason


def test_a_system_whose_process_ends_is_told_with_its_last_words() -> None:
    (result,) = run_session(load("tests.bench.crashing_system"), HANDFUL[:1], is_quick=True)

    assert isinstance(result, Failed)
    assert "no such transport on this machine" in result.reason


def test_a_system_whose_own_code_breaks_in_the_harness_is_told_as_failed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def serve(seat: object) -> NoReturn:
        raise ValueError("no such broker")

    broken = load("pipe")
    monkeypatch.setattr(broken, "serve", serve)

    results = list(run_session(broken, HANDFUL[:2], is_quick=True))

    assert [(result.case, result.reason) for result in results] == [
        (case, "ValueError: no such broker") for case in HANDFUL[:2]
    ]


def test_a_rival_that_is_not_installed_is_absent_with_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MODULES, "missing", "no_such_system")
    runs = Runs()

    assert find_systems(["missing", "pipe"], runs) == [load(MODULES["pipe"])]
    assert "`make bench-ring` installs" in runs.absent["missing"]


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the result of an earlier full measurement."""
    monkeypatch.setattr(command, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(command, "PARTIAL", tmp_path / "results" / "partial")
    write(Document("earlier", "m"), tmp_path / "results" / "ring.json")
    return tmp_path / "results"


PART = ["--quick", "--systems", "pipe", "--only", "round-trip-64B-default"]


def test_a_partial_measurement_leaves_the_full_result_alone(results: Path) -> None:
    done = CliRunner().invoke(main, PART)

    assert done.exit_code == 0, done.output
    assert read(results / "ring.json").title == "earlier"
    assert {row.ours for row in read(results / "partial" / "ring.json").rows} == {None}


def test_a_partial_measurement_replaces_the_full_result_when_asked(results: Path) -> None:
    done = CliRunner().invoke(main, [*PART, "--overwrite"])

    assert done.exit_code == 0, done.output
    assert read(results / "ring.json").title != "earlier"
    assert "multiprocessing Pipe" in (results.parent / "RESULTS.md").read_text()


def test_an_interrupted_measurement_keeps_what_it_has(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    carry_out = command.carry_out

    def interrupted(sessions: list[object], *more: object) -> None:
        carry_out(sessions[:1], *more)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "carry_out", interrupted)
    done = CliRunner().invoke(main, [*PART, "--runs", "3"])

    assert done.exit_code == 1
    assert read(results / "ring.json").title == "earlier"
    table = read(results / "partial" / "ring.json").tables[0]
    assert table.rows[0][0] == "multiprocessing Pipe"
    assert dict(zip(table.columns, table.rows[0]))["runs"] == 1


@pytest.mark.parametrize("arguments", [["--only", "nonsense"], ["--systems", "nonsense"]])
def test_a_wrong_word_is_wrong_usage(arguments: list[str]) -> None:
    assert CliRunner().invoke(main, arguments).exit_code == 2
