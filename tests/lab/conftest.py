"""A laboratory for all tests, and the graphs that run on it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from lab.cluster import Lab
from lab.cluster import lab as laboratory
from running import GRAPHS, REPOSITORY

MACHINES, SPARE = ("brand", "gpc", "sim", "left", "right"), "spare"
BINS, UNITS = 15, 192


@pytest.fixture(scope="module")
def joined(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """brand (with the scheduler), gpc and sim for the cursor graph, left and right for the count graph.

    No meshd runs on spare.
    """
    root = tmp_path_factory.mktemp("root")
    without_caches = shutil.ignore_patterns("__pycache__", "weights*.npz")
    shutil.copytree(REPOSITORY / "graphs" / "cursor", root / "cursor", ignore=without_caches)
    shutil.copytree(GRAPHS / "count", root / "count", ignore=without_caches)
    write_impatient(root / "count")
    write_weights(root / "cursor" / "data" / "weights.npz")
    with laboratory((*MACHINES, SPARE), machines=MACHINES, root=root) as made:
        yield made


@pytest.fixture
def lab(joined: Lab) -> Iterator[Lab]:
    """The laboratory with whole cables and without any graph, before and after."""
    yield joined
    for host in joined.network.hosts:
        joined.faults.undelay(host)
        joined.faults.limit(host, "")
        joined.faults.restore(host)
    for graph in joined.get("graphs"):
        joined.meshctl("delete", graph["graph"])


def write_impatient(folder: Path) -> None:
    """The count graph over two machines, whose edge waits for 2 s and not for 15."""
    graph = (folder / "two_machines.yaml").read_text().replace("name: count2", "name: impatient")
    patient = "inputs: {numbers: counter.numbers}"
    assert patient in graph
    graph = graph.replace(patient, "inputs: {numbers: {from: counter.numbers, hold_absent: 2s}}")
    (folder / "impatient.yaml").write_text(graph)


def write_weights(path: Path) -> None:
    """What a calibration would make; where the cursor goes is not what these tests are about."""
    weights = np.zeros((2, BINS, UNITS), np.float32)
    np.savez(path, weights=weights, offset=np.zeros(2, np.float32), gain=3.0, alpha=100.0)
