"""Protos that compile, or do not, and services that are no contract. Edits are made to data/rig/v1/rig.proto."""

# ruff: noqa: E501 - one line for each bad proto, so that they read as a table

from __future__ import annotations

from collections.abc import Callable

import pytest

SAMPLES = "rpc Samples(stream rtmesh.v1.Credit) returns (stream Sample);"
CONFIGURE = "rpc Configure(SourceParameters) returns (SourceParameters);"
HEADER = "  rtmesh.v1.Header header = 1;\n  rtmesh.v1.Tensor data = 2;"

BAD = [
    # What protoc says.
    ("message Limits {", "message Limits", 'rig/v1/rig.proto:70:3: Expected "{"'),
    ("Limits limits = 4;", "Limit limits = 4;", 'rig/v1/rig.proto:51:3: "Limit" is not defined'),
    ("Tensor data", "Tenser data", 'rig/v1/rig.proto:30:3: "rtmesh.v1.Tenser" is not defined'),
    ("float high = 2", "float high = 1", 'rig/v1/rig.proto:71:16: Field number 1 has already been used'),
    ('import "google/protobuf/duration', 'import "google/protobuf/durations', "google/protobuf/durations.proto: File not found; imports are found in the graph's folder and in python_path"),
    ("rpc Calibrate(", "rpc CalibrateRequest(", '"CalibrateRequest" is not a message type; an rpc of the same name hides a message: rename one of them'),
    # Ports.
    (SAMPLES, "rpc Samples(rtmesh.v1.Credit) returns (stream Sample);", "rig/v1/rig.proto:10:3: rig.v1.Source.Samples: streams only one way, so it is neither a port nor a method; an input is `(stream T) returns (stream rtmesh.v1.Credit)`"),
    (SAMPLES, "rpc Samples(stream rtmesh.v1.Credit) returns (Sample);", "rig/v1/rig.proto:10:3: rig.v1.Source.Samples: streams only one way"),
    (SAMPLES, "rpc Samples(stream Sample) returns (stream Sample);", "rig/v1/rig.proto:10:3: rig.v1.Source.Samples: has Credit on neither side, so its direction is unknown"),
    (SAMPLES, "rpc Samples(stream rtmesh.v1.Credit) returns (stream rtmesh.v1.Credit);", "rig/v1/rig.proto:10:3: rig.v1.Source.Samples: has Credit on both sides, so its direction is unknown"),
    (SAMPLES, f"{SAMPLES} rpc samples(stream rtmesh.v1.Credit) returns (stream Sample);", "rig/v1/rig.proto:10:65: rig.v1.Source.samples: is called samples in snake_case, as Samples is; rename one of the two"),
    (SAMPLES, f"{SAMPLES} rpc {'S' * 64}(stream rtmesh.v1.Credit) returns (stream Sample);", "the name has 64 characters; use at most 63"),
    # Messages.
    (HEADER, "  rtmesh.v1.Tensor data = 2;", "rig/v1/rig.proto:28:1: rig.v1.Sample: is sent on a port, but its field 1 is not the header; make its first field `rtmesh.v1.Header header = 1;`"),
    (HEADER, "  rtmesh.v1.Header header = 2;", "rig.v1.Sample: is sent on a port, but its field 1 is not the header"),
    (HEADER, "  rtmesh.v1.Header head = 1;", "rig.v1.Sample: is sent on a port, but its field 1 is not the header"),
    (HEADER, "  repeated rtmesh.v1.Header header = 1;", "rig.v1.Sample: is sent on a port, but its field 1 is not the header"),
    (HEADER, "  rtmesh.v1.Tensor header = 1;", "rig.v1.Sample: is sent on a port, but its field 1 is not the header"),
    (HEADER, "  oneof of { rtmesh.v1.Header header = 1; float x = 2; }", "rig.v1.Sample: is sent on a port, but its field 1 is not the header"),
    (SAMPLES, "rpc Samples(stream rtmesh.v1.Credit) returns (stream TargetPoint.Point);", "rig/v1/rig.proto:40:3: rig.v1.TargetPoint.Point: is sent on a port, but its field 1 is not the header"),
    # Parameters.
    ("optional int32 rate", "int32 rate", "rig/v1/rig.proto:48:3: rig.v1.SourceParameters.rate: is a parameter that cannot be left unset; declare it `optional`: unset keeps the value of rate, 0 is a value"),
    ("optional Mode mode", "Mode mode", "rig/v1/rig.proto:49:3: rig.v1.SourceParameters.mode: is a parameter that cannot be left unset"),
    ("optional bytes key", "bytes key", "rig/v1/rig.proto:54:3: rig.v1.SourceParameters.key: is a parameter that cannot be left unset"),
    (CONFIGURE, "rpc Configure(SourceParameters) returns (Limits);", "rig/v1/rig.proto:11:3: rig.v1.Source.Configure: takes rig.v1.SourceParameters and returns rig.v1.Limits; take and return the same message"),
    (CONFIGURE, "rpc Configure(stream SourceParameters) returns (SourceParameters);", "rig.v1.Source.Configure: streams only one way"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "problem"), BAD, ids=[problem[:70] for _, _, problem in BAD])
def test_a_bad_proto_is_told_with_its_place(
    old: str, new: str, problem: str, proto_problems: Callable[..., list[str]]
) -> None:
    problems = proto_problems((old, new))

    assert any(problem in told for told in problems), problems


def test_every_problem_of_a_contract_is_told_at_once(proto_problems: Callable[..., list[str]]) -> None:
    problems = proto_problems(
        ("optional int32 rate", "int32 rate"),
        ("optional bool dry", "bool dry"),
        (HEADER, "  rtmesh.v1.Tensor data = 2;"),
        (
            "rpc Target(stream rtmesh.v1.Credit) returns (stream TargetPoint);",
            "rpc Target(stream TargetPoint) returns (TargetPoint);",
        ),
    )

    assert [problem.split(": ")[1] for problem in problems] == [
        "rig.v1.Sample",
        "rig.v1.SourceParameters.rate",
        "rig.v1.SourceParameters.dry",
        "rig.v1.Sink.Target",
    ]


def test_scalars_of_messages_within_parameters_need_not_be_optional(
    proto_problems: Callable[..., list[str]],
) -> None:
    assert proto_problems(("float low = 1;", "float low = 1; bool is_open = 3;")) == []


def test_a_service_that_no_node_has_may_be_of_any_shape(proto_problems: Callable[..., list[str]]) -> None:
    other = "service Other { rpc Watch(Sample) returns (stream Sample); }"
    assert proto_problems(("service Source {", f"{other}\nservice Source {{")) == []


def test_a_warning_of_protoc_is_no_problem(proto_problems: Callable[..., list[str]]) -> None:
    unused = 'import "google/protobuf/empty.proto";\n'
    assert proto_problems(('import "rtmesh', unused + 'import "rtmesh')) == []
