"""Structured logs: lines for people on a terminal, JSON elsewhere, always on stderr."""

from __future__ import annotations

import sys

import structlog


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
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
    )
    context = {"component": component} | ({"machine": machine} if machine else {})
    structlog.contextvars.bind_contextvars(**context)
