"""What a supervisor may want done for its node."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Order(IntEnum):
    """An order to the loop, as an effect; the values are the field numbers of NodeOrder."""

    START = 1
    DRAIN = 2
    STOP = 3


@dataclass(frozen=True)
class Spawn:
    """Start the loop process of this epoch."""

    epoch: int


@dataclass(frozen=True)
class Kill:
    """Send a signal to the loop process."""

    signal: int


@dataclass(frozen=True)
class AskStack:
    """Have the loop write its stack; answer with `Supervisor.stack`, in any case."""


@dataclass(frozen=True)
class LetGo:
    """The loop is dead: free its seats. Its readers become absent or gone; its outputs may end."""

    is_gone: bool
    ends_outputs: bool


@dataclass(frozen=True)
class Report:
    """Tell the scheduler the node's status."""


Effect = Order | Spawn | Kill | AskStack | LetGo | Report
