"""Times as people and programs read them: local time and age, or ISO 8601."""

from __future__ import annotations

import time
from datetime import UTC, datetime

_SECOND_NS = 1_000_000_000


def clock_text(time_ns: int) -> str:
    """Local time, HH:MM:SS; "-" for a time that has not come."""
    if not time_ns:
        return "-"
    return datetime.fromtimestamp(time_ns / _SECOND_NS).astimezone().strftime("%H:%M:%S")


def iso_text(time_ns: int) -> str | None:
    """ISO 8601 in UTC, to the microsecond; None for a time that has not come."""
    if not time_ns:
        return None
    seconds, rest_ns = divmod(time_ns, _SECOND_NS)
    moment = datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest_ns // 1000)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def age_text(time_ns: int, now_ns: int | None = None) -> str:
    """How long ago that was: 5s, 3m20s, 4h05m, 12d; "-" for a time that has not come."""
    if not time_ns:
        return "-"
    seconds = max(0, (time.time_ns() if now_ns is None else now_ns) - time_ns) // _SECOND_NS
    if seconds < 60:
        return f"{seconds}s"
    if seconds < 3600:
        return f"{seconds // 60}m{seconds % 60:02}s"
    return f"{seconds // 3600}h{seconds // 60 % 60:02}m" if seconds < 86400 else f"{seconds // 86400}d"


def clock_and_age(time_ns: int, now_ns: int | None = None) -> str:
    """12:00:03 (5s ago)."""
    return f"{clock_text(time_ns)} ({age_text(time_ns, now_ns)} ago)" if time_ns else "-"
