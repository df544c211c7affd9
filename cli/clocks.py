"""How a machine's clock is told: against the scheduler's, and how chrony keeps its wall clock."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from rtmesh.cli.times import clock_and_age, iso_text
from rtmesh.v1 import status_pb2

_UNITS = ((1_000_000_000, "s"), (1_000_000, "ms"), (1000, "us"), (1, "ns"))


def error_text(error_ns: int) -> str:
    """± 0.08 ms: rounded up, for a bound must not be told smaller than it is."""
    if not error_ns:
        return "± 0"
    size_ns, unit = next(
        ((size, name) for size, name in _UNITS if error_ns >= size or name == "us"), _UNITS[-1]
    )
    return f"± {math.ceil(error_ns * 100 / size_ns) / 100:.2f} {unit}"


def offset_text(offset_ns: int) -> str:
    """+312.450 ms, +61.000123 s: as exact as clocks of computers can be known over a network."""
    if abs(offset_ns) < 1_000_000_000:
        return f"{offset_ns / 1e6:+.3f} ms"
    return f"{offset_ns / 1e9:+.6f} s"


def chrony_text(chrony: status_pb2.ChronyStatus) -> str:
    """How well chrony keeps the wall clock, in a few words."""
    if not chrony.synchronised:
        return "not synchronised"
    return f"{chrony.reference} (stratum {chrony.stratum}), {abs(chrony.offset_ns) / 1000:.0f} us off"


def clock_cells(machine: status_pb2.MachineStatus) -> list[str]:
    """Offset, error, chrony. What a machine that is gone said last says nothing about now."""
    if not machine.connected or not machine.HasField("clock"):
        return ["-", "-", "-"]
    clock = machine.clock
    chrony = chrony_text(clock.chrony) if clock.HasField("chrony") else "-"
    return [offset_text(clock.offset_ns), error_text(clock.error_ns), chrony]


def clock_record(machine: status_pb2.MachineStatus) -> dict[str, Any] | None:
    """The same for programs; None while nothing is known."""
    if not machine.connected or not machine.HasField("clock"):
        return None
    clock = machine.clock
    return {
        "offset_ns": clock.offset_ns,
        "error_ns": clock.error_ns,
        "rate_ppm": clock.rate_ppm,
        "rate_error_ppm": clock.rate_error_ppm,
        "last_exchange_time_ns": clock.last_exchange_time_ns or None,
        "last_exchange_time": iso_text(clock.last_exchange_time_ns),
        "smallest_round_trip_ns": clock.smallest_round_trip_ns,
        "exchanges": clock.exchanges,
        "restarts": clock.restarts,
        "is_schedulers": clock.is_schedulers,
        "chrony": _chrony_record(clock),
    }


def clock_facts(machine: status_pb2.MachineStatus) -> Iterator[tuple[str, str]]:
    """All of it, a line each."""
    offset, error, chrony = clock_cells(machine)
    if offset == "-":
        yield "clock", "-"
        return
    clock = machine.clock
    yield "clock", "the scheduler's own" if clock.is_schedulers else f"{offset} {error} to the scheduler's"
    if not clock.is_schedulers:
        yield "clock rate", f"{clock.rate_ppm:+.2f} ± {_ceil(clock.rate_error_ppm):.2f} ppm"
        yield "last exchange", clock_and_age(clock.last_exchange_time_ns)
        yield "smallest round trip", f"{clock.smallest_round_trip_ns / 1000:.0f} us"
        yield "exchanges", f"{clock.exchanges}, measured anew {clock.restarts} times"
    yield "chrony", chrony


def _chrony_record(clock: status_pb2.ClockStatus) -> dict[str, Any] | None:
    if not clock.HasField("chrony"):
        return None
    chrony = clock.chrony
    return {
        "synchronised": chrony.synchronised,
        "reference": chrony.reference,
        "stratum": chrony.stratum,
        "offset_ns": chrony.offset_ns,
    }


def _ceil(value: float) -> float:
    return math.ceil(value * 100) / 100
