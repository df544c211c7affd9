"""The errors that rtmesh raises, each with a remedy.

RtmeshError
├── InvalidArgumentError      what was asked is wrong in itself
│   └── ProblemsError         … in several places, all of them listed
├── NotFoundError
├── AlreadyExistsError
├── FailedPreconditionError   right, but not now
├── AbortedError              somebody else took over
├── ResourceExhaustedError
├── UnavailableError          the other side cannot be reached
├── DeadlineExceededError
└── UnimplementedError
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rtmesh.v1.status_pb2 import Problem


class RtmeshError(Exception):
    """An error with what to do about it.

    Args:
        message: what is wrong, naming the thing and its value.
        remedy: what to do next; empty if the message says it.
    """

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}: {self.remedy}" if self.remedy else self.message


class InvalidArgumentError(RtmeshError):
    """What was asked is wrong in itself."""


class NotFoundError(RtmeshError):
    """There is no such thing."""


class AlreadyExistsError(RtmeshError):
    """There is one already."""


class FailedPreconditionError(RtmeshError):
    """Right in itself, but not in the present state."""


class AbortedError(RtmeshError):
    """Somebody else took over what was under way."""


class ResourceExhaustedError(RtmeshError):
    """A limit was reached."""


class UnavailableError(RtmeshError):
    """The other side cannot be reached; trying again may help."""


class DeadlineExceededError(RtmeshError):
    """No answer within the time that was given."""


class UnimplementedError(RtmeshError):
    """The other side does not offer this."""


class ProblemsError(InvalidArgumentError):
    """Several problems at once, each with its place and remedy."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(describe_problem(problem) for problem in problems))
        self.problems = list(problems)


def describe_problem(problem: Problem) -> str:
    """One line: where, path, what, and the remedy."""
    head = ": ".join(part for part in (problem.where, problem.path, problem.text) if part)
    return f"{head}; {problem.remedy}" if problem.remedy else head
