"""Structured logs: lines for people on a terminal, JSON elsewhere, always on stderr."""

from __future__ import annotations

import contextlib
import io
import sys
from typing import TextIO, cast

import structlog


class _Tolerant(io.TextIOBase):
    """stderr, but for one thing: a full disk below it must not end who only wanted to tell something."""

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError):
            sys.stderr.write(text)
        return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            sys.stderr.flush()


def configure(component: str, machine: str | None = None) -> None:
    """Set up structlog for this process; every line names the component and the machine."""
    renderer = structlog.dev.ConsoleRenderer() if sys.stderr.isatty() else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info,
            renderer,
        ],
        logger_factory=structlog.PrintLoggerFactory(file=cast(TextIO, _Tolerant())),
    )
    context = {"component": component} | ({"machine": machine} if machine else {})
    structlog.contextvars.bind_contextvars(**context)
