"""The one writer: claims, publishes, ends."""

from rtmesh.shm import MessageTooLargeError, StreamEndedError, WriterAttachedError
from tests.conformance.reference.memory import Memory, Message
from tests.conformance.reference.ring import find_ring


class Writer:
    """The one writer. A claim that was not committed is replaced by the next."""

    _is_open = False

    def __init__(self, name: str, *, epoch: int | None = None) -> None:
        memory = self._memory = find_ring(name)
        self.name = name
        if epoch is not None and not 0 < epoch < 2**32 - 1:
            raise ValueError(f"epoch is {epoch}")
        if memory.writer:
            raise WriterAttachedError(name)
        self._seat = memory.writer = object()
        self._claim: bytearray | None = None
        self._is_open = True
        memory.begin_epoch(memory.epoch + 1 if epoch is None else epoch)

    head = property(lambda self: self._memory.head)
    epoch = property(lambda self: self._memory.epoch)
    ended = property(lambda self: self._memory.ended)
    source_position = property(lambda self: self._memory.source_position)
    sequence = property(lambda self: self._memory.head - self._memory.epoch_start + 1)
    slot_bytes = property(lambda self: self._open.layout.slot_bytes)
    released = property(lambda self: self._open.released())

    def holding(self) -> int | None:
        return self._open.holder()

    def try_claim(self, length: int, align_at: int = 0) -> memoryview | None:
        memory = self._open
        if memory.ended:
            raise StreamEndedError(self.name)
        if length > memory.layout.slot_bytes:
            raise MessageTooLargeError(self.name)
        if self._claim is None:
            if memory.holder() is not None:
                return None
            memory.forget_the_unneeded()
        self._claim = bytearray(length)
        return memoryview(self._claim)

    def commit(
        self, publish_time_ns: int, *, source_position: int = 0, origin: int = 0, origin_time_ns: int = 0
    ) -> int:
        memory = self._open
        if self._claim is None:
            raise RuntimeError("there is no claim to commit")
        message = Message(bytes(self._claim), publish_time_ns, memory.epoch, source_position)
        self._claim = None
        return memory.publish(message, origin, origin_time_ns)

    def try_publish(self, data: bytes, publish_time_ns: int, **more: int) -> bool:
        claim = self.try_claim(len(data))
        if claim is None:
            return False
        claim[:] = data
        self.commit(publish_time_ns, **more)
        return True

    def abort(self) -> None:
        self._open  # noqa: B018  (raises if closed)
        self._claim = None

    def skip_to(self, source_position: int) -> None:
        self._open.source_position = source_position

    def end(self) -> None:
        self._open.ended = True
        self._claim = None

    def set_word(self, index: int, value: int) -> None:
        self._open.words[index] = value

    def add_word(self, index: int, value: int) -> None:
        self._open.words[index] += value

    def close(self) -> None:
        if self._is_open and self._memory.writer is self._seat:
            self._memory.writer = None
        self._is_open = False

    __del__ = close

    @property
    def _open(self) -> Memory:
        if not self._is_open:
            raise ValueError("the writer is closed")
        return self._memory
