"""Structured logs: lines for people on a terminal, JSON elsewhere, always on stderr."""

from __future__ import annotations

import contextlib
import io
import sys
from typing import Any, TextIO, cast

# structlog imports rich, if it is there, to draw tracebacks. Ours are text; rich takes as long to import as
# all the rest of structlog, and stays in the memory of every process that logs.
_is_rich_hidden = "rich" not in sys.modules
if _is_rich_hidden:
    sys.modules["rich"] = None  # type: ignore[assignment]
import structlog  # noqa: E402

if _is_rich_hidden:
    del sys.modules["rich"]


class _Tolerant(io.TextIOBase):
    """stderr, but for one thing: a full disk below it must not end who only wanted to tell something."""

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError):
            sys.stderr.write(text)
        return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            sys.stderr.flush()


def get_logger() -> Any:
    """A logger; to be had here, so that structlog comes as above."""
    return structlog.get_logger()


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
