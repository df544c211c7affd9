"""Whatever a graph's proto says, the answer is a graph or a GraphError: contracts drawn from a grammar."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rtmesh.graph.load import load_graph
from rtmesh.graph.problems import GraphError

# Each example is compiled by protoc in a process of its own: few, but each with many shapes in it.
few = settings(
    max_examples=30,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
    print_blob=True,
)

CREDIT, HEADER = "rtmesh.v1.Credit", "rtmesh.v1.Header"
MESSAGES = ["Sample", "Other", "Missing", "Parameters", CREDIT, HEADER, "google.protobuf.Empty", "Node"]
TYPES = [
    "int32",
    "double",
    "bytes",
    "string",
    "bool",
    "Kind",
    "Sample",
    HEADER,
    "rtmesh.v1.Tensor",
    "Nowhere",
]
RPCS = ["Samples", "Configure", "Calibrate", "samples", "HTTPServer2", "X", "Configure2"]

stream = st.sampled_from(["", "stream "])
label = st.sampled_from(["", "optional ", "repeated "])


@st.composite
def fields(draw: st.DrawFn) -> str:
    """The body of a message: a header or none, then anything."""
    lines = [
        draw(st.sampled_from([f"{HEADER} header = 1;", f"{HEADER} header = 2;", f"{HEADER} head = 1;", ""]))
    ]
    for number in range(3, draw(st.integers(3, 7))):
        kind = draw(st.sampled_from(TYPES))
        lines.append(f"{draw(label)}{kind} field{number} = {number};")
    if draw(st.booleans()):
        lines.append("oneof choice { int32 one = 20; Other two = 21; }")
    if draw(st.booleans()):
        lines.append("map<string, Sample> table = 22;")
    return " ".join(lines)


@st.composite
def rpcs(draw: st.DrawFn) -> str:
    name, request, response = draw(st.sampled_from(RPCS)), *draw(st.tuples(*[st.sampled_from(MESSAGES)] * 2))
    return f"rpc {name}({draw(stream)}{request}) returns ({draw(stream)}{response});"


@st.composite
def protos(draw: st.DrawFn) -> str:
    """A file with a service Node and the messages that it may name, right or wrong."""
    parts = [
        draw(st.sampled_from(['syntax = "proto3";', 'syntax = "proto3";', 'edition = "2023";', ""])),
        draw(st.sampled_from(["package wild.v1;", "package wild.v1;", ""])),
        'import "rtmesh/v1/stream.proto";',
        draw(st.sampled_from(['import "google/protobuf/empty.proto";', 'import "nowhere.proto";', ""])),
        *(f"message {name} {{ {draw(fields())} }}" for name in ("Sample", "Other", "Parameters")),
        "enum Kind { KIND_UNSPECIFIED = 0; KIND_ONE = 1; }",
        f"service Node {{ {' '.join(draw(st.lists(rpcs(), max_size=4)))} }}",
        draw(st.sampled_from(["", "", "message {", "}", "\0", "option x = 1;"])),
    ]
    return "\n".join(parts)


GRAPH = """
rtmesh: 1
name: wild
protos: [wild/v1/wild.proto]
nodes:
  first: {service: wild.v1.Node, run: "nodes:First", parameters: {field3: 1, table: {a: {}}}}
  second: {service: wild.v1.Node, run: "nodes:Second", inputs: {samples: first.samples}}
"""


@few
@given(text=protos())
def test_any_contract_gives_a_graph_or_problems(text: str) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "wild" / "v1").mkdir(parents=True)
        (folder / "wild" / "v1" / "wild.proto").write_text(text)
        (folder / "graph.yaml").write_text(GRAPH)
        try:
            loaded = load_graph(folder / "graph.yaml")
        except GraphError as error:
            assert error.problems and all(problem.text for problem in error.problems)
        else:
            assert loaded.graph.nodes
