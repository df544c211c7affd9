"""meshd itself: alone in its folder, cleaning up after an earlier one, ending well."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from rtmesh.shm import list_segments, segment_name, sweep


def endless(plans):
    return plans.chain(plans.node("source", "endless"), plans.node("sink", "take"))


def test_two_of_one_name_and_folder_are_refused(machine, scheduler):
    scheduler.until(lambda report: report.HasField("hello"))

    second = subprocess.run(machine.process.args, capture_output=True, text=True, timeout=30)

    assert second.returncode == 1
    assert f"meshd of machine solo runs already in {machine.folder}" in second.stderr
    assert f"process {machine.process.pid}" in second.stderr


def test_sigterm_ends_every_run_and_leaves_nothing(machine, plans, scheduler, is_running):
    machine.begin_run(endless(plans))
    machine.until_accounts(lambda accounts: accounts.rings[0].head > 100)
    children = machine.children()

    assert machine.end() == 0

    assert scheduler.until(lambda report: report.HasField("ended")).ended.accounts.rings[0].head > 100
    assert not [pid for pid in children if is_running(pid)]
    assert list_segments(f"rtmesh.{os.getuid()}.solo") == []
    assert not list(machine.folder.rglob("*.sock"))


def test_loops_outlive_a_killed_meshd_and_the_next_one_ends_them(
    machine, plans, scheduler, is_running, until
):
    machine.begin_run(endless(plans))
    accounts = machine.until_accounts(lambda accounts: accounts.rings[0].head > 100)
    loops = [node.loop.process_id for node in accounts.nodes]
    machine.process.kill()
    machine.process.communicate()
    assert all(map(is_running, loops))

    start = len(scheduler.reports)
    machine.begin()
    scheduler.until(lambda report: report.HasField("hello"), start)

    assert not any(map(is_running, loops))
    assert list_segments(f"rtmesh.{os.getuid()}.solo.run-1") == []


def test_children_that_were_not_recorded_are_found_too(machine, plans, scheduler, is_running):
    machine.begin_run(endless(plans))
    accounts = machine.until_accounts(lambda accounts: accounts.rings[0].head > 100)
    machine.process.kill()
    machine.process.communicate()
    (machine.folder / "state.json").unlink()

    start = len(scheduler.reports)
    machine.begin()
    scheduler.until(lambda report: report.HasField("hello"), start)

    assert not any(is_running(node.loop.process_id) for node in accounts.nodes)


def test_the_state_file_names_processes_and_segments(machine, plans):
    machine.begin_run(endless(plans))
    accounts = machine.until_accounts(lambda accounts: accounts.rings[0].head > 100)

    state = json.loads((machine.folder / "state.json").read_text())
    machine.stop_run()

    recorded = {entry["process_id"] for entry in state["processes"]}
    assert {node.loop.process_id for node in accounts.nodes} <= recorded
    assert f"rtmesh.{os.getuid()}.solo.run-1.source.out" in state["segments"]
    assert state["process_id"] == machine.process.pid


def test_with_die_with_parent_nothing_outlives_meshd(machine, plans, scheduler, is_running, until):
    machine.end()
    start = len(scheduler.reports)
    machine.begin("--die-with-parent", str(os.getpid()))
    scheduler.until(lambda report: report.HasField("hello"), start)
    machine.begin_run(endless(plans))
    machine.until_accounts(lambda accounts: accounts.rings[0].head > 100)
    children = machine.children()

    machine.process.kill()
    machine.process.communicate()

    until(lambda: not any(map(is_running, children)))
    machine.begin()
    machine.scheduler.until(lambda report: report.HasField("hello"), len(scheduler.reports) - 1)


def test_a_run_outlives_the_scheduler_and_is_told_to_the_next(machine, plans, scheduler):
    machine.begin_run(endless(plans))
    before = machine.until_accounts(lambda accounts: accounts.rings[0].head > 100)

    scheduler.close()
    again = type(scheduler)(scheduler.address)
    try:
        machine.scheduler = again
        again.until(lambda report: report.HasField("hello"))
        machine.until_state("source", "RUNNING")
        after = machine.until_accounts(lambda accounts: accounts.rings)
        final = machine.stop_run()
    finally:
        again.close()

    assert after.rings[0].head > before.rings[0].head
    assert len(final.nodes) == 2


def test_what_another_machine_left_is_not_swept(runtime_folder, scheduler):
    own, other = (segment_name(machine, f"test-{os.getpid()}", "page") for machine in ("solo", "duo"))
    make = f"from rtmesh.shm import create_segment\nfor name in {[own, other]}: create_segment(name, 64)"
    subprocess.run([sys.executable, "-c", make], check=True)
    try:
        command = [sys.executable, "-m", "rtmesh.machine", "--machine", "solo"]
        command += ["--scheduler", scheduler.address, "--dir", str(runtime_folder)]
        meshd = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        scheduler.until(lambda report: report.HasField("hello"))
        meshd.terminate()

        assert meshd.wait(30) == 0
        assert own not in list_segments() and other in list_segments()
    finally:
        assert sweep(other) == [other]


def test_a_silent_scheduler_is_dialled_anew_and_the_run_goes_on(machine, plans, scheduler):
    machine.begin_run(endless(plans))
    before = machine.until_accounts(lambda accounts: accounts.rings[0].head > 100)
    loops = [node.loop.process_id for node in before.nodes]

    start = len(scheduler.reports)
    scheduler.is_silent.set()
    hello = scheduler.until(lambda report: report.HasField("hello"), start).hello
    scheduler.is_silent.clear()
    machine.until_state("source", "RUNNING", start)
    after = machine.until_accounts(lambda accounts: accounts.rings[0].head > before.rings[0].head, start)

    assert list(hello.runs) == ["run-1"]
    assert [node.loop.process_id for node in after.nodes] == loops
    assert len(machine.stop_run().nodes) == 2


def test_meshd_ends_while_the_scheduler_is_away(machine, plans, scheduler):
    machine.begin_run(endless(plans))
    scheduler.close()

    assert machine.end() == 0


def test_a_folder_too_deep_for_sockets_is_refused(tmp_path):
    folder = tmp_path / ("d" * 90)
    command = [sys.executable, "-m", "rtmesh.machine", "--machine", "solo", "--scheduler", "unix:x"]

    refused = subprocess.run([*command, "--dir", str(folder)], capture_output=True, text=True, timeout=30)

    assert refused.returncode == 1
    assert "bytes; the kernel takes 107" in refused.stderr
    assert not folder.exists()
