"""`meshctl check` and how the command line treats what is typed."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from running import GRAPHS

from rtmesh.cli.meshctl import meshctl

COUNT = GRAPHS / "count" / "graph.yaml"


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(meshctl, [str(argument) for argument in arguments])


def test_a_good_graph_has_no_problem() -> None:
    result = run("check", COUNT)

    assert result.exit_code == 0
    assert "count: 2 nodes, 1 edge: no problem found" in result.stdout


def test_the_need_of_shared_memory_is_told_for_each_machine() -> None:
    lines = [line for line in run("check", COUNT).stdout.splitlines() if line.startswith("shared memory on ")]

    assert len(lines) == 1
    assert "counter.numbers -> summer.numbers" in lines[0] and "control rings of 2 nodes" in lines[0]


def test_what_check_could_not_check_is_said() -> None:
    assert "not checked: " in run("check", COUNT).stderr


def test_all_problems_are_told_at_once_with_line_and_remedy(tmp_path: Path) -> None:
    text = (
        COUNT.read_text().replace("count.v1.Summer", "count.v1.Sumer").replace("count: 1000", "cuont: 1000")
    )
    graph = COUNT.with_name("wrong.yaml")
    graph.write_text(text)
    try:
        result = run("check", graph)
    finally:
        graph.unlink()

    assert result.exit_code == 1
    assert "wrong.yaml:8:25" in result.stderr and "cuont" in result.stderr
    assert "Sumer" in result.stderr and "count.v1.Summer" in result.stderr


def test_a_setting_is_checked_like_the_file() -> None:
    good = run("check", COUNT, "--set", "counter.count=5")
    bad = run("check", COUNT, "--set", "counter.count=many")

    assert good.exit_code == 0
    assert bad.exit_code == 1 and "counter" in bad.stderr and "many" in bad.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["up", str(COUNT), "--for", "soon"], "20s"),
        (["up", str(COUNT), "--for", "0s"], "no time"),
        (["up", str(COUNT), "--set", "counter"], "NODE.PARAMETER=VALUE"),
        (["up", "missing.yaml"], "does not exist"),
        (["fly"], "No such command"),
        (["up"], "Missing argument"),
    ],
)
def test_wrong_usage_says_how_and_exits_2(arguments: list[str], said: str) -> None:
    result = run(*arguments)

    assert result.exit_code == 2
    assert said in result.stderr


def test_help_names_every_verb() -> None:
    result = run("--help")

    assert result.exit_code == 0
    assert "check" in result.stdout and "up" in result.stdout
