"""`meshctl up` in a container's 64 MiB: a graph that does not fit is refused before anything is made."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from running import GRAPHS, MESHCTL

WALL = 'mount -t tmpfs -o size=64m tmpfs /dev/shm && { "$@"; status=$?; ls /dev/shm; exit $status; }'


@pytest.fixture
def graph(tmp_path: Path) -> Path:
    """Two edges' worth of messages of 1 MiB."""
    folder = tmp_path / "count"
    shutil.copytree(GRAPHS / "count", folder)
    file = folder / "graph.yaml"
    file.write_text(file.read_text().replace("max_bytes: 256", "max_bytes: 1MiB"))
    return file


def in_a_container(*command: str | Path) -> subprocess.CompletedProcess:
    unshare = ["unshare", "--mount", *([] if os.getuid() == 0 else ["--map-root-user"])]
    return subprocess.run(
        [*unshare, "sh", "-c", WALL, "sh", *map(str, command)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_up_refuses_a_graph_that_does_not_fit_with_figures_and_remedy(graph):
    done = in_a_container(*MESHCTL, "up", graph)

    assert done.returncode == 1
    told = " ".join((done.stdout + done.stderr).split())
    assert re.search(r"MiB of shared memory \(\d+ bytes\), 6\d\.\d MiB are free in /dev/shm", told)
    assert "counter.numbers -> summer.numbers" in told and "--shm-size=" in told
    assert "rtmesh." not in done.stdout.splitlines()[-1]


def test_check_tells_the_need_that_up_refuses(graph):
    checked = in_a_container(*MESHCTL, "check", graph).stdout
    refused = in_a_container(*MESHCTL, "up", graph)

    (needed,) = re.findall(r"^shared memory on one machine: .* \((\d+) bytes\)", checked, re.MULTILINE)
    assert f"({needed} bytes)" in " ".join((refused.stdout + refused.stderr).split())
