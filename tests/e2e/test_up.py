"""`meshctl up` from the outside: what it runs, says, sums up and leaves."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from running import GRAPHS, living, run_up, until, up
from sleepless import REAL_DEVICE, can_be_kept_awake, have_open

from rtmesh.shm import list_segments

COUNT = GRAPHS / "count" / "graph.yaml"
TWO_MACHINES = GRAPHS / "count" / "two_machines.yaml"


@pytest.mark.parametrize(("graph", "transport"), [(COUNT, "ring"), (TWO_MACHINES, "grpc")])
def test_a_graph_that_ends_by_itself_completes_with_exact_accounts(
    graph: Path, transport: str, tmp_path: Path
) -> None:
    status, said = run_up(graph, folder=tmp_path)

    assert status == 0, said.err
    assert said.summary["phase"] == "completed"
    edge = said.edge("summer.numbers")
    assert edge["transport"] == transport
    # Compared with what the nodes counted themselves.
    assert said.summary["nodes"]["counter"]["result"] == {"sent": 1000}
    assert said.summary["nodes"]["summer"]["result"] == {"received": 1000, "total": 500500}
    assert (edge["sent"], edge["delivered"], edge["in_flight"]) == (1000, 1000, 0)
    assert edge["exact"] and not any(edge["dropped"].values())
    assert edge["latency_us"]["p50"] > 0


def test_for_stops_a_graph_cleanly(tmp_path: Path) -> None:
    arguments = ["--set", "counter.count=0", "--set", "counter.rate_hz=200", "--for", "2s"]
    status, said = run_up(TWO_MACHINES, *arguments, folder=tmp_path)

    assert status == 0, said.err
    assert said.summary["phase"] == "stopped"
    edge = said.edge("summer.numbers")
    assert edge["sent"] == edge["delivered"] == said.summary["nodes"]["summer"]["result"]["received"] > 100
    (budget,) = said.summary["budgets"]
    assert budget["held"] and budget["measured"]["count"] == edge["sent"]


def test_ctrl_c_stops_a_graph_cleanly(tmp_path: Path) -> None:
    with up(COUNT, "--set", "counter.count=0", folder=tmp_path) as running:
        running.until_said("graph count: running")
        running.stop()
        assert running.wait() == 0, running.err

    edge = running.edge("summer.numbers")
    assert edge["sent"] == edge["delivered"] == running.summary["nodes"]["summer"]["result"]["received"]


def test_with_keep_awake_no_cpu_sleeps_while_the_graph_runs_or_nothing_begins(tmp_path: Path) -> None:
    with up(COUNT, "--keep-awake", "--set", "counter.count=0", folder=tmp_path) as running:
        if not can_be_kept_awake():
            assert running.wait() == 1
            assert running.err.startswith("error: the CPUs cannot be kept awake: ")
            return
        running.until_said("graph count: running")
        holding = have_open(REAL_DEVICE, [process.pid for process in running.processes()])
        meshd = running.find("rtmesh.machine", "--machine local ").pid
        with REAL_DEVICE.open("rb", buffering=0) as device:
            limit = device.read(4)
        running.stop()
        assert running.wait() == 0, running.err

    assert holding == [meshd]
    assert limit == bytes(4)


def test_nothing_survives_a_command_that_is_killed(tmp_path: Path) -> None:
    others = set(list_segments())
    with up(TWO_MACHINES, "--set", "counter.count=0", folder=tmp_path) as running:
        running.until_said("graph count2: running")
        processes, folder = running.processes(), running.machine_folder("left").parent
        running.process.send_signal(signal.SIGKILL)
        running.close()
        assert len(processes) > 6
        until(lambda: not living(processes), 10, "the end of all its processes")
        left = set(list_segments()) - others
        assert left and folder.exists()

    # The next command removes what the killed one could not.
    assert run_up(COUNT, folder=tmp_path)[0] == 0
    assert not left & set(list_segments()) and not folder.exists()


def test_a_failure_is_told_with_its_traceback_and_exits_1(tmp_path: Path) -> None:
    status, said = run_up(COUNT, "--set", "summer.fail_at=7", folder=tmp_path)

    assert status == 1
    assert said.summary["phase"] == "failed"
    assert "node summer on local failed: RuntimeError: asked to fail at 7" in said.err
    assert 'summer.py", line' in said.err
    assert said.summary["nodes"]["summer"]["state"] == "failed"
    edge = said.edge("summer.numbers")
    assert edge["exact"] and edge["delivered"] == 7


def test_a_module_that_cannot_be_imported_is_told_before_anything_runs(tmp_path: Path) -> None:
    graph = copy_of_count(tmp_path, "nodes.counter:Counter", "nodes.missing:Counter")
    status, said = run_up(graph, folder=tmp_path)

    assert status == 1
    assert "nodes.missing" in said.err


def test_a_wrong_graph_is_refused_with_line_and_remedy(tmp_path: Path) -> None:
    graph = copy_of_count(tmp_path, "counter.numbers}", "counter.nambers, realtime: {priority: 80}}")
    with up(graph, folder=tmp_path) as running:
        assert running.wait() == 1

    assert "graph.yaml:" in running.err
    assert "nambers" in running.err


def test_a_step_that_hangs_is_shown_with_its_stack(tmp_path: Path) -> None:
    graph = copy_of_count(tmp_path, "    inputs:", "    step_timeout: 300ms\n    inputs:")
    graph.write_text(graph.read_text() + "drain_timeout: 500ms\n")
    with up(graph, "--set", "summer.hang_at=5", folder=tmp_path) as running:
        running.until_said("node summer: stuck")
        running.until_said("in add")  # while it hangs
        running.stop()
        assert running.wait() == 1

    summer = running.summary["nodes"]["summer"]
    assert "in add" in summer["detail"]
    assert "error: node summer on local failed: did not end within" in running.err


def test_files_of_the_working_folder_hide_no_module_of_python(tmp_path: Path) -> None:
    (tmp_path / "queue.py").write_text('raise ImportError("this is no module of Python")\n')
    status, said = run_up(COUNT, folder=tmp_path)

    assert status == 0, said.err


def test_a_scheduler_that_cannot_start_is_told_at_once(tmp_path: Path) -> None:
    # The only child that loads sqlite3.
    (tmp_path / "hiding").mkdir()
    (tmp_path / "hiding" / "sqlite3.py").write_text('raise ImportError("no database here")\n')
    environment = {"PYTHONPATH": str(tmp_path / "hiding")}
    status, said = run_up(COUNT, folder=tmp_path, env=environment, timeout_s=15)

    assert status == 1
    assert "error: the scheduler ended with status 1" in said.err
    assert "ImportError: no database here" in said.err


@pytest.mark.parametrize("option", ["--summary", "--logs"])
def test_a_place_that_cannot_be_written_is_refused_before_the_run(option: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    status, said = run_up(COUNT, option, str(tmp_path / "file" / "below"), folder=tmp_path)

    assert status == 1
    assert f"error: {option} {tmp_path / 'file' / 'below'} cannot be written: Not a directory" in said.err
    assert "graph count" not in said.err and not said.out


def test_a_summary_that_cannot_be_written_after_all_is_an_error_below_the_tables(tmp_path: Path) -> None:
    # Opens, but takes nothing.
    status, said = run_up(COUNT, "--summary", "/dev/full", folder=tmp_path)

    assert status == 1
    assert "accounts: every edge adds up" in said.out
    assert "error: the summary cannot be written: /dev/full: No space left on device" in said.err
    assert "Traceback" not in said.err


def test_a_runtime_dir_that_is_too_long_for_sockets_is_not_used(tmp_path: Path) -> None:
    long = tmp_path / ("x" * 80)
    long.mkdir()
    status, said = run_up(COUNT, folder=tmp_path, env={"XDG_RUNTIME_DIR": str(long)})

    assert status == 0, said.err


def test_a_second_ctrl_c_ends_at_once_and_still_sums_up(tmp_path: Path) -> None:
    graph = copy_of_count(tmp_path, "    inputs:", "    step_timeout: 300ms\n    inputs:")
    with up(graph, "--set", "summer.hang_at=5", folder=tmp_path) as running:
        running.until_said("node summer: stuck")
        processes, folder = running.processes(), running.machine_folder("local").parent
        running.stop()
        running.until_said("stopping the graph; Ctrl-C again ends its processes at once")
        running.stop()
        running.stop()
        # A step that hangs would be waited for until drain_timeout.
        assert running.wait(10) == 1
        assert not living(processes)

    assert not folder.exists()
    assert "error: ended at once, as asked for by a second signal" in running.err
    assert "Traceback" not in running.err
    assert running.summary["phase"] == "failed" and "summer" in running.out
    assert running.summary["nodes"]["summer"]["steps"] > 0
    assert "not the last word" in running.out and "every edge adds up" not in running.out


def copy_of_count(folder: Path, old: str, new: str) -> Path:
    """The count graph in a folder of its own, with one change."""
    import shutil

    shutil.copytree(COUNT.parent, folder / "count", ignore=shutil.ignore_patterns("__pycache__"))
    graph = folder / "count" / "graph.yaml"
    text = graph.read_text()
    assert old in text
    graph.write_text(text.replace(old, new))
    return graph
