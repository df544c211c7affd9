"""What can go wrong with a node, beyond what its own code raises.

RtmeshError
└── InvalidArgumentError
    ├── NodeDefinitionError     the class does not fit its contract; every problem at once
    ├── OutputLimitError        a message is bigger than its output allows
    └── ParametersRefusedError  a Configure that changes nothing
BaseException
└── StopRequested               unwinds a waiting send; not for user code to catch
"""

from __future__ import annotations

from collections.abc import Sequence

from rtmesh.common.errors import InvalidArgumentError


class NodeDefinitionError(InvalidArgumentError):
    """A node class does not fit its contract or its graph.

    Args:
        problems: one sentence each, naming the class, the port and the remedy.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = list(problems)


class OutputLimitError(InvalidArgumentError):
    """A message is bigger than its output's `max_bytes`."""


class ParametersRefusedError(InvalidArgumentError):
    """Parameters that were not taken; nothing changed."""


class StopRequested(BaseException):
    """The graph stops while a send waits.

    No Exception, so that `except Exception` in a callback does not swallow the stop.
    """
