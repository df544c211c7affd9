"""Completion: verbs, and the names that the mesh knows now."""

from __future__ import annotations

import os
import socket
import subprocess
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete
from command_line import COUNT, Mesh, meshctl_of
from running import MESHCTL
from scheduler_process import FakeMachine
from small_graphs import chain

from rtmesh.cli.live_names import complete_machines, complete_methods, complete_ports
from rtmesh.cli.meshctl import VERBS, meshctl


@pytest.fixture(autouse=True)
def environment(mesh: Mesh, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MESHCTL_SCHEDULER", mesh.address)
    monkeypatch.setenv("MESHCTL_CONFIG", str(tmp_path / "contexts.toml"))


def completed(line: str) -> list[str]:
    """What a shell offers after `meshctl LINE`; the last word is being typed."""
    *before, incomplete = line.split(" ")
    shell = ShellComplete(meshctl, {}, "meshctl", "_MESHCTL_COMPLETE")
    return [item.value for item in shell.get_completions(before, incomplete)]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_a_shell_is_printed(shell: str) -> None:
    result = meshctl_of({}, "completion", shell)

    assert result.exit_code == 0
    assert f"_MESHCTL_COMPLETE={shell}_complete" in result.stdout


def test_bash_can_read_its_script(tmp_path: Path) -> None:
    script = tmp_path / "completion.bash"
    script.write_text(meshctl_of({}, "completion", "bash").stdout)

    assert subprocess.run(["bash", "-n", str(script)], capture_output=True).stderr == b""
    loaded = subprocess.run(
        ["bash", "-c", f"source {script} && complete -p meshctl"], capture_output=True, text=True
    )
    assert loaded.returncode == 0 and "meshctl" in loaded.stdout


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_the_brackets_of_the_other_scripts_close(shell: str) -> None:
    text = meshctl_of({}, "completion", shell).stdout

    assert all(text.count(left) == text.count(right) for left, right in ("()", "{}", "[]"))
    assert text.count('"') % 2 == 0


def test_verbs_are_completed_without_a_scheduler() -> None:
    assert completed("") == sorted(VERBS)
    assert completed("de") == ["delete", "describe"]


def test_graphs_are_completed(mesh: Mesh) -> None:
    mesh.apply(chain("cursor", "pointer@brand"))
    mesh.apply(chain("keys", "board@brand"))

    assert completed("delete ") == ["cursor", "keys"]
    assert completed("wait cu") == completed("get edges cu") == completed("describe graph cu") == ["cursor"]


def test_nodes_are_completed_with_their_graph_where_that_is_needed(mesh: Mesh) -> None:
    mesh.apply(chain("cursor", "pointer@brand", "decoder@brand"))
    mesh.apply(chain("cursor2", "decoder@brand"))

    assert completed("describe node ") == ["pointer", "cursor/decoder", "cursor2/decoder"]
    assert completed("describe node cursor/") == ["cursor/pointer", "cursor/decoder"]


def test_ports_and_methods_are_completed(mesh: Mesh) -> None:
    mesh.run("apply", "-f", COUNT)
    nowhere = meshctl.make_context("meshctl", [], resilient_parsing=True)
    parameter = meshctl.params[0]

    assert complete_ports("output")(nowhere, parameter, "") == ["counter.numbers", "summer.totals"]
    assert complete_ports("input")(nowhere, parameter, "su") == ["summer.numbers"]
    assert complete_ports("output")(nowhere, parameter, "count/c") == ["count/counter.numbers"]
    assert complete_methods(nowhere, parameter, "counter.") == ["counter.Configure"]


def test_machines_are_completed(bench: FakeMachine) -> None:
    nowhere = meshctl.make_context("meshctl", [], resilient_parsing=True)

    assert "bench" in complete_machines(nowhere, meshctl.params[0], "b")


def test_contexts_are_completed() -> None:
    meshctl.main(["context", "add", "lab", "host:7700"], standalone_mode=False)

    assert completed("context use l") == completed("get graphs --context ") == ["lab"]


def test_the_scheduler_that_is_being_typed_is_asked(mesh: Mesh, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MESHCTL_SCHEDULER")
    mesh.apply(chain("cursor", "pointer@brand"))

    assert completed("delete ") == []
    assert completed(f"delete --scheduler {mesh.address} ") == ["cursor"]


@pytest.mark.parametrize("address", ["unix:/tmp/nobody-listens-here.sock", "nonsense"])
def test_a_scheduler_that_cannot_be_asked_completes_nothing(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MESHCTL_SCHEDULER", address)

    assert completed("delete ") == []


def test_a_scheduler_that_does_not_answer_is_not_waited_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"

        assert completed(f"delete --scheduler {address} ") == []


def test_a_shell_that_asks_gets_live_names_and_no_other_word(mesh: Mesh) -> None:
    mesh.apply(chain("cursor", "pointer@brand"))
    asked = {"_MESHCTL_COMPLETE": "bash_complete", "COMP_WORDS": "meshctl delete c", "COMP_CWORD": "2"}

    done = subprocess.run(MESHCTL, capture_output=True, text=True, env={**os.environ, **asked}, timeout=30)

    assert (done.returncode, done.stdout, done.stderr) == (0, "plain,cursor\n", "")
