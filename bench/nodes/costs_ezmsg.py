"""A chain of trivial ezmsg units, one process each: costs_ezmsg.py COUNT ARRIVED."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator
from pathlib import Path

import ezmsg.core as ez


class Source(ez.Unit):
    OUT = ez.OutputStream(float)

    @ez.publisher(OUT)
    async def run(self) -> AsyncGenerator[tuple[ez.OutputStream, float], None]:
        while True:
            await asyncio.sleep(0.01)
            yield self.OUT, 1.0


class Last(ez.Settings):
    """`arrived`: the file that the last node makes; the others have none."""

    arrived: str = ""


class Hop(ez.Unit):
    SETTINGS = Last
    IN = ez.InputStream(float)
    OUT = ez.OutputStream(float)

    @ez.subscriber(IN)
    @ez.publisher(OUT)
    async def hand_on(self, value: float) -> AsyncGenerator[tuple[ez.OutputStream, float], None]:
        if self.SETTINGS.arrived:
            Path(self.SETTINGS.arrived).touch()
        yield self.OUT, value


class Lone(ez.Unit):
    SETTINGS = Last
    OUT = ez.OutputStream(float)

    @ez.publisher(OUT)
    async def run(self) -> AsyncGenerator[tuple[ez.OutputStream, float], None]:
        while True:
            await asyncio.sleep(0.01)
            yield self.OUT, 1.0
            Path(self.SETTINGS.arrived).touch()


def main(count: int, arrived: str) -> None:
    if count == 1:
        units = {"NODE1": Lone(Last(arrived=arrived))}
        ez.run(components=units, process_components=tuple(units.values()))
        return
    units = {"NODE1": Source()}
    for index in range(2, count + 1):
        units[f"NODE{index}"] = Hop(Last(arrived=arrived if index == count else ""))
    nodes = list(units.values())
    wires = [(before.OUT, after.IN) for before, after in zip(nodes, nodes[1:])]
    ez.run(components=units, connections=wires, process_components=tuple(nodes))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
