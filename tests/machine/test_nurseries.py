"""meshd and its nurseries: who comes out of them, who does not, and how long they stay."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

from rtmesh.machine.readable import until_end_of
from rtmesh.machine.state import end_leftovers
from rtmesh.v1 import graph_pb2, machine_pb2, plan_pb2

from .tally_plan import make_plan

PROGRAM = "started as a program"


def restartable_plan() -> plan_pb2.MachinePlan:
    plan = make_plan()
    restart = graph_pb2.Restart(when=graph_pb2.RESTART_WHEN_ON_FAILURE, most=1, backoff_ms=50)
    plan.nodes[0].node.restart.CopyFrom(restart)
    return plan


def nurseries(machine) -> list[int]:
    """Process ids of the nurseries below meshd."""
    return [pid for pid, line in machine.children().items() if "nursery" in line]


def is_whole(told: machine_pb2.AccountsReport) -> bool:
    """Whether every node has its loop and its service."""
    return bool(told.nodes) and all(node.loop.process_id and node.service.process_id for node in told.nodes)


def test_loops_and_services_are_forked_and_their_nurseries_end(machine, until):
    machine.begin_run(make_plan())
    accounts = machine.until_accounts(is_whole)
    until(lambda: not nurseries(machine))
    children = machine.children()
    machine.stop_run()
    machine.end()

    wanted = {node.loop.process_id: "rtmesh.node.loop" for node in accounts.nodes}
    wanted |= {node.service.process_id: "rtmesh.node.service" for node in accounts.nodes}
    assert {pid for pid, module in wanted.items() if module in children.get(pid, "")} == set(wanted)
    assert PROGRAM not in machine.errors


def test_what_was_forked_together_shares_its_memory(machine, until):
    machine.begin_run(make_plan())
    accounts = machine.until_accounts(is_whole)
    until(lambda: not nurseries(machine))

    # Services: a loop has its heap in large pages of its own.
    shares = [shared_part(node.service.process_id) for node in accounts.nodes]
    machine.stop_run()

    # Two that were started by themselves share libraries only, about a tenth of it.
    assert min(shares) > 0.5


def shared_part(process_id: int) -> float:
    """Which part of a process's anonymous memory it does not have for itself alone."""
    total = own = 0
    is_anonymous = False
    for line in Path(f"/proc/{process_id}/smaps").read_text().splitlines():
        name, *rest = line.split()
        if not name.endswith(":"):
            is_anonymous = len(rest) < 5 or rest[4] == "[heap]"
        elif is_anonymous and name == "Rss:":
            total += int(rest[0])
        elif is_anonymous and name in ("Private_Clean:", "Private_Dirty:"):
            own += int(rest[0])
    return 1 - own / total


def test_a_node_that_may_be_started_again_is_forked_again(machine, until):
    machine.begin_run(restartable_plan())
    before = machine.until_accounts(is_whole)
    until(lambda: len(nurseries(machine)) == 1)

    os.kill(before.nodes[0].loop.process_id, signal.SIGKILL)
    machine.until_accounts(lambda told: told.rings[0].epoch == 2)
    machine.stop_run()
    is_left = bool(nurseries(machine))
    machine.end()

    assert not is_left
    assert PROGRAM not in machine.errors


def test_a_killed_nursery_harms_nobody(machine, until):
    machine.begin_run(restartable_plan())
    before = machine.until_accounts(is_whole)
    until(lambda: len(nurseries(machine)) == 1)
    os.kill(nurseries(machine)[0], signal.SIGKILL)
    until(lambda: not nurseries(machine))

    os.kill(before.nodes[0].loop.process_id, signal.SIGKILL)
    machine.until_accounts(lambda told: told.rings[0].epoch == 2)
    final = machine.stop_run()
    machine.end()

    assert [node.restarts for node in final.nodes] == [1, 0]
    assert PROGRAM in machine.errors


def test_a_nursery_with_several_threads_is_not_used(machine, scheduler):
    machine.end()
    start = len(scheduler.reports)
    # What numpy computes with then starts a thread as it is imported.
    machine.begin(env={"OPENBLAS_NUM_THREADS": "2"})
    scheduler.until(lambda report: report.HasField("hello"), start)
    machine.begin_run(make_plan(count="20"))
    machine.until_state("sum", "ENDED")
    machine.stop_run()
    machine.end()

    assert PROGRAM in machine.errors
    assert "several threads" in machine.errors


def test_a_nursery_made_ready_beforehand_is_no_leftover(machine, scheduler):
    machine.end()
    start = len(scheduler.reports)
    machine.begin("--die-with-parent", str(os.getpid()))
    scheduler.until(lambda report: report.HasField("hello"), start)
    spare = nurseries(machine)

    machine.begin_run(make_plan(count="20"))
    machine.until_state("sum", "ENDED")
    machine.stop_run()
    machine.end()

    assert len(spare) == 1
    assert PROGRAM not in machine.errors
    assert "leftover" not in machine.errors


def test_a_nursery_that_no_run_used_ends_with_meshd(machine, scheduler, is_running):
    machine.end()
    start = len(scheduler.reports)
    machine.begin("--die-with-parent", str(os.getpid()))
    scheduler.until(lambda report: report.HasField("hello"), start)
    spare = nurseries(machine)

    assert machine.end() == 0

    assert spare
    assert not any(map(is_running, spare))
    assert end_leftovers(machine.folder / "state.json") == []


def test_a_machine_joins_when_the_pipe_that_it_was_given_ends(machine, scheduler, until):
    machine.end()
    scheduler.close()  # whoever dials now is refused, and says so
    (machine.folder / "doorbell.sock").unlink(missing_ok=True)
    reads, writes = os.pipe()
    machine.begin("--join-at-end-of", str(reads), descriptors=[reads])
    os.close(reads)
    until((machine.folder / "doorbell.sock").exists)
    again = type(scheduler)(scheduler.address)

    os.close(writes)

    again.until(lambda report: report.HasField("hello"))
    machine.end()
    again.close()
    assert "not joined" not in machine.errors


def test_the_end_of_a_pipe_is_awaited():
    async def is_awaited(reads: int, writes: int) -> bool:
        waiting = asyncio.ensure_future(until_end_of(reads))
        for _ in range(10):
            await asyncio.sleep(0)
        was_done = waiting.done()
        os.close(writes)
        await asyncio.wait_for(waiting, 30)
        return not was_done

    assert asyncio.run(is_awaited(*os.pipe()))
