"""A changed graph is asked of its machines while the old run goes on: a refused one has disturbed nothing."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from mesh import Mesh, mesh
from running import GRAPHS, until

from rtmesh.client import Client
from rtmesh.common.errors import FailedPreconditionError
from rtmesh.v1 import graph_pb2, status_pb2

ENDLESS = ["--set", "counter.count=0", "--set", "counter.rate_hz=500"]
NAME = "count2"
RUNNING = status_pb2.GRAPH_PHASE_RUNNING


@pytest.fixture(scope="module")
def daemons(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    folder = tmp_path_factory.mktemp("mesh")
    shutil.copytree(GRAPHS / "count", folder / "root" / "count", ignore=shutil.ignore_patterns("__pycache__"))
    with mesh(folder, "left", "right", root=folder / "root") as made:
        yield made


@pytest.fixture
def running(daemons: Mesh) -> Iterator[Mesh]:
    """The daemons, with a graph that runs on both machines."""
    daemons.meshctl("apply", "-f", "count/two_machines.yaml", *ENDLESS, "--wait")
    yield daemons
    daemons.meshctl("delete", NAME)


@pytest.fixture
def client(running: Mesh) -> Iterator[Client]:
    with Client(running.address) as client:
        yield client


def processes(status: status_pb2.GraphStatus) -> dict[str, tuple[int, int]]:
    return {node.name: (node.loop.process_id, node.service.process_id) for node in status.nodes}


def assert_untouched(client: Client, before: status_pb2.GraphStatus) -> None:
    """The same run and processes, and its accounts go on from where they were."""
    sent = before.edges[0].sent
    after = until(
        lambda: (status := client.get(NAME)).edges[0].sent > sent + 100 and status, 20, "messages to go on"
    )
    assert (after.run, after.phase) == (before.run, RUNNING)
    assert processes(after) == processes(before)
    assert [node.epoch for node in after.nodes] == [1, 1]
    assert not after.edges[0].dropped and not after.problems


def settled(client: Client) -> status_pb2.GraphStatus:
    """The status, with all its processes."""

    def known() -> status_pb2.GraphStatus | None:
        status = client.get(NAME)
        return status if all(0 not in pair for pair in processes(status).values()) else None

    return until(known, 20, "the services")


def no_such_class(graph: graph_pb2.Graph) -> None:
    graph.nodes[1].run = "nodes.summer:Nobody"


def no_such_module(graph: graph_pb2.Graph) -> None:
    graph.nodes[1].run = "nodes.nothing:Summer"


def too_much_memory(graph: graph_pb2.Graph) -> None:
    graph.nodes[0].outputs[0].max_bytes = 1 << 32


def too_many_bytes(graph: graph_pb2.Graph) -> None:
    graph.nodes[0].outputs[0].max_bytes = 1 << 40


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (no_such_class, "right: nodes.summer.run: "),
        (no_such_module, "right: nodes.summer.run: "),
        (too_much_memory, "MiB of shared memory"),
        (too_many_bytes, "slot_bytes is 1099511627776"),
    ],
)
def test_a_change_that_a_machine_cannot_carry_leaves_what_runs_alone(
    client: Client, spoil: Callable[[graph_pb2.Graph], None], told: str
) -> None:
    before, graph = settled(client), client.definition(NAME)
    spoil(graph)

    with pytest.raises(FailedPreconditionError) as refused:
        client.apply(graph)

    assert f"graph {NAME} is not changed, run {before.run} goes on:\n" in str(refused.value)
    assert told in str(refused.value)
    assert_untouched(client, before)
    assert client.definition(NAME) != graph
    assert "not replaced by run" in client.get(NAME).events[-1].text


def test_a_bad_import_is_told_by_apply_and_the_corrected_graph_replaces_the_run(
    running: Mesh, client: Client
) -> None:
    folder = running.root / "count"
    code = (folder / "nodes" / "summer.py").read_text()
    (folder / "nodes" / "other.py").write_text(f"import nowhere_to_be_found\n{code}")
    graph = (folder / "two_machines.yaml").read_text().replace("nodes.summer:", "nodes.other:")
    (folder / "changed.yaml").write_text(graph)
    before = settled(client)

    said = running.run("apply", "-f", "count/changed.yaml", *ENDLESS, "--wait")

    assert said.returncode == 1
    assert f"run {before.run} goes on" in said.stderr and "nowhere_to_be_found" in said.stderr
    assert_untouched(client, before)

    (folder / "nodes" / "other.py").write_text(code)
    assert "configured" in running.meshctl("apply", "-f", "count/changed.yaml", *ENDLESS, "--wait")
    after = client.get(NAME)
    assert after.phase == RUNNING and after.run != before.run
    assert set(processes(after).values()).isdisjoint(processes(before).values())


def test_a_change_for_a_machine_that_has_not_joined_leaves_what_runs_alone(
    running: Mesh, client: Client
) -> None:
    before = settled(client)
    file = Path(running.root / "count" / "moved.yaml")
    file.write_text((file.parent / "two_machines.yaml").read_text().replace("right", "elsewhere"))

    said = running.run("apply", "-f", "count/moved.yaml", *ENDLESS)

    assert said.returncode == 1
    assert f"run {before.run} goes on" in said.stderr and "machine elsewhere" in said.stderr
    assert_untouched(client, before)
