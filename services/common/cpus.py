"""Sets of CPUs as people write them: 2,3 or 2-5, in the order of their numbers."""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Iterable

from rtmesh.common.errors import FailedPreconditionError, InvalidArgumentError

AUTO = "auto"
ANY = "any"
_PART = re.compile(r"(\d{1,6})(?:-(\d{1,6}))?", re.ASCII)
_MOST = 65536  # the kernel's own numbers end long before


def parse_cpus(text: str) -> frozenset[int]:
    """The CPUs of a list. Raises InvalidArgumentError if it is none."""
    cpus: set[int] = set()
    for part in text.split(","):
        match = _PART.fullmatch(part.strip())
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if not first <= last < _MOST:
            raise InvalidArgumentError(f"{text!r} is no list of CPUs", "write for example 2,3 or 2-5")
        cpus.update(range(first, last + 1))
    return frozenset(cpus)


def listed_cpus(loop_cpus: str) -> frozenset[int]:
    """The CPUs that --loop-cpus lists; none if it is auto or any."""
    return frozenset() if loop_cpus in (AUTO, ANY) else parse_cpus(loop_cpus)


def cpus_text(cpus: Iterable[int]) -> str:
    """0-2,5; empty if there are none."""
    runs = itertools.groupby(enumerate(sorted(cpus)), lambda item: item[1] - item[0])
    ends = [[cpu for _, cpu in run] for _, run in runs]
    return ",".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in ends)


def check_loop_cpus(text: str) -> None:
    """Whether --loop-cpus may be so on this computer.

    Raises:
        InvalidArgumentError: it is neither auto, any nor a list.
        FailedPreconditionError: a CPU of the list is not there, or not for this process.
    """
    if text in (AUTO, ANY):
        return
    try:
        asked = parse_cpus(text)
    except InvalidArgumentError as error:
        raise InvalidArgumentError(
            f"--loop-cpus: {text!r} is neither {AUTO}, {ANY} nor a list of CPUs", error.remedy
        ) from error
    allowed = os.sched_getaffinity(0)
    if missing := asked - allowed:
        raise FailedPreconditionError(
            f"--loop-cpus: CPU {cpus_text(missing)} does not exist or may not be used here",
            f"choose among {cpus_text(allowed)}, or change what taskset or the control group allows",
        )
