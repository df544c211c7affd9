"""Values that users type, and errors as users see them."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click

_UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


class Duration(click.ParamType[float]):
    """A time such as 500ms, 20s, 5m or 1h, in seconds."""

    name = "duration"

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> float:
        match = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|m|h)", str(value))
        if match is None or float(match[1]) == 0:
            self.fail(f"{value!r} is no time; write for example 500ms, 20s, 5m", parameter, context)
        return float(match[1]) * _UNITS_S[match[2]]


class Setting(click.ParamType[tuple[str, str]]):
    """NODE.PARAMETER=VALUE."""

    name = "node.parameter=value"

    def convert(
        self, value: Any, parameter: click.Parameter | None, context: click.Context | None
    ) -> tuple[str, str]:
        match = re.fullmatch(r"([^.=\s]+\.[^=\s]+)=(.*)", str(value), re.DOTALL)
        if match is None:
            self.fail(
                f"{value!r} is not NODE.PARAMETER=VALUE, for example pointer.source=autopilot", parameter
            )
        return match[1], match[2]


def settings_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --set NODE.PARAMETER=VALUE."""
    return click.option(
        "--set",
        "settings",
        type=Setting(),
        multiple=True,
        metavar="NODE.PARAMETER=VALUE",
        help="Set a parameter over what the graph says; may be given many times.",
    )(command)


@contextmanager
def errors_told() -> Iterator[None]:
    """Turn the errors that rtmesh raises into words on stderr and exit status 1."""
    from rtmesh.common.errors import RtmeshError

    try:
        yield
    except RtmeshError as error:
        fail(str(error))


def fail(text: str) -> None:
    """Print an error and exit with status 1."""
    for line in text.splitlines():
        click.echo(f"error: {line}" if not line.startswith(" ") else line, err=True)
    sys.exit(1)
