"""Tracebacks as the author of a node wants them: from their own code on."""

from __future__ import annotations

import traceback
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

from rtmesh.common.errors import RtmeshError

_OURS = str(Path(__file__).parent)


class Failure(NamedTuple):
    """An exception, told: the exception in one line, and its traceback."""

    reason: str
    detail: str


def failure_of(error: BaseException) -> Failure:
    """Tell of an exception that user code raised, or that came of a class that cannot be used."""
    if isinstance(error, RtmeshError) and _user_frames(error.__traceback__) is None:
        return Failure(_reason(error), f"{error}\n")  # where in the engine it was found helps nobody
    return Failure(_reason(error), "".join(traceback.format_exception(trimmed(error))))


def trimmed(error: BaseException) -> BaseException:
    """The same exception, and those that led to it, without the engine's frames before user code."""
    seen: set[int] = set()
    each: BaseException | None = error
    while each is not None and id(each) not in seen:
        seen.add(id(each))
        each.__traceback__ = _user_frames(each.__traceback__) or each.__traceback__
        each = each.__cause__ or each.__context__
    return error


def _reason(error: BaseException) -> str:
    # An error of ours says all in its text; of others the type is half of what there is to say.
    first_line = (str(error).splitlines() or [""])[0]
    if isinstance(error, RtmeshError) and first_line:
        return first_line
    name = type(error).__name__
    return f"{name}: {first_line}" if first_line else name


def _user_frames(frames: TracebackType | None) -> TracebackType | None:
    """The traceback from the first frame that is not the engine's; None if there is none."""
    while frames is not None and _is_ours(frames.tb_frame.f_code.co_filename):
        frames = frames.tb_next
    return frames


def _is_ours(path: str) -> bool:
    return path.startswith((_OURS, "<frozen importlib")) or path.endswith("importlib/__init__.py")
