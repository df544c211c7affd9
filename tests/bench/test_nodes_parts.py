"""The benchmarks of nodes go on when one measurement breaks, and say what they did not measure."""

from __future__ import annotations

import contextlib
import mmap
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from bench.awake import AwakeError
from bench.document import read
from bench.environment import version, versions_beside
from bench.nodes import __main__ as main_module
from bench.nodes import chains, costs
from bench.nodes.attempts import Attempts
from bench.nodes.hops import Chain, read_chain

SLEEPER = "import signal, time; {before}; print(flush=True); time.sleep(60)"
HOLDER = (
    "import mmap; file = open({path!r}, 'r+b'); held = mmap.mmap(file.fileno(), 0); "
    "signal.signal(signal.SIGINT, signal.SIG_IGN)"
)


def chain_of(*ages_us: int, sent: int = 2) -> Chain:
    times = np.array([[0, 1000 * age] for age in ages_us])
    return Chain(sent, np.arange(len(ages_us)), times)


def fake(age_us: int) -> chains.Run:
    return lambda folder, nodes, rate_hz, seconds: chain_of(age_us, age_us)


def broken(folder: Path, nodes: int, rate_hz: int, seconds: float) -> Chain:
    raise ValueError("it\nbroke")


@pytest.mark.parametrize("error", [ValueError, OSError, subprocess.TimeoutExpired])
def test_whatever_breaks_is_told_as_not_measured_and_ends_nothing(error: type[Exception]) -> None:
    attempt = Attempts()

    def break_off(folder: Path) -> None:
        raise subprocess.TimeoutExpired("x", 1) if error is subprocess.TimeoutExpired else error("y")

    assert attempt("this", break_off) is None
    assert attempt("that", lambda folder: folder.is_dir()) is True
    (note,) = attempt.notes
    assert note.startswith("**Not measured**: this: ")


def test_an_interruption_is_no_failure() -> None:
    def interrupt(folder: Path) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Attempts()("this", interrupt)


def test_with_the_cpus_kept_awake_there_is_a_ratio_and_no_target() -> None:
    measured = {(name, 1): [chain_of(age, age)] for name, age in ((chains.OURS, 3), (chains.REDIS, 30))}

    for setting, target in ((chains.AS_IT_COMES, 0.15), (chains.AWAKE, None)):
        row = chains.rows_of(setting, measured)[0]
        assert (row.ratio, row.target, row.met) == (0.1, target, None if target is None else True)
        assert row.case == f"{setting.title}, 1 chained nodes, whole chain p50"
    assert chains.AS_IT_COMES.title != chains.AWAKE.title


def test_runs_take_turns_and_what_is_told_is_their_median_but_the_longest_and_all_that_was_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    order: list[tuple[str, int]] = []

    def run(name: str, ages_us: list[int], sent: int) -> chains.Run:
        def once(folder: Path, nodes: int, rate_hz: int, seconds: float) -> Chain:
            order.append((name, nodes))
            age_us = ages_us[len(order) // (2 * len(chains.LENGTHS)) % len(ages_us)]
            return chain_of(age_us, age_us, sent=sent)

        return once

    systems = {chains.OURS: run("ours", [9, 1, 2], 3), chains.REDIS: run("theirs", [40, 20, 30], 2)}
    setting = replace(chains.AS_IT_COMES, systems=systems, runs=3, seconds=1.0)
    monkeypatch.setattr(chains, "SETTINGS", [setting])

    rows, (table,) = chains.measure(Attempts(), is_quick=False)

    each = [(name, nodes) for nodes in chains.LENGTHS for name in ("ours", "theirs")]
    assert order == 3 * each
    assert table.title == "BRAND's test, 3 runs of 1 s each, in turn, us"
    assert rows[2].ours == 2.0 and rows[2].best_rival_figure == 30.0
    assert rows[2].met is False and rows[2].note == "lost: rtmesh 3 of 9, Redis 0 of 6"
    assert table.rows[4][:3] == [chains.OURS, 2, "whole"] and table.rows[4][6:] == [9.0, 9, 3]


def test_one_broken_run_leaves_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    runs = {chains.OURS: broken, chains.REDIS: fake(7)}
    monkeypatch.setattr(chains, "SETTINGS", [replace(chains.AS_IT_COMES, systems=runs)])
    attempt = Attempts()

    rows, tables = chains.measure(attempt, is_quick=True)

    assert {(row.ours, row.best_rival_figure) for row in rows} == {(None, 7.0)}
    assert [row[0] for row in tables[0].rows[::2]] == [chains.REDIS] * len(chains.LENGTHS)
    assert any("it / broke" in note for note in attempt.notes)


def test_cpus_that_cannot_be_kept_awake_leave_the_rest_as_it_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    @contextlib.contextmanager
    def refused() -> Iterator[None]:
        raise AwakeError("no such device")
        yield

    monkeypatch.setattr(chains, "kept_awake", refused)
    runs = {chains.OURS: fake(1), chains.REDIS: fake(7)}
    settings = [replace(each, systems=runs) for each in chains.SETTINGS]
    monkeypatch.setattr(chains, "SETTINGS", settings)
    attempt = Attempts()

    rows, tables = chains.measure(attempt, is_quick=True)

    assert not [row for row in rows if row.case.startswith(chains.AWAKE.title)]
    assert [table.title for table in tables] == [f"{chains.AS_IT_COMES.title}, 3 s each, us"]
    assert f"**Not measured**: {chains.AWAKE.title}: no such device" in attempt.notes


def test_both_systems_run_with_the_device_held(monkeypatch: pytest.MonkeyPatch) -> None:
    held: list[str] = []

    @contextlib.contextmanager
    def hold() -> Iterator[None]:
        held.append("held")
        yield
        held.append("free")

    def run(folder: Path, nodes: int, rate_hz: int, seconds: float) -> Chain:
        held.append("run")
        return chain_of(1, 1)

    monkeypatch.setattr(chains, "kept_awake", hold)
    setting = replace(chains.AWAKE, systems={chains.OURS: run, chains.REDIS: run})
    monkeypatch.setattr(chains, "SETTINGS", [setting])
    chains.measure(Attempts(), is_quick=True)

    assert held == ["held", "run", "free"] * 2 * len(chains.LENGTHS)


def test_a_chain_at_whose_end_nothing_came_is_no_measurement(tmp_path: Path) -> None:
    (tmp_path / "rows").touch()

    with pytest.raises(RuntimeError, match="no block came"):
        read_chain(tmp_path / "rows", 2, 10)


def started(before: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", SLEEPER.format(before=before)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True)
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    return process


def test_a_system_is_ended_as_by_ctrl_c() -> None:
    process = started("pass")

    costs._end(process)

    assert process.returncode == -2


def test_what_a_killed_system_held_in_memory_goes_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(costs, "END_S", 0.1)
    held, other = (Path(f"/dev/shm/rtmesh-test-{os.getpid()}-{name}") for name in ("held", "other"))
    try:
        for each in (held, other):
            each.write_bytes(bytes(mmap.PAGESIZE))

        costs._end(started(HOLDER.format(path=str(held))))

        assert not held.exists() and other.exists()
    finally:
        for each in (held, other):
            each.unlink(missing_ok=True)


def test_versions_of_another_environment_are_found() -> None:
    found = versions_beside(Path(sys.executable), ["numpy", "no-such-distribution"])

    assert found == {"numpy": version("numpy"), "no-such-distribution": "absent"}


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(main_module, "RESULTS", tmp_path / "results")
    return tmp_path / "results"


def test_a_part_that_breaks_is_told_and_the_other_parts_stay(
    results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(main_module, "_costs", lambda *_: 1 / 0)
    monkeypatch.setattr(chains, "SETTINGS", [replace(chains.AS_IT_COMES, systems={chains.OURS: fake(1)})])

    done = CliRunner().invoke(main_module.main, ["--quick", "--only", "costs", "--only", "chain"])

    assert done.exit_code == 0, done.output
    document = read(results / "partial" / "nodes.json")
    assert "**Not measured**: costs: ZeroDivisionError: division by zero" in document.notes
    assert [row.ours for row in document.rows] == [1.0] * 2 * len(chains.LENGTHS)


def test_an_interrupted_measurement_keeps_the_parts_it_has(
    results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(main_module, "_costs", interrupt)
    monkeypatch.setattr(chains, "SETTINGS", [replace(chains.AS_IT_COMES, systems={chains.OURS: fake(1)})])

    done = CliRunner().invoke(main_module.main, ["--quick", "--only", "chain", "--only", "costs"])

    assert done.exit_code == 1
    assert len(read(results / "partial" / "nodes.json").rows) == 2 * len(chains.LENGTHS)
