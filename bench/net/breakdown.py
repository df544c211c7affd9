"""One hop between machines, station by station."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

from bench.document import Cell, Table
from bench.net.relays import MACHINES

# What is passed, in order, and what lies between two of them.
STATIONS = ("published", "woken", "framed", "arrived", "unpacked", "taken")
WARM_UP = 100


class Leg(NamedTuple):
    """From one station to the next."""

    start: str
    end: str
    what: str


LEGS = (
    Leg("published", "woken", "ring, and the wake of the sending relay"),
    Leg("woken", "framed", "sending relay: from the ring into a frame"),
    Leg("framed", "arrived", "gRPC on both sides, and the wire"),
    Leg("arrived", "unpacked", "receiving relay: from the frame to the ring"),
    Leg("unpacked", "taken", "into the ring, and the wake of the receiver"),
    Leg("published", "taken", "the whole way"),
)

# Of one run: per message, nanoseconds by station.
Stations = list[dict[str, int]]


def read_stations(folder: Path, receiver: str) -> Stations:
    """What the relays and the receiver noted, of the messages that passed everywhere, warm-up excluded."""
    found: dict[int, dict[str, int]] = {}
    names = [*(f"{machine}.stamps" for machine in MACHINES), receiver]
    for path in (folder / name for name in names):
        for line in path.read_text().splitlines() if path.exists() else []:
            station, key, time_ns = line.split()
            found.setdefault(int(key), {"published": int(key)})[station] = int(time_ns)
    whole = [found[key] for key in sorted(found) if len(found[key]) == len(STATIONS)]
    return whole[WARM_UP:]


def legs_us(stations: Stations) -> dict[Leg, list[float]]:
    """How long each leg took for each message."""
    return {leg: [(each[leg.end] - each[leg.start]) / 1000 for each in stations] for leg in LEGS}


def medians_us(runs: Sequence[Stations]) -> dict[Leg, float]:
    """The median over the runs of each leg's median; empty if nothing was noted."""
    measured = [legs_us(run) for run in runs if run]
    return {leg: median(median(run[leg]) for run in measured) for leg in LEGS} if measured else {}


BREAKDOWN_NOTE = (
    "Found by time stamps: each relay notes, by a clock around some of its functions, when a message passes; "
    "the nodes note their own; medians of each leg, so the legs need not add up to the whole. The rows below "
    "are measured apart, in the same runs: the same way with less in it, p50."
)


def table(how: str, legs: Mapping[Leg, float], apart: Mapping[str, float]) -> Table:
    """One hop, station by station, and beside it what was measured apart: name -> p50."""
    whole = legs[LEGS[-1]]
    rows: list[list[Cell]] = [[leg.what, time_us, 100 * time_us / whole] for leg, time_us in legs.items()]
    rows += [[f"apart: {name}", time_us, 100 * time_us / whole] for name, time_us in apart.items()]
    columns = ["leg", "us", "% of the whole"]
    return Table(f"One hop of 64 B at 1 kHz {how}", columns, rows, BREAKDOWN_NOTE)
