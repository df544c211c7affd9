"""The ring that an ingress edge fills: its writer's seat, and what its reader has released."""

from __future__ import annotations

from rtmesh.relay.window import Held
from rtmesh.shm import ChunkData, Writer, publish_records


class IngressRing:
    """One ingress ring, written by this process.

    With each message the ring records the far position that follows, in one commit: so it is
    the edge's memory, for a cut connection and for a killed process alike.

    Raises (from the constructor):
        RingError: the ring cannot be opened, or somebody else writes it.
    """

    def __init__(self, segment: str) -> None:
        self.writer = Writer(segment)
        self._claim: memoryview | None = None  # for a message that comes in parts

    @property
    def ended(self) -> bool:
        """Whether the stream has ended."""
        return self.writer.ended

    @property
    def released(self) -> int:
        """Local position below which nothing holds the writer."""
        return self.writer.released

    def held(self) -> Held:
        """What it holds now; a message that has come in part is forgotten."""
        self._forget_parts()
        return Held(self.writer.head, self.writer.released, self.writer.source_position)

    def write(
        self, records: memoryview, next_position: int, credit: int, *, is_contiguous: bool
    ) -> tuple[int, int]:
        """Commit records; returns how many, and the far position behind the last.

        Raises:
            ValueError: they are out of order, or more than may come; those before are committed.
            RingError: it does not take a message.
        """
        return publish_records(self.writer, records, next_position, credit, is_contiguous)

    def write_part(self, chunk: ChunkData) -> bool:
        """Take a part of a message, which is committed with the last; whether this was it.

        Raises:
            ValueError: the part does not follow the one before.
            RingError: the message is too long.
        """
        if chunk.offset == 0:
            self._forget_parts()
            self._claim = self.writer.try_claim(chunk.total_bytes)
        end = chunk.offset + len(chunk.part)
        if self._claim is None or self._claim.nbytes != chunk.total_bytes or end > chunk.total_bytes:
            raise ValueError(f"{self.writer.name}: there is no room for a part of message {chunk.position}")
        self._claim[chunk.offset : end] = chunk.part
        if end < chunk.total_bytes:
            return False
        self._claim = None
        self.writer.commit(chunk.publish_time_ns, source_position=chunk.position + 1)
        return True

    def skip_to(self, source_position: int) -> None:
        """Record that nothing that is missing below `source_position` will come."""
        self.writer.skip_to(source_position)

    def end(self, source_position: int) -> None:
        """End the stream, which far ended before `source_position`."""
        self.writer.skip_to(source_position)
        self.writer.end()

    def close(self) -> None:
        """Leave the writer's seat without ending the stream."""
        self._claim = None
        self.writer.close()

    def _forget_parts(self) -> None:
        if self._claim is not None:
            self._claim = None
            self.writer.abort()
