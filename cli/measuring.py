"""One `meshctl hz`: read, tell once a second, sum up."""

from __future__ import annotations

import queue
import threading
import time
from typing import Any

import click

from rtmesh.cli.messages import to_json
from rtmesh.cli.reading import ReadOutput
from rtmesh.cli.sequences import Pace, PaceMeter, SequenceWatch
from rtmesh.common.errors import RtmeshError

_EVERY_S = 1.0


class Measurement:
    """Measures the pace of an output.

    Args:
        window: how many intervals each line looks at.
        form: "text", or "json" for an object a line.
    """

    def __init__(self, output: ReadOutput, window: int, form: str) -> None:
        self._output = output
        self._form = form
        self._meter = PaceMeter(window)
        self._watch = SequenceWatch()
        # A thread reads, because a line is due each second also when nothing comes.
        self._news: queue.SimpleQueue[tuple[Any, int] | RtmeshError | None] = queue.SimpleQueue()
        threading.Thread(target=self._read, name="hz", daemon=True).start()

    def run(self, duration_s: float | None) -> None:
        """Measure until the stream ends, or for `duration_s`. Raises what broke the stream."""
        next_s = time.monotonic() + _EVERY_S
        end_s = time.monotonic() + duration_s if duration_s is not None else float("inf")
        while (now_s := time.monotonic()) < end_s:
            if now_s >= next_s:
                next_s += _EVERY_S
                self._tell("window", self._meter.newest())
            try:
                news = self._news.get(timeout=max(0.0, min(next_s, end_s) - now_s))
            except queue.Empty:
                continue
            if news is None:
                click.echo(f"{self._output.full_name} has ended", err=True)
                return
            self._note(news)

    def conclude(self) -> None:
        """Tell the sum of it all."""
        self._tell("all", self._meter.total())

    def _note(self, news: tuple[Any, int] | RtmeshError) -> None:
        if isinstance(news, RtmeshError):
            raise news
        header, byte_count = news
        if said := self._watch.note(header):
            click.echo(said, err=True)
        self._meter.note(header, byte_count)

    def _read(self) -> None:
        try:
            for message in self._output:
                self._news.put((message.header, message.ByteSize()))
            self._news.put(None)
        except RtmeshError as error:
            self._news.put(error)

    def _tell(self, over: str, pace: Pace) -> None:
        restarts = self._watch.restarts
        if self._form == "json":
            click.echo(to_json(pace_values(over, pace) | {"restarts": restarts}))
        else:
            click.echo(pace_text(over, pace))


def pace_values(over: str, pace: Pace) -> dict[str, Any]:
    """A JSON object; null where nothing was measured."""
    intervals = {"mean": pace.mean_ns, "std": pace.std_ns, "min": pace.min_ns, "max": pace.max_ns}
    return {
        "over": over,
        "messages": pace.messages,
        "missed": pace.missed,
        "rate_hz": pace.rate_hz,
        "interval_us": {name: None if value is None else value / 1000 for name, value in intervals.items()},
        "bytes_per_s": pace.bytes_per_s,
    }


def pace_text(over: str, pace: Pace) -> str:
    """A line for people."""
    head = f"{'sum: ' if over == 'all' else ''}{pace.messages} messages"
    if pace.rate_hz is None:
        return f"{head}; a rate needs two"
    parts = [f"{pace.rate_hz:.2f} Hz", f"{_bytes_text(pace.bytes_per_s or 0)}/s", f"missed {pace.missed}"]
    if pace.mean_ns is not None:
        spread = [("mean", pace.mean_ns), ("std", pace.std_ns), ("min", pace.min_ns), ("max", pace.max_ns)]
        parts.append("interval " + " ".join(f"{name} {_time_text(value or 0)}" for name, value in spread))
    return f"{head}  {'  '.join(parts)}"


def _time_text(nanoseconds: float) -> str:
    if nanoseconds < 1_000_000:
        return f"{nanoseconds / 1000:.1f} us"
    return f"{nanoseconds / 1e6:.3f} ms" if nanoseconds < 1_000_000_000 else f"{nanoseconds / 1e9:.3f} s"


def _bytes_text(count: float) -> str:
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.4g} {unit}"
        count /= 1000
    return f"{count:.4g} GB"
