"""Values that users type, and errors as users see them."""

from __future__ import annotations

import functools
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click

from rtmesh.cli.connection import Session as Session
from rtmesh.cli.contexts import check_address, load_contexts
from rtmesh.common.cpus import check_loop_cpus
from rtmesh.common.errors import InvalidArgumentError, RtmeshError

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


class LoopCpus(click.ParamType[str]):
    """auto, any, or a list of CPUs."""

    name = "auto|any|list"

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> str:
        try:
            check_loop_cpus(str(value))
        except RtmeshError as error:
            self.fail(str(error).removeprefix("--loop-cpus: "), parameter, context)
        return str(value)


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


def form_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add -o text|json: the verb gets `form`."""
    return click.option(
        "-o",
        "--output",
        "form",
        type=click.Choice(["text", "json"]),
        default="text",
        help="text (the default) for people; json: one object a line, for programs.",
    )(command)


def timeout_option(words: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add --timeout TIME, of a minute unless it is given: the verb gets `timeout_s`; `words` are its help."""
    return click.option(
        "--timeout",
        "timeout_s",
        type=Duration(),
        default="60s",
        show_default=True,
        metavar="TIME",
        help=words,
    )


class Address(click.ParamType[str]):
    """HOST:PORT or unix:PATH.

    Args:
        is_listened_on: whether port 0, any free one, is an answer too.
    """

    name = "address"

    def __init__(self, *, is_listened_on: bool = False) -> None:
        self._lowest_port = 0 if is_listened_on else 1

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> str:
        if value == "":
            return ""  # not given
        try:
            check_address(str(value), self._lowest_port)
        except InvalidArgumentError as error:
            self.fail(str(error), parameter, context)
        return str(value)


def complete_contexts(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Names of contexts; none if they cannot be read."""
    try:
        return [name for name in sorted(load_contexts().addresses) if name.startswith(incomplete)]
    except RtmeshError:
        return []


def scheduler_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --scheduler and --context; the verb gets `session`, a Session that is closed when it returns.

    Errors that rtmesh raises in the verb are told and end it with exit status 1.
    """

    @click.option(
        "--scheduler",
        type=Address(),
        default="",
        metavar="ADDRESS",
        help="HOST:PORT or unix:PATH of the scheduler [$MESHCTL_SCHEDULER, else the context's].",
    )
    @click.option(
        "--context",
        "context_name",
        default="",
        metavar="NAME",
        shell_complete=complete_contexts,
        help="The context whose scheduler to use [$MESHCTL_CONTEXT, else the current one].",
    )
    @functools.wraps(command)
    def with_session(scheduler: str, context_name: str, **given: Any) -> Any:
        if scheduler and context_name:
            raise click.UsageError("--scheduler and --context both name a scheduler: give one of them")
        with errors_told(), Session(scheduler, context_name) as session:
            return command(session=session, **given)

    return with_session


@contextmanager
def errors_told() -> Iterator[None]:
    """Turn the errors that rtmesh raises into words on stderr and exit status 1."""
    try:
        yield
    except RtmeshError as error:
        fail(str(error))


def fail(text: str) -> None:
    """Print an error and exit with status 1."""
    for line in text.splitlines():
        click.echo(f"error: {line}" if not line.startswith(" ") else line, err=True)
    sys.exit(1)
