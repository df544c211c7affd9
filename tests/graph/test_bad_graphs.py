# ruff: noqa: E501 - one line for each bad graph, so that they read as a table
"""Graphs with one thing wrong, and the sentence that says so. Edits are made to data/graph.yaml."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pytest

from rtmesh.graph.load import check_graph, load_graph
from rtmesh.graph.problems import GraphError


class Bad(NamedTuple):
    """What is put in place of what, and the only problem that there is then."""

    old: str
    new: str
    problem: str


LEVELS = "levels: {from: filter.levels, queue: 100, when_full: block, hold_absent: 2s}"
TARGET = "target: {from: sink.target, when_full: latest}"
PARAMETERS = "{rate: 200, mode: MODE_FAST, gains: [1.0, 2], limits: {low: -1}, names: {1: one}}"

BAD = [
    # The file as a whole.
    Bad("rtmesh: 1", "rtmesh: 2", "graph.yaml:1:9: rtmesh: version 2 is unknown; this rtmesh reads version 1"),
    Bad("rtmesh: 1", "rtmesh: one", "graph.yaml:1:9: rtmesh: is the text 'one'; expected a whole number"),
    Bad("rtmesh: 1\n", "", "graph.yaml:1:1: the key rtmesh is missing; add `rtmesh:`"),
    Bad("name: rig\n", "", "the key name is missing; add `name:`"),
    Bad("name: rig", "name: Rig", "graph.yaml:2:7: name: 'Rig' is not a name: lower-case letters"),
    Bad("name: rig", "name: 7", "name: is the number '7'; expected a name"),
    Bad("name: rig", f"name: {'r' * 41}", "is not a name: lower-case letters, digits, _ and -, a letter first, at most 40"),
    Bad("drain_timeout: 1s", "drian_timeout: 1s", "graph.yaml:30:1: drian_timeout: unknown key 'drian_timeout'; did you mean drain_timeout?"),
    Bad("drain_timeout: 1s", "drain_timeout: 1s\ndrain_timeout: 2s", "graph.yaml:31:1: drain_timeout: the key drain_timeout stands here twice; remove one"),
    Bad("drain_timeout: 1s", "drain_timeout: 1", "graph.yaml:30:16: drain_timeout: '1' has no unit: use us, ms, s, m, h"),
    Bad("drain_timeout: 1s", "drain_timeout: 1 day", "drain_timeout: '1 day' has an unknown unit: use us, ms, s, m, h"),
    Bad("drain_timeout: 1s", "drain_timeout: -1s", "drain_timeout: '-1s' is not a duration such as 15s or 200ms"),
    Bad("drain_timeout: 1s", "drain_timeout: 1500us", "drain_timeout: 1500us is out of range; choose whole ms, from 0ms to 24h"),
    Bad("drain_timeout: 1s", "drain_timeout: 25h", "drain_timeout: 25h is out of range; choose whole ms, from 0ms to 24h"),
    Bad("drain_timeout: 1s", "drain_timeout:", "drain_timeout: is nothing; expected a duration such as 15s or 200ms; remove the key, or give it a value"),
    Bad("drain_timeout: 1s", "security: {tls: true}", "security: security is not supported yet; remove it"),
    # protos and python_path.
    Bad("[rig/v1/rig.proto]", "[]", "graph.yaml:3:9: protos: the list is empty; name at least one, such as cursor/v1/cursor.proto"),
    Bad("[rig/v1/rig.proto]", "rig/v1/rig.proto", "graph.yaml:3:9: protos: is the text 'rig/v1/rig.proto'; expected a list"),
    Bad("rig.proto]", "rigg.proto]", "graph.yaml:3:10: protos[0]: there is no rig/v1/rigg.proto; searched in "),
    Bad("[rig/", "[/rig/", "protos[0]: '/rig/v1/rig.proto' is not the path of a .proto file; name it relative to the graph's folder"),
    Bad("[rig/", "[../rig/", "protos[0]: '../rig/v1/rig.proto' is not the path of a .proto file"),
    Bad("[rig/v1/rig.proto]", "[--plugin=x.proto]", "protos[0]: '--plugin=x.proto' is not the path of a .proto file"),
    Bad("[lib]", "[libs]", "graph.yaml:4:15: python_path[0]: 'libs' is not a folder; it is looked for in "),
    Bad("[lib]", "[3]", "graph.yaml:4:15: python_path[0]: is the number '3'; expected text, such as ../lib"),
    # Nodes.
    Bad("latency:\n", "  F-1: {service: rig.v1.Filter, run: x:Y}\nlatency:\n", "graph.yaml:28:3: nodes.F-1: 'F-1' is not a name: lower-case letters, digits and _"),
    Bad("    service: rig.v1.Filter\n", "", "graph.yaml:12:3: nodes.filter: the key service is missing; add `service:`"),
    Bad("rig.v1.Filter", "rig.v1.Fitler", "graph.yaml:13:14: nodes.filter.service: there is no service 'rig.v1.Fitler' in protos; did you mean rig.v1.Filter?"),
    Bad("rig.v1.Filter", "[rig.v1.Filter]", "nodes.filter.service: is a list; expected a proto service, such as cursor.v1.Decoder"),
    Bad("    run: nodes.filter:Filter\n", "", "graph.yaml:12:3: nodes.filter: neither run nor command is given; add `run: module:Class`"),
    Bad("nodes.filter:Filter", "nodes/filter.py", "graph.yaml:14:10: nodes.filter.run: 'nodes/filter.py' is not module:Class; write it as nodes.decoder:Decoder"),
    Bad("command: [", "run: a:B\n    command: [", "graph.yaml:21:5: nodes.sink.command: both run and command are given; keep one of them"),
    Bad("[./sink, --fast]", "[]", "graph.yaml:20:14: nodes.sink.command: the list is empty; name at least one, such as ./decoder"),
    Bad("[./sink, --fast]", "./sink --fast", "nodes.sink.command: is the text './sink --fast'; expected a list"),
    Bad("[./sink, --fast]", "[./sink, 3]", "graph.yaml:20:23: nodes.sink.command[1]: is the number '3'; expected text, such as ./decoder"),
    Bad("machine: right", "machine: right.local", "graph.yaml:21:14: nodes.sink.machine: 'right.local' is not a name: letters, digits, _ and -"),
    Bad("when_failed: continue", "when_failed: carry_on", "nodes.sink.when_failed: 'carry_on' is neither stop_graph nor continue; known: stop_graph, continue"),
    Bad("step_timeout: 500ms", "step_timeout: 0s", "nodes.sink.step_timeout: 0s is out of range; choose whole ms, from 1ms to 24h"),
    Bad("step_timeout: 500ms", "spin: 20ms", "nodes.sink.spin: 20ms is out of range; choose whole us, from 1us to 10000us"),
    Bad("step_timeout: 500ms", "realtime: {policy: fifo}", "graph.yaml:27:5: nodes.sink.realtime: realtime is not supported yet; remove it"),
    Bad("step_timeout: 500ms", "record: all", "nodes.sink.record: record is not supported yet; remove it"),
    Bad("step_timeout: 500ms", "steptimeout: 500ms", "nodes.sink.steptimeout: unknown key 'steptimeout'; did you mean step_timeout?"),
    Bad("on-failure", "always", "graph.yaml:24:21: nodes.sink.restart.when: 'always' is neither never nor on-failure; known: never, on-failure"),
    Bad("when: on-failure, ", "", "graph.yaml:24:5: nodes.sink.restart: the key when is missing; add `when:`"),
    Bad("most: 3", "most: 0", "nodes.sink.restart.most: 0 is out of range; choose from 1 to 1000000"),
    Bad("when: on-failure, most: 3, backoff", "when: never, backoff", "nodes.sink.restart.backoff: backoff has no effect when restart is never; remove it"),
    # Parameters.
    Bad("rate: 200", "rat: 200", "graph.yaml:10:23: nodes.source.parameters.rat: rig.v1.SourceParameters has no field 'rat'; did you mean rate?"),
    Bad("rate: 200", "rate: fast", "graph.yaml:10:24: nodes.source.parameters.rate: is the text 'fast'; expected int32"),
    Bad("rate: 200", "rate: 2e20", "nodes.source.parameters.rate: is the number 2e+20; expected int32"),
    Bad("rate: 200", "rate: 3000000000", "nodes.source.parameters.rate: is the number 3000000000; out of range for int32; choose from -2147483648 to 2147483647"),
    Bad("rate: 200", "rate: 200, rate: 1", "nodes.source.parameters.rate: the key rate stands here twice; remove one"),
    Bad("MODE_FAST", "MODE_FASTER", "nodes.source.parameters.mode: is the text 'MODE_FASTER'; expected a name of rig.v1.Mode; did you mean MODE_FAST?"),
    Bad("[1.0, 2]", "[1.0, two]", "graph.yaml:10:59: nodes.source.parameters.gains[1]: is the text 'two'; expected float"),
    Bad("{low: -1}", "{low: -1, hihg: 1}", "nodes.source.parameters.limits.hihg: rig.v1.Limits has no field 'hihg'; did you mean high?"),
    Bad("{1: one}", "{one: 1}", "nodes.source.parameters.names.one: is the text 'one'; expected int32"),
    Bad(PARAMETERS, "[1]", "graph.yaml:10:17: nodes.source.parameters: is a list; expected a mapping"),
    Bad("run: nodes.filter:Filter", "run: nodes.filter:Filter\n    parameters: {}", "graph.yaml:15:5: nodes.filter.parameters: rig.v1.Filter takes no parameters; add `rpc Configure` to it, or remove them"),
    # Outputs.
    Bad("{samples: {max", "{sampels: {max", "graph.yaml:11:15: nodes.source.outputs.sampels: rig.v1.Source has no output 'sampels'; did you mean samples?"),
    Bad("4KiB", "4KB", "graph.yaml:11:36: nodes.source.outputs.samples.max_bytes: '4KB' has an unknown unit: use B, KiB, MiB, GiB"),
    Bad("4KiB", "8B", "nodes.source.outputs.samples.max_bytes: 8B is out of range; choose from 64 B to 1024MiB"),
    Bad("4KiB", "0.3B", "nodes.source.outputs.samples.max_bytes: '0.3B' is not a whole number of B"),
    Bad("max_bytes", "min_bytes", "nodes.source.outputs.samples.min_bytes: unknown key 'min_bytes'; did you mean max_bytes?"),
    # Inputs.
    Bad("source.samples\n", "sorce.samples\n", "graph.yaml:16:16: nodes.filter.inputs.samples: there is no node 'sorce'; did you mean source?"),
    Bad("source.samples\n", "source.sample\n", "graph.yaml:16:16: nodes.filter.inputs.samples: rig.v1.Source has no output 'sample'; did you mean samples?"),
    Bad("source.samples\n", "filter.samples\n", "nodes.filter.inputs.samples: samples is an input of rig.v1.Filter, not an output; its outputs: levels"),
    Bad("source.samples\n", "samples\n", "nodes.filter.inputs.samples: 'samples' is not NODE.PORT; write it as pointer.velocity"),
    Bad("source.samples\n", "filter.levels\n", "nodes.filter.inputs.samples: filter.levels sends rig.v1.Level, but samples takes rig.v1.Sample; feed it from an output of rig.v1.Sample"),
    Bad("source.samples\n", "[source.samples, sink.target]\n", "nodes.filter.inputs.samples: is a list: two writers to one input; an input takes one output"),
    Bad("samples: source.samples\n", "samples: source.samples\n      samples: source.samples\n", "graph.yaml:17:7: nodes.filter.inputs.samples: the input samples has two writers; an input takes one output"),
    Bad("  levels: {from", "  level: {from", "graph.yaml:23:7: nodes.sink.inputs.level: rig.v1.Sink has no input 'level'; did you mean levels?"),
    Bad("{from: filter.levels, queue", "{queue", "graph.yaml:23:7: nodes.sink.inputs.levels: the key from is missing; add `from:`"),
    Bad("queue: 100", "queue: 0", "graph.yaml:23:44: nodes.sink.inputs.levels.queue: 0 is out of range; choose from 1 to 65536"),
    Bad("queue: 100", "queue: 65537", "nodes.sink.inputs.levels.queue: 65537 is out of range; choose from 1 to 65536"),
    Bad("queue: 100", "queue: many", "nodes.sink.inputs.levels.queue: is the text 'many'; expected a whole number from 1 to 65536"),
    Bad("queue: 100", "queue: true", "nodes.sink.inputs.levels.queue: is the bool 'true'; expected a whole number from 1 to 65536"),
    Bad("when_full: block", "when_full: drop", "nodes.sink.inputs.levels.when_full: 'drop' is neither block nor drop_oldest nor latest; known: block, drop_oldest, latest"),
    Bad("hold_absent: 2s", "hold_absent: 2 parsecs", "nodes.sink.inputs.levels.hold_absent: '2 parsecs' has an unknown unit"),
    Bad("when_full: latest}", "when_full: latest, queue: 4}", "nodes.filter.inputs.target.queue: latest has no queue: it is always the newest message; remove queue"),
    Bad("when_full: latest}", "when_full: latest, hold_absent: 4s}", "nodes.filter.inputs.target.hold_absent: hold_absent has no effect: only a block edge holds its writer; remove it"),
    Bad("when_full: latest}", "when_full: latest, record: true}", "nodes.filter.inputs.target.record: record is not supported yet; remove it"),
    Bad("inputs:\n      levels: {from", "input:\n      levels: {from", "nodes.sink.input: unknown key 'input'; did you mean inputs?"),
    # Code.
    Bad("nodes.filter:Filter", "nodes.filter:Filtr", "nodes.filter.run: nodes/filter.py has no class Filtr; did you mean Filter?"),
    # Latency.
    Bad("from: source.samples, to", "from: source.sample, to", "graph.yaml:29:12: latency[0].from: rig.v1.Source has no output 'sample'; did you mean samples?"),
    Bad("to: sink.target", "to: sink.levels", "latency[0].to: levels is an input of rig.v1.Sink, not an output; its outputs: target"),
    Bad("from: source.samples, to: sink.target", "from: sink.target, to: source.samples", "graph.yaml:29:29: latency[0].to: source.samples does not derive from sink.target; choose a `to` downstream of `from`"),
    Bad("from: source.samples, to: sink.target", "from: sink.target, to: filter.levels", "filter.levels does not derive from sink.target; choose a `to` downstream of `from`; an edge that is `latest` triggers no step"),
    Bad("p99: 8ms", "p50: 8ms, p99: 8ms", "latency[0].p50: unknown key 'p50'; known: from, to, p99"),
    Bad(", p99: 8ms", "", "graph.yaml:29:5: latency[0]: the key p99 is missing; add `p99:`"),
    Bad("p99: 8ms", "p99: 0.5us", "latency[0].p99: 0.5us is out of range; choose whole us, from 1us to 24h"),
]  # fmt: skip


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.problem[:60])
def test_one_thing_wrong_is_one_problem_said_plainly(bad: Bad, problems_of: Callable[..., list[str]]) -> None:
    problems = problems_of((bad.old, bad.new))

    assert len(problems) == 1, problems
    assert bad.problem in problems[0]


SYNTAX = [
    ("rtmesh: [1\nname: x", "graph.yaml:2:5: not YAML: while parsing a flow sequence, expected ',' or ']'"),
    ("rtmesh: 1: 2", "graph.yaml:1:10: not YAML: mapping values are not allowed here"),
    ("a:\n\t- b", "graph.yaml:2:1: not YAML: while scanning for the next token"),
    ("rtmesh: 1\n---\nname: x", "graph.yaml:2:1: not YAML: expected a single document in the stream"),
    ("a: *b", "graph.yaml:1:4: not YAML: found undefined alias 'b'"),
    ("a: 'x", "not YAML: while scanning a quoted scalar, found unexpected end of stream"),
    ("%YAML 3.0\n---\na: 1", "not YAML: found incompatible YAML document"),
    ("a: \0", "graph.yaml: not YAML: "),
    ("", "graph.yaml:1:1: the file is empty; start it with `rtmesh: 1`"),
    (
        "a: !!python/object x",
        "graph.yaml:1:4: unknown tag tag:yaml.org,2002:python/object; write plain values",
    ),
    ("a: !!int x", "graph.yaml:1:4: 'x' is no int; write plain values"),
    ('a: "\\ud800"', "graph.yaml:1:4: half of a character stands alone; write plain values"),
    ("? [a]\n: 1", "graph.yaml:1:3: a key is a word, not a list or a mapping; write plain values"),
    ("&a [*a]", "too many values, or nested too deeply; write plain values"),
    ("[" * 60 + "]" * 60, "too many values, or nested too deeply; write plain values"),
    ("[" * 5000, "graph.yaml: nested too deeply; is it a graph?"),
    ("x" * (1 << 20) + "x", "graph.yaml: longer than 1 MiB; is it a graph?"),
    (
        "a: &a [1,1,1,1,1,1,1,1,1,1]\n"
        + "".join(f"{new}: &{new} [{','.join([f'*{old}'] * 10)}]\n" for old, new in zip("abcdef", "bcdefg")),
        "too many values, or nested too deeply; write plain values",
    ),
    ("a: {<<: 3}", "graph.yaml:1:9: `<<` takes a mapping; write plain values"),
]


@pytest.mark.parametrize(("text", "problem"), SYNTAX, ids=[text[:20] for text, _ in SYNTAX])
def test_what_is_not_yaml_is_told_with_its_place(
    text: str, problem: str, check: Callable[..., object]
) -> None:
    with pytest.raises(GraphError) as caught:
        check(text)

    assert len(caught.value.problems) == 1
    assert problem in str(caught.value)


def test_a_file_that_holds_no_mapping_is_refused(check: Callable[..., object]) -> None:
    with pytest.raises(GraphError, match="graph.yaml:1:1: is the number '3'; expected a mapping"):
        check("3")


def test_every_problem_is_told_at_once_in_file_order(problems_of: Callable[..., list[str]]) -> None:
    problems = problems_of(
        ("rtmesh: 1", "rtmesh: 2"),
        ("name: rig", "name: Rig"),
        ("rate: 200", "rate: fast"),
        ("source.samples\n", "sorce.samples\n"),
        ("queue: 100", "queue: 0"),
        ("drain_timeout: 1s", "drain_timeout: 1"),
        overrides={"source.seed": "-1"},
    )

    places = [
        "yaml:1:9:",
        "yaml:2:7:",
        "yaml:10:24:",
        "yaml:16:16:",
        "yaml:23:44:",
        "yaml:30:16:",
        "--set source.seed:",
    ]
    assert [place in problem for place, problem in zip(places, problems)] == [True] * 7


def test_a_cycle_in_which_every_edge_blocks_is_spelled_out(problems_of: Callable[..., list[str]]) -> None:
    problems = problems_of((TARGET, "target: sink.target"), ("nodes.filter:", "elsewhere.filter:"))

    assert problems == [
        "graph.yaml:23:7: nodes.sink.inputs.levels: every edge of this cycle blocks, so that it can deadlock: "
        "sink.target -> filter.target, filter.levels -> sink.levels; "
        "make one of its edges `when_full: latest` or `drop_oldest`"
    ]


@pytest.mark.parametrize("policy", ["drop_oldest", "latest"])
def test_a_cycle_with_one_edge_that_drops_is_legal(
    policy: str, problems_of: Callable[..., list[str]]
) -> None:
    # The command node: what its steps are is unknown, so that only the cycle could be refused.
    assert problems_of((LEVELS, f"levels: {{from: filter.levels, when_full: {policy}}}"), ("to: sink.target", "to: filter.levels")) == []  # fmt: skip


def test_an_output_feeds_at_most_28_inputs(problems_of: Callable[..., list[str]]) -> None:
    nodes = "".join(
        f"  n{place}: {{service: rig.v1.Filter, run: x.y:Z, inputs: {{samples: source.samples}}}}\n"
        for place in range(28)
    )
    problems = problems_of(("latency:\n", f"{nodes}latency:\n"))

    assert len(problems) == 1
    assert (
        "nodes.n27.inputs.samples: source.samples feeds more than 28 inputs; put a node between"
        in problems[0]
    )


def test_overrides_are_checked_like_the_file(problems_of: Callable[..., list[str]]) -> None:
    problems = problems_of(
        overrides={
            "source.rate": "fast",
            "source.limits.lo": "1",
            "sourc.rate": "1",
            "source": "1",
            "filter.gain": "1",
            "source.names": "{1: a",
        }
    )

    assert problems == [
        "--set sourc.rate: there is no node 'sourc'; did you mean source?",
        "--set source: 'source' names no parameter; write it as NODE.PARAMETER=VALUE",
        "--set source.names: not YAML: while parsing a flow mapping, expected ',' or '}', but got '<stream end>'; "
        "mend the syntax; the rest was not checked",
        "--set source.rate: nodes.source.parameters.rate: is the text 'fast'; expected int32",
        "--set source.limits.lo: nodes.source.parameters.limits.lo: rig.v1.Limits has no field 'lo'; "
        "did you mean low?",
        "--set filter.gain: rig.v1.Filter takes no parameters; add `rpc Configure` to it, or remove them",
    ]


def test_a_file_that_is_not_there_or_not_text_is_refused(tmp_path) -> None:
    with pytest.raises(GraphError, match="No such file or directory; name a graph's YAML file"):
        load_graph(tmp_path / "graph.yaml")

    (tmp_path / "graph.yaml").write_bytes(b"name: \xff")
    with pytest.raises(GraphError, match="graph.yaml: not UTF-8: byte 6 is 0xff; save it as UTF-8"):
        load_graph(tmp_path)


def test_protos_in_a_folder_with_a_colon_are_refused(tmp_path, good: str) -> None:
    folder = tmp_path / "a:b"
    (folder / "rig/v1").mkdir(parents=True)
    (folder / "rig/v1/rig.proto").touch()
    with pytest.raises(GraphError, match="has a colon; protoc splits folders at colons: rename it"):
        check_graph(good, folder / "graph.yaml")
