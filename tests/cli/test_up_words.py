"""What `meshctl up` prints: tables that fit, each trouble once, a conclusion without empty words."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest
from rich.console import Console

from rtmesh.cli import runtime_folder
from rtmesh.cli.conclusion import conclude
from rtmesh.cli.progress import Lines, LiveTable
from rtmesh.cli.session import Outcome
from rtmesh.cli.status_view import status_view
from rtmesh.cli.stop_signals import StopSignals
from rtmesh.common.errors import InvalidArgumentError
from rtmesh.v1 import graph_pb2, status_pb2

EDGES = [("simulator", "spikes", "binner", "spikes"), ("binner", "bins", "decoder", "bins")]


def status_of(phase: str, **fields: object) -> status_pb2.GraphStatus:
    status = status_pb2.GraphStatus(
        name="cursor", phase=status_pb2.GraphPhase.Value(f"GRAPH_PHASE_{phase}"), **fields
    )
    for source, output, target, port in EDGES:
        edge = graph_pb2.Edge(from_node=source, from_port=output, to_node=target, to_port=port)
        latency = status_pb2.LatencySummary(count=9, p50_us=812, p99_us=13_410, max_us=120_000)
        status.edges.add(edge=edge, transport="TRANSPORT_RING", rate_hz=1000, latency=latency)
    status.nodes.add(name="decoder", machine="gpc", state="NODE_STATE_RUNNING", reason="", steps=123456)
    return status


def printed(status: status_pb2.GraphStatus, width: int) -> str:
    console = Console(width=width, highlight=False)
    with console.capture() as captured:
        console.print(status_view(status))
    return captured.get()


def test_at_80_columns_columns_give_way_and_edges_stay_whole() -> None:
    text = printed(status_of("RUNNING"), 80)

    assert "simulator.spikes -> binner.spikes" in text
    assert "delivered" in text and "13.41 ms" in text
    assert "p50" not in text
    assert max(map(len, text.splitlines())) <= 80


def test_where_even_that_is_too_wide_an_edge_stands_on_two_lines() -> None:
    lines = [line.split()[0:2] for line in printed(status_of("RUNNING"), 66).splitlines()]

    assert ["simulator.spikes", "0"] in lines and ["->", "binner.spikes"] in lines


def test_with_room_every_column_is_there() -> None:
    text = printed(status_of("RUNNING"), 200)

    assert all(word in text for word in ("transport", "rate", "p50", "p99", "max", "overruns"))


def trouble(state: str, detail: str, restarts: int = 0) -> status_pb2.GraphStatus:
    status = status_pb2.GraphStatus(name="cursor")
    status.nodes.add(name="decoder", machine="gpc", state=state, detail=detail, restarts=restarts)
    return status


def test_the_stack_of_a_node_is_told_once_for_each_time_it_gets_stuck(
    capsys: pytest.CaptureFixture[str],
) -> None:
    lines = Lines()
    stuck, well = trouble("NODE_STATE_STUCK", "in decode\n"), trouble("NODE_STATE_RUNNING", "")
    for status in (stuck, stuck, well, stuck, stuck):
        lines.show(status)

    assert capsys.readouterr().err.count("node decoder on gpc is stuck\n  in decode\n") == 2


def test_a_stack_is_told_when_it_comes_after_the_state(capsys: pytest.CaptureFixture[str]) -> None:
    lines = Lines()
    for detail in ("", "in decode", "in decode"):
        lines.show(trouble("NODE_STATE_STUCK", detail))
    lines.show(trouble("NODE_STATE_FAILED", "Traceback"))

    told = capsys.readouterr().err
    assert told.count("in decode") == 1 and told.count("failed\n  Traceback") == 1


def test_the_traceback_of_a_failure_that_ends_the_graph_is_left_to_the_conclusion(
    capsys: pytest.CaptureFixture[str],
) -> None:
    lines, status = Lines(), trouble("NODE_STATE_FAILED", "Traceback of decode")
    for phase in (status_pb2.GRAPH_PHASE_DRAINING, status_pb2.GRAPH_PHASE_FAILED):
        status.phase = phase
        lines.show(status)
    assert "Traceback" not in capsys.readouterr().err

    with pytest.raises(SystemExit):
        conclude(Outcome(status), None)
    assert capsys.readouterr().err.count("Traceback of decode") == 1


def test_the_traceback_of_a_failure_that_the_graph_survives_is_told_at_once(
    capsys: pytest.CaptureFixture[str],
) -> None:
    status = trouble("NODE_STATE_FAILED", "Traceback of decode")
    status.phase = status_pb2.GRAPH_PHASE_RUNNING

    Lines().show(status)

    assert "Traceback of decode" in capsys.readouterr().err


def test_a_reason_that_is_all_there_is_to_say_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    status = trouble("NODE_STATE_FAILED", "it has no output 'pwr'\n")
    status.nodes[0].reason, status.phase = "it has no output 'pwr'", status_pb2.GRAPH_PHASE_FAILED
    with pytest.raises(SystemExit):
        conclude(Outcome(status), None)

    assert capsys.readouterr().err == "error: node decoder on gpc failed: it has no output 'pwr'\n"


def test_above_the_live_table_the_stack_is_told_once(tmp_path: Path) -> None:
    with (tmp_path / "terminal").open("w+") as terminal:
        table = LiveTable(Console(file=terminal, force_terminal=True, width=80))
        with table:
            for _ in range(3):
                table.show(trouble("NODE_STATE_STUCK", "in decode"))
        terminal.seek(0)
        assert terminal.read().count("in decode") == 1


def test_a_refused_run_is_concluded_without_empty_words(capsys: pytest.CaptureFixture[str]) -> None:
    status = status_pb2.GraphStatus(name="cursor", phase="GRAPH_PHASE_FAILED")
    status.nodes.add(name="decoder")
    status.edges.add(edge=graph_pb2.Edge(from_node="a", from_port="b", to_node="c", to_port="d"))
    status.problems.add(where="gpc", text="the disk is full")
    with pytest.raises(SystemExit) as ended:
        conclude(Outcome(status), None)

    said = capsys.readouterr()
    assert ended.value.code == 1
    assert "unspecified" not in said.out and "accounts" not in said.out
    assert "error: gpc: the disk is full\n" in said.err


def test_off_a_terminal_lines_are_as_long_as_they_need_to_be(capsys: pytest.CaptureFixture[str]) -> None:
    status = status_of("COMPLETED", running_time_ns=1)
    status.edges[0].edge.from_port = "x" * 63
    status.edges[0].dropped.update({f"reason_{number}": 1 for number in range(12)})
    status.edges[0].sent = 12
    conclude(Outcome(status), None)

    line = next(line for line in capsys.readouterr().out.splitlines() if "xxx" in line)
    assert len(line) > 180 and "1 reason_11" in line and "120.00 ms" in line


def test_only_a_run_that_ran_and_was_seen_to_its_end_says_that_accounts_add_up(
    capsys: pytest.CaptureFixture[str],
) -> None:
    conclude(Outcome(status_of("COMPLETED", running_time_ns=1)), None)
    assert "every edge adds up" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        conclude(Outcome(status_of("RUNNING", running_time_ns=1), ["it is gone"], is_final=False), None)
    said = capsys.readouterr()
    assert "every edge adds up" not in said.out and "error: it is gone\n" in said.err
    assert "failed  it is gone; what is told is the last that is known: running" in said.out


def test_the_first_signal_asks_the_second_insists_and_none_interrupts() -> None:
    before = signal.getsignal(signal.SIGINT)
    with StopSignals() as signals:
        wanted = [(signals.want_stop, signals.want_end)]
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGINT):
            signal.raise_signal(number)
            wanted.append((signals.want_stop, signals.want_end))

    assert wanted == [(False, False), (True, False), (True, True), (True, True)]
    assert signal.getsignal(signal.SIGINT) is before


@pytest.fixture
def base(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only place where folders of commands may be."""
    folder = tmp_path_factory.mktemp("b")
    monkeypatch.setattr(runtime_folder, "bases", lambda: [folder])
    return folder


def test_folders_whose_owner_is_dead_and_old_ones_without_owner_are_removed(base: Path) -> None:
    alive = runtime_folder.make_folder(["m"], ["n"])
    dead, old, new = (base / f"rtmesh-{os.getuid()}-{name}" for name in ("dead", "old", "new"))
    for folder in (dead, old, new):
        folder.mkdir()
    (dead / "owner").write_text(f"{os.getpid()} 1\n")
    os.utime(old, (time.time() - 120,) * 2)
    runtime_folder.remove_stale_folders()

    assert sorted(base.iterdir()) == sorted([alive, new])


def test_names_too_long_for_any_socket_are_refused_at_once(base: Path) -> None:
    with pytest.raises(InvalidArgumentError, match="a path of 1[0-9]+ bytes; the kernel takes 107"):
        runtime_folder.make_folder(["m" * 40], ["n" * 40])

    assert not list(base.iterdir())


def test_the_first_place_that_is_short_enough_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long, absent = tmp_path / ("x" * 90), tmp_path / "absent"
    long.mkdir()
    monkeypatch.setattr(runtime_folder, "bases", lambda: [long, absent, Path("/tmp")])
    folder = runtime_folder.make_folder(["m"], ["n"])
    try:
        assert folder.parent == Path("/tmp") and folder.stat().st_mode & 0o777 == 0o700
    finally:
        (folder / "owner").unlink()
        folder.rmdir()
