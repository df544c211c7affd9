"""The decorators that say when a method of a node is called: @on and @every.

They only note what is asked for; `definition` checks it against the contract, so that everything
wrong with a class is told at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

Method = TypeVar("Method", bound=Callable[..., Any])
Rate = float | str | Callable[[Any], float]

_MARK = "__rtmesh_trigger__"


@dataclass(frozen=True)
class OnSpec:
    """What @on was given."""

    inputs: tuple[str, ...]
    join: str | None = None
    window: int | str | None = None

    def __str__(self) -> str:
        options = [
            f"{key}={value!r}" for key in ("join", "window") if (value := getattr(self, key)) is not None
        ]
        return f"@on({', '.join([*(repr(name) for name in self.inputs), *options])})"


@dataclass(frozen=True)
class EverySpec:
    """What @every was given. Neither rate nor period: as fast as it goes."""

    hz: Rate | None = None
    period: str | None = None

    def __str__(self) -> str:
        options = [
            f"{key}={_shown(value)}" for key in ("hz", "period") if (value := getattr(self, key)) is not None
        ]
        return f"@every({', '.join(options)})"


Spec = OnSpec | EverySpec


def on(*inputs: str, join: str | None = None, window: int | str | None = None) -> Callable[[Method], Method]:
    """Call the method for messages on an input.

    Args:
        inputs: names of input ports. One: called once for each message.
        join: "origin", with two inputs or more: called with the k-th message of one origin on
            each input, in the order of `inputs`. The messages of one origin must arrive in order.
            At most the input's `queue` messages wait for their partners: then a `block` input
            holds its writer, and another gives up its oldest. What finds no partner is counted
            (`unjoined`).
        window: a number of messages, or a duration of origin time such as "20ms": called with a
            Window of just so many messages, or of that time. Windows do not overlap.

    The first argument of the method after `self` is the message (or Window); its arrays are
    views that are valid during the call. A kept one pins its memory.
    """
    if len(inputs) == 1 and callable(inputs[0]):
        raise TypeError('write @on("INPUT"), with the name of an input')
    return _marker(OnSpec(inputs, join, window))


def every(*, hz: Rate | None = None, period: str | None = None) -> Callable[[Method], Method]:
    """Call the method again and again while the graph runs.

    Args:
        hz: calls a second; or "parameter:NAME", or a function of the parameters: read again
            when the parameters change. Infinity: as fast as it goes.
        period: time from call to call, such as "5ms", instead of `hz`.

    Deadlines are absolute: the first is one period after the start, and a late call does not
    move those after it. Deadlines that passed before the call could run are skipped and
    counted (`overruns`). Without `hz` and `period` the method is called again at once whenever
    nothing else is due; that is how a source runs as fast as it goes. It ends by finish(), or
    when the graph drains.
    """
    return _marker(EverySpec(hz, period))


def spec_of(function: object) -> Spec | None:
    """What a method was decorated with, if it was."""
    return getattr(function, _MARK, None)


def _shown(value: Rate) -> str:
    """As it stands in the code: a function by its name, without the address."""
    return getattr(value, "__name__", type(value).__name__) if callable(value) else repr(value)


def _marker(spec: Spec) -> Callable[[Method], Method]:
    def mark(function: Method) -> Method:
        if spec_of(function) is not None:
            raise TypeError(f"{function.__name__} has {spec_of(function)} already; write one method for each")
        setattr(function, _MARK, spec)
        return function

    return mark
