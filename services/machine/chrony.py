"""Whether chrony keeps this machine's wall clock, and how well: `chronyc -c tracking`, read now and then.

Mesh time needs no chrony. It is told because chrony also trims the rate of CLOCK_MONOTONIC, and because who
compares recordings with the outside world wants to know.
"""

from __future__ import annotations

import subprocess

from rtmesh.v1 import status_pb2

COMMAND = ("chronyc", "-c", "tracking")
TIMEOUT_S = 2.0
# Places in the line of comma-separated values; it has 14.
_REFERENCE_ID, _REFERENCE, _STRATUM, _OFFSET_S, _LEAP = 0, 1, 2, 4, 13
_NO_REFERENCE = "00000000"
_LEAPS = {"Normal", "Insert second", "Delete second"}
_MOST_STRATUM = 16


def parse_tracking(text: str) -> status_pb2.ChronyStatus | None:
    """What a line says; None if it is not what chronyc prints."""
    fields = text.strip().split(",")
    try:
        stratum, offset_ns = int(fields[_STRATUM]), round(float(fields[_OFFSET_S]) * 1e9)
        is_synchronised = fields[_LEAP] in _LEAPS and fields[_REFERENCE_ID] != _NO_REFERENCE
        if not 0 <= stratum < _MOST_STRATUM:
            return None
        return status_pb2.ChronyStatus(
            synchronised=is_synchronised,
            reference=fields[_REFERENCE],
            stratum=stratum,
            offset_ns=offset_ns,
        )
    except (IndexError, ValueError, OverflowError):
        return None


def read_tracking(command: tuple[str, ...] = COMMAND) -> status_pb2.ChronyStatus | None:
    """Ask chrony, for at most two seconds; None if it is not installed or does not run."""
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            stdin=subprocess.DEVNULL,
            timeout=TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return parse_tracking(done.stdout) if done.returncode == 0 else None
