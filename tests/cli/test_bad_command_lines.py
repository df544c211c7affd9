"""Command lines that cannot be carried out: what is said, and the exit status. Never a traceback."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import COUNT, Mesh, meshctl_of
from small_graphs import chain

NOBODY = "unix:/tmp/nobody-listens-here.sock"
FILE = str(COUNT)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("fly", "No such command"),
        ("get", "Missing argument"),
        ("get cats", "'cats' is not one of"),
        ("get graphs -o xml", "'xml' is not one of"),
        ("get graphs --for 5s", "--for bounds a watch: give -w too"),
        ("get graphs -w --for never", "'never' is no time; write for example 500ms, 20s, 5m"),
        ("get graphs --scheduler lab", "'lab' is no address: give HOST:PORT or unix:PATH"),
        ("get graphs --scheduler lab:99999", "'lab:99999' is no address"),
        ("get graphs --scheduler unix:", "'unix:' is no address"),
        (f"get graphs --scheduler {NOBODY} --context lab", "both name a scheduler: give one of them"),
        ("get graphs count counter", "Got unexpected extra argument"),
        ("describe graph", "Missing argument"),
        ("describe relay brand", "'relay' is not one of"),
        ("apply", "Missing option '-f'"),
        ("apply -f missing.yaml", "'missing.yaml' does not exist"),
        (f"apply -f {FILE} --root {FILE}", "is a file"),
        (f"apply -f {FILE} --set counter", "NODE.PARAMETER=VALUE"),
        (f"apply -f {FILE} --timeout 0s", "'0s' is no time"),
        ("wait count", "Missing option '--for'"),
        ("wait count --for happy", "'happy' is not one of"),
        ("delete", "Missing argument"),
        ("scheduler --listen 127.0.0.1:0", "Missing option '--state'"),
        ("scheduler --listen nowhere --state s", "'nowhere' is no address"),
        ("context", "Name schedulers, and choose among them."),
        ("context add lab", "Missing argument"),
        ("context add lab nowhere", "'nowhere' is no address"),
        ("completion tcsh", "'tcsh' is not one of"),
        ("up", "Missing argument"),
        (f"up {FILE} --for 0s", "'0s' is no time"),
        ("check missing.yaml", "'missing.yaml' does not exist"),
    ],
)
def test_wrong_usage_says_how_and_exits_2(tmp_path: Path, typed: str, said: str) -> None:
    result = meshctl_of({"MESHCTL_CONFIG": str(tmp_path / "none.toml")}, *typed.split())

    assert result.exit_code == 2
    assert said in result.stderr


@pytest.mark.parametrize(
    ("typed", "environment", "said"),
    [
        ("get graphs", {}, "nothing says where the scheduler is: start one: meshctl scheduler --listen"),
        ("get graphs", {"MESHCTL_SCHEDULER": "lab"}, "$MESHCTL_SCHEDULER: 'lab' is no address"),
        (f"get graphs --scheduler {NOBODY}", {}, f"nobody answers at {NOBODY} (No such file or directory)"),
        (f"wait count --for running --scheduler {NOBODY}", {}, f"nobody answers at {NOBODY}"),
        (f"delete count --scheduler {NOBODY}", {}, "check that it runs and that the address is right"),
        (f"apply -f {FILE} --scheduler {NOBODY}", {}, f"nobody answers at {NOBODY}"),
        ("get graphs --scheduler 127.0.0.1:1", {}, "nobody answers at 127.0.0.1:1 (Connection refused)"),
        ("get graphs --context lab", {}, "there is no context 'lab' in"),
        ("get graphs", {"MESHCTL_CONTEXT": "lab"}, "add it: meshctl context add lab HOST:PORT"),
        ("context use lab", {}, "there is no context 'lab' in"),
        ("context remove lab", {}, "there is no context 'lab' in"),
        ("context add my/lab 127.0.0.1:1", {}, "'my/lab' cannot name a context: use up to 40 of"),
        ("scheduler --listen 127.0.0.1:0 --state {}/s", {}, "pass --insecure"),
        ("scheduler --listen unix:{}/s.sock --state /proc/none", {}, "/proc/none"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line_with_a_remedy(
    tmp_path: Path, typed: str, environment: dict[str, str], said: str
) -> None:
    config = {"MESHCTL_CONFIG": str(tmp_path / "contexts.toml")}
    result = meshctl_of({**config, **environment}, *typed.format(tmp_path).split())

    assert result.exit_code == 1
    assert said in result.stderr
    assert result.stdout == "" and len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("get edges cursr", "there is no graph 'cursr': did you mean cursor?"),
        ("get graphs other", "there is no graph 'other': known: cursor, cursor2"),
        ("get nodes cursr -w --for 1s", "there is no graph 'cursr': did you mean cursor?"),
        ("wait cursr --for running", "there is no graph 'cursr': did you mean cursor?"),
        ("delete cursr", "there is no graph 'cursr': did you mean cursor?"),
        ("describe graph cursr", "there is no graph 'cursr': did you mean cursor?"),
        ("describe node decodr", "there is no node 'decodr' in any graph: did you mean decoder?"),
        ("describe node cursr/decoder", "there is no graph 'cursr': did you mean cursor?"),
        ("describe node cursor/viewer", "there is no node 'viewer' in graph cursor: known: decoder, pointer"),
        ("describe node decoder", "2 graphs have a node 'decoder': write one of cursor/decoder, cursor2/"),
    ],
)
def test_a_name_that_is_not_there_is_answered_with_the_one_that_was_meant(
    mesh: Mesh, typed: str, said: str
) -> None:
    mesh.apply(chain("cursor", "pointer@brand", "decoder@brand"))
    mesh.apply(chain("cursor2", "decoder@brand"))

    result = mesh.run(*typed.split())

    assert result.exit_code == 1
    assert said in result.stderr and len(result.stderr.splitlines()) == 1


def test_an_empty_mesh_says_how_to_fill_it(mesh: Mesh) -> None:
    for typed in ("describe graph cursor", "describe node decoder", "wait cursor --for running"):
        assert "meshctl apply -f GRAPH" in mesh.run(*typed.split()).stderr
