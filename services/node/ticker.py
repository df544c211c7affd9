"""@every at run time: absolute deadlines. Pure: no clock."""

from __future__ import annotations

from collections.abc import Callable

_SECOND_NS = 1_000_000_000


class Ticker:
    """One @every method and its deadlines.

    Attributes:
        period_ns: from call to call; 0: as fast as it goes.
        deadline_ns: of the next call; None before the start and for period 0.
        overruns: deadlines that passed before the call could run.
    """

    def __init__(self, callback: Callable[[], object], period_ns: int = 0) -> None:
        self.callback = callback
        self.period_ns = period_ns
        self.deadline_ns: int | None = None
        self.overruns = 0
        self._is_started = False

    def start(self, now_ns: int) -> None:
        """The first deadline is one period from now."""
        self._is_started = True
        self.deadline_ns = now_ns + self.period_ns if self.period_ns else None

    def is_due(self, now_ns: int) -> bool:
        return self.deadline_ns is not None and self.deadline_ns <= now_ns

    def pass_deadline(self, now_ns: int) -> None:
        """The call for the deadline runs now: count those that it is too late for, and set the next."""
        if self.deadline_ns is None:
            return
        missed = (now_ns - self.deadline_ns) // self.period_ns
        self.overruns += missed
        self.deadline_ns += (missed + 1) * self.period_ns

    def set_period(self, period_ns: int, now_ns: int) -> None:
        """Change the rate: the next call is a new period after the last deadline, or now if that is past."""
        if period_ns == self.period_ns:
            return
        last_ns = now_ns if self.deadline_ns is None else self.deadline_ns - self.period_ns
        self.period_ns = period_ns
        if self._is_started:
            self.deadline_ns = max(last_ns + period_ns, now_ns) if period_ns else None


def period_of_rate_ns(hz: float) -> int:
    """The period of a rate; 0 for infinity. ValueError if it is not above 0, or above 1e9."""
    if hz == float("inf"):
        return 0
    if not 0 < hz <= _SECOND_NS:
        raise ValueError(f"a rate of {hz} Hz: give one above 0, up to 1e9, or infinity")
    return round(_SECOND_NS / hz)
