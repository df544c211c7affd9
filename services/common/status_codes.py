"""The one place where errors become gRPC status codes and back."""

from __future__ import annotations

from typing import NoReturn

import grpc

from rtmesh.common import errors

_CODES: dict[type[errors.RtmeshError], grpc.StatusCode] = {
    errors.InvalidArgumentError: grpc.StatusCode.INVALID_ARGUMENT,
    errors.NotFoundError: grpc.StatusCode.NOT_FOUND,
    errors.AlreadyExistsError: grpc.StatusCode.ALREADY_EXISTS,
    errors.FailedPreconditionError: grpc.StatusCode.FAILED_PRECONDITION,
    errors.AbortedError: grpc.StatusCode.ABORTED,
    errors.ResourceExhaustedError: grpc.StatusCode.RESOURCE_EXHAUSTED,
    errors.UnavailableError: grpc.StatusCode.UNAVAILABLE,
    errors.DeadlineExceededError: grpc.StatusCode.DEADLINE_EXCEEDED,
    errors.UnimplementedError: grpc.StatusCode.UNIMPLEMENTED,
}
_ERRORS = {code: kind for kind, code in _CODES.items()}
_SAID = "rtmesh-said"
# The trailing metadata of each status that is ours.
SAID = ((_SAID, "1"),)
# google.rpc.Codes: of a call that its own side has ended, and of one that ended without a status.
CANCELLED = int(grpc.StatusCode.CANCELLED.value[0])
UNKNOWN = int(grpc.StatusCode.UNKNOWN.value[0])
_BY_NUMBER = {code.value[0]: code for code in grpc.StatusCode}


def code_of(error: BaseException) -> grpc.StatusCode:
    """The status code for an error; UNKNOWN for what is not ours."""
    for kind in type(error).__mro__:
        if kind in _CODES:
            return _CODES[kind]
    return grpc.StatusCode.UNKNOWN


def number_of(error: BaseException) -> int:
    """The google.rpc.Code of an error."""
    return int(code_of(error).value[0])


def code_from_number(number: int) -> grpc.StatusCode:
    """The status code with google.rpc.Code `number`; UNKNOWN if there is none."""
    return _BY_NUMBER.get(number, grpc.StatusCode.UNKNOWN)


def error_from_number(number: int, text: str) -> errors.RtmeshError:
    """The error that the google.rpc.Code `number` stands for."""
    return _ERRORS.get(code_from_number(number), errors.RtmeshError)(text)


def error_of_status(number: int, details: str) -> errors.RtmeshError:
    """The error that a status tells of."""
    return error_from_number(number, details or code_from_number(number).name)


async def abort_with(context: grpc.aio.ServicerContext, error: errors.RtmeshError) -> NoReturn:
    """End an rpc with the status of `error`."""
    await context.abort(code_of(error), str(error), trailing_metadata=SAID)
    raise AssertionError("abort raises")


def was_said(error: grpc.RpcError) -> bool:
    """Whether the other side ended the rpc with this status; else gRPC made it up on this side."""
    return any(key == _SAID for key, _ in error.trailing_metadata() or ())


def from_rpc_error(error: grpc.RpcError, address: str = "") -> errors.RtmeshError:
    """The error that a failed rpc tells of; where nobody answered, it names the address."""
    code, details = error.code(), error.details() or ""
    if code is grpc.StatusCode.UNAVAILABLE and address and not was_said(error):
        # gRPC tells the cause last, after all that it tried.
        cause = _without_loose_ends(details.rpartition(": ")[2])
        return errors.UnavailableError(
            f"nobody answers at {address} ({cause})", "check that it runs and that the address is right"
        )
    return _ERRORS.get(code, errors.RtmeshError)(details or code.name)


def _without_loose_ends(text: str) -> str:
    """Without the brackets at its end that were opened before it."""
    pairs = {")": "(", "]": "["}
    while text[-1:] in pairs and text.count(text[-1]) > text.count(pairs[text[-1]]):
        text = text[:-1]
    return text


def abort_now(context: grpc.ServicerContext, error: errors.RtmeshError) -> NoReturn:
    """As abort_with, in a server without an event loop."""
    context.set_trailing_metadata(SAID)
    context.abort(code_of(error), str(error))
    raise AssertionError("abort raises")
