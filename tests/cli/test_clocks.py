"""What is told of clocks: of machines, and of latencies that two of them measured."""

from __future__ import annotations

import io
import json

import pytest
from command_line import Mesh
from rich.console import Console
from running import until
from scheduler_process import FakeMachine, Report

from rtmesh.cli.clocks import chrony_text, error_text, offset_text
from rtmesh.cli.status_view import budget_table
from rtmesh.cli.summary import budget_summary
from rtmesh.cli.tables import held_word, latency_cells
from rtmesh.v1 import graph_pb2, status_pb2

CHRONY = status_pb2.ChronyStatus(synchronised=True, reference="ntp.lab", stratum=3, offset_ns=-12_345)
CLOCK = status_pb2.ClockStatus(
    offset_ns=61_000_123_456,
    error_ns=81_001,
    rate_ppm=12.345,
    rate_error_ppm=6.001,
    last_exchange_time_ns=1_795_391_814_121_248_247,
    smallest_round_trip_ns=160_200,
    exchanges=64,
    chrony=CHRONY,
)


@pytest.fixture
def clocked(mesh: Mesh, bench: FakeMachine) -> Mesh:
    """A mesh whose one machine has told of its clock."""
    bench.report(Report(clock=CLOCK))
    until(lambda: mesh.client.machines()[0].HasField("clock"), 10, "the clock")
    return mesh


def test_machines_are_listed_with_offset_error_and_chrony(clocked: Mesh) -> None:
    head, row = clocked.run("get", "machines").stdout.splitlines()

    assert head.split()[-4:] == ["clock", "offset", "error", "chrony"]
    assert "+61.000123 s  ± 81.01 us  ntp.lab (stratum 3), 12 us off" in row


def test_a_machine_as_json_has_all_of_its_clock(clocked: Mesh) -> None:
    (machine,) = json.loads(clocked.run("get", "machines", "-o", "json").stdout)

    clock = machine["clock"]
    assert (clock["offset_ns"], clock["error_ns"]) == (61_000_123_456, 81_001)
    assert clock["rate_ppm"] == 12.345 and clock["exchanges"] == 64
    assert clock["chrony"]["stratum"] == 3


def test_a_machine_is_described_with_rate_exchange_and_round_trip(clocked: Mesh) -> None:
    text = clocked.run("describe", "machine", "bench").stdout

    for said in ("+61.000123 s ± 81.01 us", "+12.35 ± 6.01 ppm", "160 us", " ago)", "ntp.lab", "bench.lab"):
        assert said in text, said
    told = json.loads(clocked.run("describe", "machine", "bench", "-o", "json").stdout)
    assert told["clock"]["smallest_round_trip_ns"] == 160_200


def test_a_machine_that_does_not_exist_is_an_error_that_names_those_that_do(clocked: Mesh) -> None:
    result = clocked.run("describe", "machine", "bensh")

    assert result.exit_code == 1 and "bensh" in result.stderr and "bench" in result.stderr


def test_a_machine_that_has_said_nothing_of_its_clock_shows_dashes(mesh: Mesh, bench: FakeMachine) -> None:
    _, row = mesh.run("get", "machines").stdout.splitlines()

    assert row.split()[-3:] == ["-", "-", "-"]


@pytest.mark.parametrize(
    ("error_ns", "text"),
    [(0, "± 0"), (7, "± 0.01 us"), (80_001, "± 80.01 us"), (1_230_001, "± 1.24 ms"), (3 * 10**9, "± 3.00 s")],
)
def test_an_error_is_rounded_up(error_ns: int, text: str) -> None:
    assert error_text(error_ns) == text


def test_offsets_are_told_in_a_unit_that_suits_them() -> None:
    assert [offset_text(value) for value in (0, -1_234_567, 61_000_123_456)] == [
        "+0.000 ms",
        "-1.235 ms",
        "+61.000123 s",
    ]


def test_a_chrony_without_a_source_says_so() -> None:
    assert chrony_text(status_pb2.ChronyStatus()) == "not synchronised"


def test_latencies_across_machines_are_told_with_their_error() -> None:
    across = status_pb2.LatencySummary(count=9, p50_us=812, p99_us=2310, max_us=1_200_000, error_us=78.2)
    within = status_pb2.LatencySummary(count=9, p50_us=812, p99_us=2310, max_us=1_200_000)

    assert latency_cells(across) == ["812 us ± 79", "2.31 ms ± 0.08", "1.20 s ± 0.01"]
    assert latency_cells(within) == ["812 us", "2.31 ms", "1.20 s"]


def test_a_budget_that_the_clocks_cannot_judge_is_unknown() -> None:
    measured = status_pb2.LatencySummary(count=9, p50_us=10, p99_us=100, max_us=200, error_us=300)
    item = status_pb2.BudgetStatus(
        budget=graph_pb2.LatencyBudget(p99_us=200),
        measured=measured,
        verdict=status_pb2.BUDGET_VERDICT_UNKNOWN,
    )
    console = Console(width=140, record=True, file=io.StringIO())

    console.print(budget_table(status_pb2.GraphStatus(budgets=[item])))

    assert held_word(item) == "unknown (± 300.00 us)"
    shown = console.export_text()
    assert "unknown (± 300.00 us)" in shown and "100 us ± 300" in shown
    told = budget_summary(item)
    assert (told["verdict"], told["held"], told["measured"]["error"]) == ("unknown", False, 300)


@pytest.mark.parametrize(("held", "word"), [(True, "yes"), (False, "no")])
def test_a_budget_that_was_stored_before_there_were_verdicts_reads_as_it_did(held: bool, word: str) -> None:
    item = status_pb2.BudgetStatus(measured=status_pb2.LatencySummary(count=1), held=held)

    assert held_word(item) == word
