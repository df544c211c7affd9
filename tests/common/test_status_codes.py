"""Errors keep their kind on the way through gRPC."""

from __future__ import annotations

import grpc
import pytest

from rtmesh.common import errors, status_codes
from rtmesh.v1 import status_pb2

KINDS = [
    errors.InvalidArgumentError,
    errors.NotFoundError,
    errors.AlreadyExistsError,
    errors.FailedPreconditionError,
    errors.ResourceExhaustedError,
    errors.DeadlineExceededError,
    errors.UnimplementedError,
]


class FakeRpcError(grpc.RpcError):
    def __init__(self, code: grpc.StatusCode, details: str) -> None:
        super().__init__()
        self._code, self._details = code, details

    def code(self) -> grpc.StatusCode:
        return self._code

    def details(self) -> str:
        return self._details

    def trailing_metadata(self) -> tuple[tuple[str, str], ...]:
        return ()


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_comes_back_as_it_went(kind: type[errors.RtmeshError]) -> None:
    sent = kind("no such thing", "make one")
    got = status_codes.from_rpc_error(FakeRpcError(status_codes.code_of(sent), str(sent)))

    assert type(got) is kind
    assert str(got) == "no such thing: make one"


def test_an_unreachable_address_is_named() -> None:
    error = FakeRpcError(grpc.StatusCode.UNAVAILABLE, "connection refused")

    assert "localhost:7000" in str(status_codes.from_rpc_error(error, "localhost:7000"))


@pytest.mark.parametrize(
    ("details", "cause"),
    [
        ("DNS resolution failed for x:1: [qtype=A: Domain name not found])", "Domain name not found"),
        ("failed to connect: Connection refused (111)", "Connection refused (111)"),
    ],
)
def test_the_cause_is_told_without_what_grpc_put_around_it(details: str, cause: str) -> None:
    error = FakeRpcError(grpc.StatusCode.UNAVAILABLE, details)

    assert f"x:1 ({cause})" in str(status_codes.from_rpc_error(error, "x:1"))


def test_problems_are_an_invalid_argument_with_a_line_each() -> None:
    problems = [status_pb2.Problem(where="g.yaml:3:5", path="nodes.a", text="bad", remedy="mend it")] * 2
    error = errors.ProblemsError(problems)

    assert status_codes.code_of(error) is grpc.StatusCode.INVALID_ARGUMENT
    assert str(error) == "g.yaml:3:5: nodes.a: bad; mend it\n" * 1 + "g.yaml:3:5: nodes.a: bad; mend it"


def test_what_is_not_ours_is_unknown() -> None:
    assert status_codes.code_of(ValueError("x")) is grpc.StatusCode.UNKNOWN
    assert status_codes.code_from_number(99) is grpc.StatusCode.UNKNOWN
    assert status_codes.code_from_number(3) is grpc.StatusCode.INVALID_ARGUMENT
