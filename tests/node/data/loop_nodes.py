"""Nodes that the tests of the loop process run."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

from lab.v1 import lab_pb2

from rtmesh import Node, every, on

FOREVER = threading.Event()


class Doubler(Node):
    """Doubles what comes; says on stderr what its life was."""

    defaults = {"window": 15}

    def setup(self) -> None:
        self.log.info("setup")

    @on("bins")
    def each(self, bins) -> None:
        self.outputs.velocity.send(values=bins.values * 2, count=bins.count)

    def configure(self, parameters) -> None:
        if parameters.window < 0:
            raise ValueError(f"window is {parameters.window}: give 0 or more")

    def Double(self, request: lab_pb2.Number) -> lab_pb2.Number:
        return lab_pb2.Number(value=2 * request.value)

    def teardown(self) -> None:
        self.log.info("teardown")


class Modules(Node):
    """Reports what its process has imported."""

    @on("bins")
    def each(self, bins) -> None:
        heavy = ("grpc", "asyncio", "uvloop", "structlog", "rich", "ruamel", "psutil")
        self.report(heavy=[name for name in heavy if name in sys.modules], count=len(sys.modules))


class Flood(Node):
    """Sends as fast as it goes, for ever."""

    def setup(self) -> None:
        self.number = 0

    @every()
    def next(self) -> None:
        self.number += 1
        self.outputs.velocity.send(count=self.number)

    def teardown(self) -> None:
        self.log.info("teardown after %d", self.number)


class Swallowing(Flood):
    """Tries to keep going whatever happens."""

    @every()
    def next(self) -> None:
        try:
            self.outputs.velocity.send(count=1)
        except Exception:
            self.log.info("swallowed")


class Burst(Node):
    """Sends three messages and ends."""

    def start(self) -> None:
        for count in range(3):
            self.outputs.velocity.send(count=count)


class Pacer(Node):
    """Ticks; reports how often."""

    defaults = {"rate": 200.0}

    def setup(self) -> None:
        self.count = 0

    @every(hz="parameter:rate")
    def tick(self) -> None:
        self.count += 1
        self.outputs.velocity.send(count=self.count)

    @on("bins")
    def each(self, bins) -> None:
        self.report(ticks=self.count)


class Both(Node):
    """Joins its two inputs."""

    @on("bins", "target", join="origin")
    def both(self, bins, target) -> None:
        self.outputs.velocity.send(count=bins.count * 100 + target.count)


class Broken(Node):
    """Raises, and raises again in teardown if the message says so."""

    def setup(self) -> None:
        self.worse = False

    @on("bins")
    def each(self, bins) -> None:
        self.worse = bins.label == "worse"
        self.divide(bins.count)

    def divide(self, count: int) -> float:
        return 1 / count

    def teardown(self) -> None:
        self.log.info("teardown")
        if self.worse:
            raise OSError("cannot let go")


class BrokenInSetup(Node):
    def setup(self) -> None:
        raise FileNotFoundError("no weights: run calibration first")

    @on("bins")
    def each(self, bins) -> None: ...

    def teardown(self) -> None:
        self.log.info("teardown")


class Unspeakable(Exception):
    """An exception that cannot even say what it is."""

    def __str__(self) -> str:
        raise KeyError("no text")

    __repr__ = __str__


class Talkative(Node):
    """Raises what the label says, and reports in each step, also in teardown."""

    def setup(self) -> None:
        self.count = 0

    @on("bins")
    def each(self, bins) -> None:
        for _ in range(1000):
            self.count += 1
            self.report(count=self.count)
        if bins.label:
            self.fail(bins.label)

    def fail(self, label: str) -> None:
        if label == "long":
            raise ValueError("x" * 300_000)
        if label == "many lines":
            raise ValueError("first line" + "\nmore" * 100_000 + "\nlast line")
        if label == "no text":
            raise Unspeakable
        if label == "in an argument":
            raise KeyError(Unspeakable())
        if label == "no characters":
            raise FileNotFoundError(os.fsdecode(b"data/\xff.npz"))
        if label == "no log":
            sys.stderr.close()
        raise ValueError(label)

    def Double(self, request: lab_pb2.Number) -> lab_pb2.Number:
        raise Unspeakable

    def teardown(self) -> None:
        self.report(count=self.count, is_torn_down=True)
        Path("teardown").touch()


class SlowToSetUp(Node):
    """Sets up until somebody writes into the pipe."""

    def setup(self) -> None:
        Path("in_setup").touch()
        with Path("pipe").open() as pipe:
            pipe.readline()

    def start(self) -> None:
        self.log.info("started")

    @every()
    def next(self) -> None: ...

    def teardown(self) -> None:
        self.log.info("teardown")


class Misspelt(Node):
    @on("bin")
    def each(self, bins) -> None: ...


class Stuck(Node):
    """Never returns from a callback."""

    @on("bins")
    def each(self, bins) -> None:
        FOREVER.wait()


class Keeper(Node):
    """Keeps every message; at the end tells what they hold."""

    def setup(self) -> None:
        self.kept: list = []

    @on("bins")
    def each(self, bins) -> None:
        self.kept.append(bins)
        self.report(sums=[int(message.values.sum()) for message in self.kept])


class Exiting(Node):
    @on("bins")
    def each(self, bins) -> None:
        sys.exit(0)
