"""Tracebacks as the author of a node wants them: from their own code on."""

from __future__ import annotations

import traceback
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

from rtmesh.common.control import MESSAGE_BYTES
from rtmesh.common.errors import RtmeshError

LONGEST_REASON = 300
# Of four bytes a character at worst, it fits into one event.
LONGEST_DETAIL = MESSAGE_BYTES // 8
# Room for the line that says how much is left out.
_NOTE_CHARACTERS = 80

_OURS = str(Path(__file__).parent)


class Failure(NamedTuple):
    """An exception, told: the exception in one line, and its traceback. Both are of bounded length."""

    reason: str
    detail: str


def failure_of(error: BaseException) -> Failure:
    """Tell of an exception that user code raised, or that came of a class that cannot be used.

    Raises nothing, whatever the exception's own methods do.
    """
    text = in_words(error)
    try:
        detail = _detail(error, text)
    except BaseException as fault:
        detail = f"{text}\n(its traceback cannot be shown: {type(fault).__name__})\n"
    return Failure(_first_line(text), bounded(detail))


def in_words(error: BaseException) -> str:
    """The text of an exception; of those that are not ours, the type is half of what there is to say."""
    name = type(error).__name__
    try:
        text = str(error).strip()
    except BaseException as fault:  # __str__, or the __repr__ of an argument, is user code too
        return f"{name} (its text cannot be shown: str() raised {type(fault).__name__})"
    if not text:
        return name
    return text if isinstance(error, RtmeshError) else f"{name}: {text}"


def bounded(text: str) -> str:
    """A text that fits into an event: of a longer one, its begin and its end, which tell most."""
    # Names of files may hold what is no character, which protobuf refuses.
    text = text.encode(errors="backslashreplace").decode()
    if len(text) <= LONGEST_DETAIL:
        return text
    half = (LONGEST_DETAIL - _NOTE_CHARACTERS) // 2
    return f"{text[:half]}\n[{len(text) - 2 * half} characters are left out here]\n{text[-half:]}"


def trimmed(error: BaseException) -> BaseException:
    """The same exception, and those that led to it, without the engine's frames before user code."""
    seen: set[int] = set()
    each: BaseException | None = error
    while each is not None and id(each) not in seen:
        seen.add(id(each))
        each.__traceback__ = _user_frames(each.__traceback__) or each.__traceback__
        each = each.__cause__ or each.__context__
    return error


def _detail(error: BaseException, text: str) -> str:
    if isinstance(error, RtmeshError) and _user_frames(error.__traceback__) is None:
        return f"{text}\n"  # where in the engine it was found helps nobody
    return "".join(traceback.format_exception(trimmed(error)))


def _first_line(text: str) -> str:
    line = bounded(text.splitlines()[0])
    return line if len(line) <= LONGEST_REASON else f"{line[: LONGEST_REASON - 1]}…"


def _user_frames(frames: TracebackType | None) -> TracebackType | None:
    """The traceback from the first frame that is not the engine's; None if there is none."""
    while frames is not None and _is_ours(frames.tb_frame.f_code.co_filename):
        frames = frames.tb_next
    return frames


def _is_ours(path: str) -> bool:
    return path.startswith((_OURS, "<frozen importlib")) or path.endswith("importlib/__init__.py")
