"""One implementation of the ring, and everything that a program has opened on it.

Death is played within this process: the dead one's handles and views go to a graveyard, where nothing touches
them again, and its undertaker marks the seat. So pins stay in their cells as kill -9 leaves them.
"""

from types import ModuleType
from typing import Any, NamedTuple

from rtmesh.shm import Histogram, RingLayout, RingSnapshot
from tests.conformance.reference.latencies import Latencies

SENT_NS = 1_000_000


class Kept(NamedTuple):
    """A view that a program holds on to."""

    index: int
    view: Any


class Side:
    """What a program has in its hands. Every operation returns plain values, to compare."""

    def __init__(self, module: ModuleType, name: str, layout: RingLayout) -> None:
        self.module = module
        self.name = name
        self.ring = module.create_ring(name, layout)
        self.writer: Any = None
        self.readers: dict[int, Any] = {}
        self.kept: list[Kept] = []
        self._graveyard: list[Any] = []

    # The writer.

    def attach_writer(self, epoch: int | None) -> None:
        writer = self.module.Writer(self.name, epoch=epoch)
        self._graveyard.append(self.writer)
        self.writer = writer

    def crash_writer(self) -> bool:
        self._graveyard.append(self.writer)
        self.writer = None
        return self.ring.writer_died()

    def fill_claim(self, length: int) -> bool:
        claim = self.writer.try_claim(length)
        if claim is not None:
            claim[:] = content(self.writer.head, length)
        return claim is not None

    # The readers.

    def attach_reader(self, index: int, keep_unreleased: bool) -> None:
        self._sit(index, self.module.Reader(self.name, index, keep_unreleased=keep_unreleased))

    def tap(self, queue: int) -> int:
        tap = self.module.Reader.tap(self.name, queue=queue, name_=f"tap of {queue}")
        self._sit(tap.index, tap)
        return tap.index

    def _sit(self, index: int, reader: Any) -> None:
        self._graveyard.append(self.readers.get(index))
        self.readers[index] = reader

    def bury(self, index: int, for_good: bool) -> bool:
        """Its process dies, if it lives, and is marked."""
        self._graveyard.append(self.readers.pop(index, None))
        self._graveyard.extend(kept for kept in self.kept if kept.index == index)
        self.kept = [kept for kept in self.kept if kept.index != index]
        return self.ring.mark_gone(index) if for_good else self.ring.mark_absent(index)

    def mark_for_another_process(self) -> list[bool]:
        """Nothing happens to a seat that is no longer the dead one's."""
        occupied = [reader.index for reader in self.ring.snapshot().readers if reader.pid]
        marked = [self.ring.mark_gone(index, 1) or self.ring.mark_absent(index, 1) for index in occupied]
        return [*marked, self.writer is not None and self.ring.writer_died(1)]

    def take(self, index: int, keeps: bool, latency_ns: int) -> tuple | None:
        return self._look(index, self.readers[index].try_take(SENT_NS + latency_ns), keeps)

    def view_at(self, index: int, position: int, keeps: bool) -> tuple | None:
        return self._look(index, self.readers[index].view_at(position), keeps)

    def _look(self, index: int, view: Any, keeps: bool) -> tuple | None:
        if view is None:
            return None
        if keeps:
            self.kept.append(Kept(index, view))
        return seen(view)

    def forget(self, number: int) -> None:
        del self.kept[number]

    # All that can be seen.

    def observe(self) -> dict[str, Any]:
        """Everything that a user or a manager could look at."""
        return {
            "ring": plain_snapshot(self.ring.snapshot()),
            "writer": _writer_view(self.writer),
            "readers": {index: _reader_view(reader) for index, reader in self.readers.items()},
            "kept": [seen(kept.view) for kept in self.kept],
        }

    def close(self) -> None:
        self.ring.unlink()


def content(position: int, length: int) -> bytes:
    """Bytes of which any two messages differ wherever they can."""
    return bytes((position * 7 + at) % 256 for at in range(length))


def seen(view: Any) -> tuple:
    return (
        view.position,
        view.epoch,
        view.publish_time_ns,
        view.source_position,
        view.is_copy,
        len(view),
        bytes(view),
    )


def _writer_view(writer: Any) -> Any:
    try:
        return writer and (
            writer.epoch,
            writer.head,
            writer.sequence,
            writer.ended,
            writer.source_position,
            writer.slot_bytes,
        )
    except ValueError:
        return "closed"


def _reader_view(reader: Any) -> Any:
    """`available` of a reader that was given up and has not heard yet says only that it should look."""
    try:
        return reader.taken, reader.released, reader.start, reader.ended, bool(reader.available())
    except ValueError:
        return "closed"


def plain_snapshot(snapshot: RingSnapshot) -> dict[str, Any]:
    plain = dict(vars(snapshot))
    plain["readers"] = [
        vars(reader) | {"latency": plain_latency(reader.latency)} for reader in snapshot.readers
    ]
    plain["origin_ages"] = [plain_latency(age) for age in snapshot.origin_ages]
    return plain


def plain_latency(latencies: Latencies | Histogram) -> tuple:
    """Count, exact maximum and some percentiles; programs record only values that a bucket keeps exactly."""
    return latencies.count, latencies.max_ns, *[latencies.percentile_ns(q) for q in (0.0, 0.5, 0.99, 1.0)]
