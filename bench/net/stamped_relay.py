"""The relay process, noting when messages pass: `python -m bench.net.stamped_relay`, else as rtmesh.relay.

It puts a clock around some functions of the relay. A message is known by its publish_time_ns, which travels.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from struct import Struct
from time import monotonic_ns
from typing import Any

from rtmesh.relay import __main__ as relay
from rtmesh.relay import departures, ingress_ring, lane
from rtmesh.shm import split_frame

# A Record on the wire: tag and length, then position and publish_time_ns, each eight bytes behind its tag.
_TIMES = Struct("<BQBq")
_FIRST_TAG = 0x09
_LONGEST_LENGTH = 5

_lines: list[str] = []
_woken_ns = 0
_leaving: list[tuple[int, int]] = []


def main() -> int:
    """Until SIGTERM; then what was noted is written beside the control socket."""
    control = sys.argv[sys.argv.index("--control") + 1].removeprefix("unix:")
    install()
    try:
        return relay.main()
    finally:
        Path(control).with_suffix(".stamps").write_text("".join(_lines))


def install() -> None:
    """Put the clocks in place."""
    lane.wait = _around_wait(lane.wait)  # type: ignore[attr-defined]
    departures.take_frame = _around_take(departures.take_frame)  # type: ignore[attr-defined]
    lane.Lane._next_frame = _around_frame(lane.Lane._next_frame)  # type: ignore[method-assign]
    lane.Lane._apply = _around_apply(lane.Lane._apply)  # type: ignore[method-assign]
    publish = ingress_ring.publish_records  # type: ignore[attr-defined]
    ingress_ring.publish_records = _around_publish(publish)  # type: ignore[attr-defined]


def publish_time_of(records: bytes | memoryview) -> int | None:
    """Of the first record; None if there is none."""
    for at in range(2, min(2 + _LONGEST_LENGTH, len(records) - _TIMES.size + 1)):
        if records[at] == _FIRST_TAG and records[at - 1] < 0x80:
            return int(_TIMES.unpack_from(records, at)[3])
    return None


def _note(station: str, key: int | None, time_ns: int) -> None:
    if key is not None:
        _lines.append(f"{station} {key} {time_ns}\n")


def _around_wait(wait: Callable[..., Any]) -> Callable[..., Any]:
    def timed(*arguments: Any, **named: Any) -> Any:
        global _woken_ns
        result = wait(*arguments, **named)
        _woken_ns = monotonic_ns()
        return result

    return timed


def _around_take(take: Callable[..., Any]) -> Callable[..., Any]:
    def timed(*arguments: Any) -> Any:
        frame, state = take(*arguments)
        for data in split_frame(frame)[1][:1]:
            if (key := publish_time_of(data[-1])) is not None:
                _leaving.append((key, _woken_ns))
        return frame, state

    return timed


def _around_frame(next_frame: Callable[..., Any]) -> Callable[..., Any]:
    def timed(self: Any) -> Any:
        frame = next_frame(self)
        framed_ns = monotonic_ns()
        for key, woken_ns in _leaving:
            _note("woken", key, woken_ns)
            _note("framed", key, framed_ns)
        _leaving.clear()
        return frame

    return timed


_arrived_ns = 0


def _around_apply(apply: Callable[..., Any]) -> Callable[..., Any]:
    def timed(self: Any, frame: bytes) -> Any:
        global _arrived_ns
        _arrived_ns = monotonic_ns()
        return apply(self, frame)

    return timed


def _around_publish(publish: Callable[..., Any]) -> Callable[..., Any]:
    def timed(writer: Any, records: memoryview, *others: Any) -> Any:
        key = publish_time_of(records)
        _note("arrived", key, _arrived_ns)
        _note("unpacked", key, monotonic_ns())
        return publish(writer, records, *others)

    return timed


if __name__ == "__main__":
    sys.exit(main())
