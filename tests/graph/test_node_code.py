"""What is read from a node's source without running it, and what graph and source refuse together."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from rtmesh.graph.load import LoadedGraph, check_graph
from rtmesh.graph.node_code import NodeCode, OnStep, read_code
from rtmesh.graph.problems import GraphError

HEAD = "from rtmesh import Node, every, on\n"

PROTO = """
syntax = "proto3";
package fork.v1;
import "rtmesh/v1/stream.proto";
message M { rtmesh.v1.Header header = 1; }
service Source { rpc Out(stream rtmesh.v1.Credit) returns (stream M); }
service Step {
  rpc In(stream M) returns (stream rtmesh.v1.Credit);
  rpc Out(stream rtmesh.v1.Credit) returns (stream M);
}
service Join {
  rpc A(stream M) returns (stream rtmesh.v1.Credit);
  rpc B(stream M) returns (stream rtmesh.v1.Credit);
}
"""

FORK = """
rtmesh: 1
name: fork
protos: [fork.proto]
nodes:
  source: {service: fork.v1.Source, run: code:Source}
  binner: {service: fork.v1.Step, run: code:Binner, inputs: {in: source.out}}
  mean: {service: fork.v1.Step, run: code:Mean, inputs: {in: binner.out}}
  join: {service: fork.v1.Join, run: code:Join, inputs: {a: mean.out, b: {from: source.out, queue: 9}}}
"""

CODE = f"""{HEAD}
class Source(Node):
    @every(hz=100)
    def tick(self): ...

class Binner(Node):
    @on("in", window=10)
    def bin(self, window): ...

class Mean(Node):
    @on("in")
    def mean(self, bin): ...

class Join(Node):
    @on("a", "b", join="origin")
    def join(self, a, b): ...
"""


def read(tmp_path: Path, body: str, head: str = HEAD) -> NodeCode | None:
    (tmp_path / "code.py").write_text(f"{head}\n{body}")
    return read_code("code:A", [tmp_path])


def check_fork(tmp_path: Path, text: str = FORK, code: str = CODE) -> LoadedGraph:
    (tmp_path / "fork.proto").write_text(PROTO)
    (tmp_path / "code.py").write_text(code)
    return check_graph(text, tmp_path / "graph.yaml")


def test_steps_are_read_from_decorators(tmp_path: Path) -> None:
    code = read(
        tmp_path,
        """
class A(Node):
    '''A node.'''
    defaults = {"window": 3}

    def setup(self): ...

    @on("x", window=10)
    def f(self, window): ...

    @on("y", "z", join="origin")
    def g(self, y, z): ...

    @on("w", window="20ms")
    def h(self, window): ...

    @property
    def size(self): ...

    @every(hz=lambda p: p.rate)
    def tick(self): ...
""",
    )
    assert code == NodeCode(
        (OnStep(("x",), False, 10), OnStep(("y", "z"), True, 0), OnStep(("w",), False, 0)), has_every=True
    )


def test_the_package_may_be_named_in_full(tmp_path: Path) -> None:
    body = 'class A(rtmesh.Node):\n    @rtmesh.on("x")\n    def f(self, x): ...'
    assert read(tmp_path, body, head="import rtmesh") == NodeCode(
        (OnStep(("x",), False, 0),), has_every=False
    )


NOT_UNDERSTOOD = {
    "another base": 'class A(Base):\n    @on("x")\n    def f(self, x): ...',
    "a second base": "class A(Node, Mixin): ...",
    "a decorated class": "@wrap\nclass A(Node): ...",
    "a metaclass": "class A(Node, metaclass=M): ...",
    "two classes of the name": "class A(Node): ...\nclass A(Node): ...",
    "an unknown decorator": "class A(Node):\n    @wrap\n    def f(self, x): ...",
    "a second decorator": 'class A(Node):\n    @cached_property\n    @on("x")\n    def f(self, x): ...',
    "a step made by assignment": 'class A(Node):\n    def f(self, x): ...\n    g = on("x")(f)',
    "an input that is computed": "class A(Node):\n    @on(NAME)\n    def f(self, x): ...",
    "inputs that are unpacked": "class A(Node):\n    @on(*NAMES)\n    def f(self, x): ...",
    "a number for an input": "class A(Node):\n    @on(3)\n    def f(self, x): ...",
    "no parentheses": "class A(Node):\n    @on\n    def f(self, x): ...",
    "another on": 'from other import on\nclass A(Node):\n    @on("x")\n    def f(self, x): ...',
    "an on of its own": 'def on(x): ...\nclass A(Node):\n    @on("x")\n    def f(self, x): ...',
    "no such class": "class B(Node): ...",
    "no Python": "class A(Node",
    "a null byte": "\0",
}


@pytest.mark.parametrize("body", NOT_UNDERSTOOD.values(), ids=NOT_UNDERSTOOD.keys())
def test_a_class_with_anything_uncertain_is_not_understood(tmp_path: Path, body: str) -> None:
    assert read(tmp_path, body) is None


def test_a_module_is_found_as_file_or_package(tmp_path: Path) -> None:
    (tmp_path / "lib/nodes/inner").mkdir(parents=True)
    (tmp_path / "lib/nodes/inner/__init__.py").write_text(f"{HEAD}class A(Node): ...")

    search = [tmp_path, tmp_path / "lib"]
    assert read_code("nodes.inner:A", search) == NodeCode((), has_every=False)
    assert read_code("nodes.outer:A", search) is None


def test_code_is_read_and_never_run(tmp_path: Path) -> None:
    witness = tmp_path / "witness"
    code = f"open({str(witness)!r}, 'w')\n{CODE}"
    check_fork(tmp_path, FORK.replace("queue: 9", "queue: 10"), code)

    assert not witness.exists()


def test_a_fork_whose_blocking_branch_is_shorter_than_its_siblings_window_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GraphError) as caught:
        check_fork(tmp_path)

    [problem] = caught.value.problems
    assert str(problem) == (
        "graph.yaml:9:71: nodes.join.inputs.b: queue 9 is smaller than the window of 10 in binner, "
        "with which join joins it: both would wait for each other; "
        "set `queue: 10` or more, or `when_full: drop_oldest`"
    )


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("queue: 9", "queue: 10"),
        ("queue: 9", "queue: 9, when_full: drop_oldest"),
        ("a: mean.out, b", "b"),
    ],
)
def test_a_fork_that_cannot_deadlock_is_legal(tmp_path: Path, old: str, new: str) -> None:
    assert check_fork(tmp_path, FORK.replace(old, new))


def test_a_fork_through_unknown_code_is_not_refused_but_told(tmp_path: Path) -> None:
    unknown = CODE.replace("class Join(Node)", "class Join(Base)")
    notes = check_fork(tmp_path, code=unknown).unchecked

    assert (
        "nodes.join: its code was not read; a join with a queue below a sibling's window would deadlock"
    ) in notes


def test_an_input_that_nothing_takes_must_not_block(tmp_path: Path) -> None:
    with pytest.raises(GraphError) as caught:
        check_fork(tmp_path, FORK.replace("queue: 9", "queue: 10"), CODE.replace('@on("in")', ""))

    assert str(caught.value) == (
        'graph.yaml:8:58: nodes.mean.inputs.in: blocks, but mean has no @on("in"): '
        'it would hold binner forever; add @on("in"), or set `when_full: latest` and read it by latest()'
    )


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (
            "class Join(Node)",
            "class Joint(Node)",
            "nodes.join.run: code.py has no class Join; did you mean Joint?",
        ),
        ("class Join(Node):", "class Join(Node)", "code cannot be parsed: expected ':'; correct it"),
    ],
)
def test_a_class_that_is_not_in_its_module_is_refused(
    tmp_path: Path, old: str, new: str, problem: str
) -> None:
    with pytest.raises(GraphError) as caught:
        check_fork(tmp_path, code=CODE.replace(old, new))

    assert f"nodes.join.run: {problem}" in str(caught.value) or problem in str(caught.value)


@pytest.mark.parametrize("line", ["from elsewhere import *", "def __getattr__(name): ...", "Join = make()"])
def test_a_module_that_may_have_the_class_is_believed(tmp_path: Path, line: str) -> None:
    code = CODE.replace("class Join(Node)", "class Joint(Node)")

    assert check_fork(tmp_path, FORK.replace("queue: 9", "queue: 10"), f"{line}\n{code}")


def test_a_latest_input_has_no_step(problems_of: Callable[..., list[str]]) -> None:
    [problem] = problems_of(
        ("samples: source.samples", "samples: {from: source.samples, when_full: latest}"),
        ("from: source.samples, to", "from: filter.levels, to"),
    )
    assert problem == (
        "graph.yaml:16:7: nodes.filter.inputs.samples: "
        'filter has @on("samples"), which `latest` never triggers; '
        "use `when_full: drop_oldest` with `queue: 1`, or read it by latest()"
    )


def test_a_cycle_of_steps_is_told_as_certain(tmp_path: Path) -> None:
    text = FORK.replace("in: source.out", "in: {from: mean.out, when_full: drop_oldest}")
    notes = check_fork(tmp_path, text).unchecked

    assert "cycle mean.out -> binner.in, binner.out -> mean.in: it ends only by stop" in notes
