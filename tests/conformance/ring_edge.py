"""An edge inside a machine: a ring, of the reference or in shared memory."""

from __future__ import annotations

import itertools
import os
from collections.abc import Sequence
from importlib import import_module

from rtmesh.shm import ReaderLayout, RingLayout
from tests.conformance.edge import Account, Edge, Input
from tests.conformance.ends import Message
from tests.conformance.parties import Parties, Party

ENTRIES = 8
SLOT_BYTES = 64
SPARE_READERS = 2

_numbers = itertools.count()


def unique_name() -> str:
    return f"rtmesh.{os.getuid()}.test-conformance.{os.getpid()}-{next(_numbers)}"


def layout_of(inputs: Sequence[Input]) -> RingLayout:
    readers = tuple(ReaderLayout(f"node.in{number}", *terms) for number, terms in enumerate(inputs))
    return RingLayout(ENTRIES, SLOT_BYTES, readers, SPARE_READERS)


class RingEdge:
    """One ring, and who sits at it. `module` is the package whose rings it uses, by name."""

    def __init__(self, module: str, parties: Parties, inputs: Sequence[Input]) -> None:
        self._module, self._parties = module, parties
        self._ring = import_module(module).create_ring(unique_name(), layout_of(inputs))
        self._writer: Party | None = None
        self._readers: dict[int, Party] = {}

    def attach_writer(self) -> None:
        self._writer = self._parties.start("writer", self._module, self._ring.name)

    def publish(self, data: bytes) -> bool:
        return self._writer.call("publish", data)

    def claim(self, data: bytes) -> bool:
        return self._writer.call("claim", data)

    def end(self) -> None:
        self._writer.call("end")

    def crash_writer(self) -> None:
        self._writer.crash()
        self._writer = None
        assert self._ring.writer_died()

    def attach(self, reader: int) -> None:
        ring = self.ring_of(reader).name
        self._readers[reader] = self._parties.start("reader", self._module, ring, self.index_in_ring(reader))

    def tap(self, queue: int) -> int:
        tap = self._parties.start("reader", self._module, self._ring.name, None, queue)
        number = tap.call("index")
        self._readers[number] = tap
        return number

    def take(self, reader: int, keep: bool = False) -> Message | None:
        return self._readers[reader].call("take", keep)

    def kept(self, reader: int) -> list[Message]:
        return self._readers[reader].call("kept")

    def forget(self, reader: int) -> None:
        self._readers[reader].call("forget")

    def release(self, reader: int) -> None:
        self._readers[reader].call("release")

    def ended(self, reader: int) -> bool:
        return self._readers[reader].call("ended")

    def leave(self, reader: int) -> None:
        party = self._readers.pop(reader)
        party.call("leave")
        party.close()

    def crash(self, reader: int, for_good: bool = False) -> None:
        self._readers.pop(reader).crash()
        ring, index = self.ring_of(reader), self.index_in_ring(reader)
        assert ring.mark_gone(index) if for_good else ring.mark_absent(index)

    def give_up(self, reader: int) -> None:
        assert self.ring_of(reader).mark_gone(self.index_in_ring(reader))

    def account(self, reader: int) -> Account:
        snapshot = self._ring.snapshot()
        account = next(seat for seat in snapshot.readers if seat.index == reader)
        sent, in_flight = snapshot.head - account.start, snapshot.head - account.taken
        return Account(sent, account.delivered, named(account.dropped), in_flight, account.state)

    def settle(self) -> None:
        """Nothing is ever under way in a ring."""

    def close(self) -> None:
        for party in (*self._readers.values(), self._writer):
            if party is not None:
                party.close()
        self._ring.unlink()

    # Where a reader sits: a transport with a ring for each overrides these.

    def ring_of(self, reader: int):
        return self._ring

    def index_in_ring(self, reader: int) -> int:
        return reader


def named(dropped: dict[str, int]) -> dict[str, int]:
    return {reason: count for reason, count in dropped.items() if count}


class RingTransport:
    """Rings of one kind, with processes of one kind."""

    is_instant = True

    def __init__(self, module: str, parties: Parties, examples: int = 200) -> None:
        self._module, self._parties = module, parties
        self.examples = examples

    def open(self, inputs: Sequence[Input]) -> Edge:
        return RingEdge(self._module, self._parties, inputs)

    def close(self) -> None:
        self._parties.close()
