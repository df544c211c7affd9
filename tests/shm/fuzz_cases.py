"""Fuzz cases in Python, by seed: python -m tests.shm.fuzz_cases NAME FIRST COUNT."""

import faulthandler
import os
import random
import struct
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rtmesh.shm import (
    Policy,
    Reader,
    ReaderLayout,
    Ring,
    RingError,
    RingLayout,
    Writer,
    create_ring,
    unlink_segment,
    wait,
)

SHORT_NS = 50_000
LONGEST_CASE_S = 10
EDGES = [0, 1, 2, 3, 31, 32, 33, 63, 64, 65, 255, 2**16, 2**20, 2**31, 2**32 - 1, 2**46, 2**56 - 1, 2**62]
EDGES += [2**63 - 1, 2**63, 2**64 - 1]
HEADER_BYTES = 1024


class Case:
    """One ring, what is open on it, and the numbers that decide."""

    def __init__(self, name: str, seed: int, tally: Counter[str]) -> None:
        self.name, self.tally = name, tally
        self.random = random.Random(seed)
        self.readers: list[Reader] = []
        self.views: list[Any] = []
        self.writers: list[Writer] = []
        self.rings: list[Ring] = []

    def run(self) -> None:
        self._make()
        self._spoil(self.random.choice((0, 1, 2, 3)), HEADER_BYTES if self.random.random() < 0.2 else None)
        if self.random.random() < 0.05:
            os.truncate(f"/dev/shm/{self.name}", self.random.choice((0, 1, 63, 64, 1000, 1024, 5000)))
        self._try(self._open)
        if self.rings:
            self.tally["opened"] += 1
            for _ in range(12):
                if self.random.random() < 0.2:
                    self._spoil(1)
                self._try(self.random.choice(CALLS))
        self.views.clear()

    def _make(self) -> None:
        readers = tuple(ReaderLayout(f"r.{policy}", policy, 4, 2) for policy in Policy)
        create_ring(self.name, RingLayout(8, self.random.choice((1, 64, 300)), readers, 2, (7,))).close()
        writer = Writer(self.name)
        block = Reader(self.name, 0) if self.random.random() < 0.5 else None
        for _ in range(self.random.choice((0, 3, 4))):
            writer.try_publish(b"x", 5, origin=7, origin_time_ns=1)
            if block and block.try_take(9):
                block.release()
        if self.random.random() < 0.2:
            writer.end()
        writer.close()
        if block:
            block.close()

    def _spoil(self, count: int, below: int | None = None) -> None:
        with Path("/dev/shm", self.name).open("r+b", buffering=0) as file:
            size = os.fstat(file.fileno()).st_size
            for _ in range(count):
                at = self.random.choice((self.random.randrange(below or size), self.random.randrange(3500)))
                at = min(at, size) // 8 * 8
                if at >= 64 or below:
                    file.seek(at)
                    file.write(struct.pack("<Q", self._number())[: size - at])

    def _number(self) -> int:
        if self.random.random() < 0.3:
            return self.random.getrandbits(64)
        return (self.random.choice(EDGES) << self.random.choice((0, 0, 2, 8, 32))) & (2**64 - 1)

    def _try(self, call: Callable[["Case"], None]) -> None:
        try:
            call(self) if call in CALLS else call()  # type: ignore[call-arg]
        except (RingError, ValueError) as error:
            if not str(error):
                raise
            self.tally[type(error).__name__] += 1

    def _open(self) -> None:
        self.rings.append(Ring.open(self.name))


def look(case: Case) -> None:
    for account in case.rings[0].snapshot().readers:
        assert account.latency.percentile_ns(0.99) >= 0
        assert account.latency.max_ns is not None


def mark(case: Case) -> None:
    index = case.random.randrange(5)
    mark_dead = case.random.choice((case.rings[0].mark_absent, case.rings[0].mark_gone))
    mark_dead(index, case.random.choice((None, 1, os.getpid())))


def bury_writer(case: Case) -> None:
    case.rings[0].writer_died(case.random.choice((None, 1)))
    if not case.writers:
        case.rings[0].end()


def read(case: Case) -> None:
    case.readers.append(
        Reader(case.name, case.random.randrange(4), keep_unreleased=case.random.random() < 0.5)
    )


def tap(case: Case) -> None:
    case.readers.append(Reader.tap(case.name, queue=case.random.choice((1, 5, 2**40))))


def take(case: Case) -> None:
    for reader in case.readers:
        view = reader.try_take(case.random.choice(EDGES[:-2]))
        if view is not None:
            case.tally["messages"] += 1
            case.views.append(view)
            assert len(bytes(view)) == len(view)
        reader.view_at(reader.released)
        assert reader.available() >= 0 and reader.ended in (True, False)


def account(case: Case) -> None:
    for reader in case.readers:
        reader.release()
        reader.resume(reader.released, case.random.choice((0, 1, 2)))
        reader.snapshot()


def write(case: Case) -> None:
    case.writers.append(Writer(case.name, epoch=case.random.choice((None, 1, 9))))


def publish(case: Case) -> None:
    for writer in case.writers:
        while len(case.views) < 8 and case.random.random() < 0.8:
            writer.try_publish(
                b"y" * case.random.choice((1, 64, 300)), case.random.choice(EDGES[:-2]), origin=7
            )
        assert writer.holding() is None or writer.holding() >= 0
        assert writer.released >= 0


def wait_shortly(case: Case) -> None:
    wait(case.readers, case.writers, timeout_ns=SHORT_NS, spin_ns=case.random.choice((0, 10_000)))


def close(case: Case) -> None:
    case.views.clear()
    for party in (*case.readers, *case.writers):
        party.close()
    case.readers.clear()
    case.writers.clear()


CALLS = [look, mark, bury_writer, read, read, tap, take, take, account, write, publish, wait_shortly, close]


def main(name: str, first: int, count: int) -> None:
    tally: Counter[str] = Counter()
    for seed in range(first, first + count):
        faulthandler.dump_traceback_later(LONGEST_CASE_S, exit=True)
        print("seed", seed, flush=True)
        try:
            Case(name, seed, tally).run()
        finally:
            unlink_segment(name)
    for what, number in sorted(tally.items()):
        print(f"{what}={number}")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
