"""`meshctl get`: what is on the mesh, for people and for programs."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
from typing import Any

import pytest
from command_line import COUNT, Mesh, tell_accounts, tell_states
from ruamel.yaml import YAML
from running import MESHCTL, until
from scheduler_process import FakeMachine
from small_graphs import chain

from rtmesh.cli.listings import edge_listing
from rtmesh.cli.times import clock_text, iso_text
from rtmesh.v1 import status_pb2

NOW_NS = 1_795_391_814_121_248_247
EDGE = "counter.numbers -> summer.numbers"


@pytest.fixture
def counting(mesh: Mesh, bench: FakeMachine) -> Mesh:
    """A mesh on which `count` runs, its one edge blocked."""
    mesh.run("apply", "-f", COUNT, "--wait")
    ring = status_pb2.RingAccount(name="counter.numbers", head=100, last_time_ns=NOW_NS)
    ring.readers.add(
        name="summer.numbers",
        taken=90,
        released=90,
        delivered=83,
        dropped={"queue_full": 7},
        state=status_pb2.READER_STATE_ATTACHED,
        latency=status_pb2.LatencySummary(count=83, p50_us=20.4, p99_us=812.0, max_us=3410.0),
        is_holding=True,
    )
    tell_accounts(bench, ring, NOW_NS)
    until(lambda: mesh.client.get("count").edges[0].sent == 100, 10, "the accounts")
    return mesh


def test_graphs_are_listed_with_phase_nodes_and_reason(mesh: Mesh) -> None:
    mesh.apply(chain("cursor", "pointer@brand", "decoder@gpc"))

    head, row = lines(mesh.run("get", "graphs").stdout)

    assert head.split() == ["graph", "phase", "nodes", "edges", "age", "reason"]
    assert row.split()[:4] == ["cursor", "pending", "2", "1"]
    assert "waiting for machines brand and gpc to join" in row


def test_the_states_of_the_nodes_are_counted(counting: Mesh, bench: FakeMachine) -> None:
    assert "2 running" in counting.run("get", "graphs").stdout

    tell_states(bench, "STUCK")
    until(lambda: "2 stuck" in counting.run("get", "graphs").stdout, 10, "the state")


def test_an_edge_is_listed_with_its_whole_account(counting: Mesh) -> None:
    head, row = lines(counting.run("get", "edges", "count").stdout)

    for column in ("transport", "policy", "queue", "dropped", "in flight", "p50", "p99", "max", "as of"):
        assert column in head
    cells = [cell.strip() for cell in row.split("  ") if cell.strip()]
    assert cells[:7] == ["count", EDGE, "ring", "block", "64", "100", "83"]
    assert cells[7:9] == ["7 queue_full", "10"]
    assert cells[10:13] == ["20 us", "812 us", "3.41 ms"]
    assert cells[13:] == ["counter waits for summer", clock_text(NOW_NS)]


def test_an_edge_as_json_has_the_keys_of_the_summary_and_when_it_was_measured(counting: Mesh) -> None:
    (edge,) = json.loads(counting.run("get", "edges", "-o", "json").stdout)

    assert (edge["from"], edge["to"]) == ("counter.numbers", "summer.numbers")
    assert edge["sent"] == 100 and edge["dropped"] == {"queue_full": 7} and edge["exact"]
    assert (edge["when_full"], edge["queue"], edge["transport"]) == ("block", 64, "ring")
    assert edge["latency_us"] == {"p50": 20.4, "p99": 812.0, "max": 3410.0}
    assert edge["waits"] == "counter waits for summer" and edge["reader"] == "attached"
    assert edge["accounts_time_ns"] == NOW_NS and edge["accounts_time"] == iso_text(NOW_NS)


@pytest.mark.parametrize("kind", ["graphs", "nodes", "edges", "machines"])
def test_yaml_says_what_json_says(counting: Mesh, kind: str) -> None:
    as_json = json.loads(counting.run("get", kind, "-o", "json").stdout)
    as_yaml = YAML(typ="safe").load(counting.run("get", kind, "-o", "yaml").stdout)

    assert as_yaml == as_json != []


@pytest.mark.parametrize(
    ("kind", "columns"),
    [
        ("graphs", ["run", "applied", "machines"]),
        ("nodes", ["unjoined", "loop", "cpus", "service", "address"]),
        ("edges", ["reader", "connected", "measured"]),
        ("machines", ["awake", "kernel", "processes"]),
    ],
)
def test_the_wide_form_has_more_columns(counting: Mesh, kind: str, columns: list[str]) -> None:
    narrow, wide = (lines(counting.run("get", kind, *extra).stdout) for extra in ([], ["-o", "wide"]))

    assert wide[0].split()[-len(columns) :] == columns
    assert wide[0].startswith(narrow[0].split()[0]) and len(wide) == len(narrow)


def test_machines_are_listed_also_those_that_left(mesh: Mesh) -> None:
    with FakeMachine(mesh.address, "visitor") as machine:
        machine.wait_for("welcome")
        assert machines_of(mesh)["visitor"] is True

    until(lambda: machines_of(mesh)["visitor"] is False, 10, "the machine to be gone")


def test_only_the_graph_that_was_named_is_listed(mesh: Mesh) -> None:
    mesh.apply(chain("cursor", "pointer@brand"))
    mesh.apply(chain("keys", "board@brand"))

    nodes = json.loads(mesh.run("get", "nodes", "keys", "-o", "json").stdout)

    assert [(node["graph"], node["node"]) for node in nodes] == [("keys", "board")]


def test_nothing_to_list_is_said_on_stderr_and_is_no_failure(mesh: Mesh) -> None:
    result = mesh.run("get", "graphs")

    assert result.exit_code == 0 and "there are no graphs" in result.stderr
    assert json.loads(mesh.run("get", "graphs", "-o", "json").stdout) == []


def test_lines_that_are_piped_end_with_their_text(mesh: Mesh) -> None:
    mesh.apply(chain("cursor", "pointer@brand"))

    assert not [line for line in mesh.run("get", "nodes").stdout.splitlines() if line.endswith(" ")]


def test_a_watch_that_is_piped_tells_each_change_in_a_line(mesh: Mesh) -> None:
    mesh.apply(chain("cursor", "pointer@brand"))

    head, *rows = lines(mesh.run("get", "graphs", "-w", "--for", "600ms").stdout)

    assert head.split()[:2] == ["graph", "phase"]
    assert len(rows) == 1 and rows[0].split()[:2] == ["cursor", "pending"]


def test_a_watch_as_json_is_one_object_a_line(mesh: Mesh) -> None:
    mesh.apply(chain("cursor", "pointer@brand"))

    (line,) = lines(mesh.run("get", "graphs", "-w", "--for", "10ms", "-o", "json").stdout)

    assert json.loads(line)["graph"] == "cursor"


def test_a_watch_on_a_terminal_is_redrawn_in_place(mesh: Mesh) -> None:
    mesh.apply(chain("cursor", "pointer@brand"))

    shown = on_a_terminal(mesh, "get", "graphs", "-w", "--for", "1200ms")

    assert "\x1b[" in shown and "\x1b[1A" in shown  # the cursor goes up to draw over what is there
    assert shown.count("cursor") >= 2


@pytest.mark.parametrize("watching", [[], ["-w", "--for", "10ms"]])
def test_on_a_narrow_terminal_columns_give_way_and_edges_stay_whole(
    counting: Mesh, watching: list[str]
) -> None:
    shown = on_a_terminal(counting, "get", "edges", *watching, columns=80)

    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown)
    assert all(len(line.rstrip()) <= 80 for line in text.splitlines())
    assert "counter.numbers" in text and "-> summer.numbers" in text
    assert "in flight" in text and "p99" in text and "as of" not in text


def test_the_wide_form_is_whole_on_any_terminal(counting: Mesh) -> None:
    shown = on_a_terminal(counting, "get", "edges", "-o", "wide", columns=80)

    assert "as of" in shown and "measured" in shown


@pytest.mark.parametrize(
    ("transport", "phase", "sent", "is_explained"),
    [
        ("TRANSPORT_GRPC", "GRAPH_PHASE_RUNNING", 5, True),
        ("TRANSPORT_GRPC", "GRAPH_PHASE_RUNNING", 7, False),
        ("TRANSPORT_RING", "GRAPH_PHASE_RUNNING", 5, False),
        ("TRANSPORT_GRPC", "GRAPH_PHASE_STOPPED", 5, False),
    ],
)
def test_ends_of_an_edge_that_were_read_at_two_moments_are_explained(
    transport: str, phase: str, sent: int, is_explained: bool
) -> None:
    status = status_pb2.GraphStatus(name="cursor", phase=phase)
    status.edges.add(transport=transport, sent=sent, delivered=7)

    notes = edge_listing(status, status.edges).notes

    assert any("each end was read at its own moment" in note for note in notes) == is_explained


def on_a_terminal(mesh: Mesh, *arguments: str, columns: int = 120) -> str:
    """What meshctl writes to a terminal."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "MESHCTL_SCHEDULER": mesh.address, "TERM": "xterm", "COLUMNS": str(columns)}
    process = subprocess.Popen([*MESHCTL, *arguments], stdout=theirs, stdin=theirs, env=environment)
    os.close(theirs)
    shown = bytearray()
    try:
        while part := os.read(ours, 4096):
            shown += part
    except OSError:
        pass  # how Linux says that nobody has the other end open any more
    finally:
        os.close(ours)
        assert process.wait(20) == 0
    return shown.decode()


def machines_of(mesh: Mesh) -> dict[str, Any]:
    listed = json.loads(mesh.run("get", "machines", "-o", "json").stdout)
    return {machine["machine"]: machine["connected"] for machine in listed}


def lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.splitlines()]
