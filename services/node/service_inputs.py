"""Input ports as rpcs: an input that no edge feeds takes messages from one outside client at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import grpc

from rtmesh.common.errors import (
    FailedPreconditionError,
    InvalidArgumentError,
    ResourceExhaustedError,
    UnavailableError,
)
from rtmesh.node.message import Encoded, MessageType
from rtmesh.node.service_taps import SLICE_NS
from rtmesh.node.wire import HeaderValues
from rtmesh.shm import MessageTooLargeError, ReaderState, Ring, RingError, Writer, wait
from rtmesh.v1 import stream_pb2


class FedInput:
    """An input that an edge feeds: nobody else may."""

    def __init__(self, name: str, ring: str) -> None:
        self._name = name
        self._edge = f"{ring} -> {name}" if ring != name else f"an edge from another machine to {name}"

    async def serve(self, messages: AsyncIterator[bytes], context: grpc.aio.ServicerContext) -> None:
        """Raises FailedPreconditionError naming the edge."""
        raise FailedPreconditionError(
            f"input {self._name} is fed by {self._edge}",
            "remove that edge from the graph to feed it from outside",
        )


class FreeInput:
    """An input without an edge. Each message gets our header: it begins a new origin, that of the input."""

    def __init__(
        self, name: str, segment: str, message_type: MessageType, origin: int, now_ns: Callable[[], int]
    ) -> None:
        self._name = name
        self._segment = segment
        self._type = message_type
        self._origin = origin
        self._now_ns = now_ns
        self._is_taken = False

    async def serve(self, messages: AsyncIterator[bytes], context: grpc.aio.ServicerContext) -> None:
        """Store the client's messages in the ring, granting credit as the ring takes them.

        Ends after the client's half-close, when everything is stored. The input does not end with it: the
        next client goes on.

        Raises:
            FailedPreconditionError: another client feeds the input.
            InvalidArgumentError: a message is malformed; none is stored from there on.
            ResourceExhaustedError: a message is larger than the input takes.
            UnavailableError: the node takes no messages any more.
        """
        if self._is_taken:
            raise FailedPreconditionError(
                f"input {self._name} is fed by another client", "one at a time: end that client first"
            )
        self._is_taken = True
        try:
            window = self._window()
            writer = Writer(self._segment)
            try:
                await self._feed(messages, context, writer, window)
            finally:
                writer.close()
        finally:
            self._is_taken = False

    def _window(self) -> int:
        """How many messages a client may have under way: the queue of the ring's one reader."""
        try:
            ring = Ring.open(self._segment)
        except RingError as error:
            raise UnavailableError(
                f"input {self._name} is not there ({error})", "is the run over?"
            ) from error
        try:
            if ring.snapshot().readers[0].state == ReaderState.GONE:
                raise UnavailableError(
                    f"the node of input {self._name} takes no messages", "it has ended, or is being restarted"
                )
            return ring.layout.readers[0].queue
        finally:
            ring.close()

    async def _feed(
        self,
        messages: AsyncIterator[bytes],
        context: grpc.aio.ServicerContext,
        writer: Writer,
        window: int,
    ) -> None:
        await _grant(context, window)
        stored = 0
        async for data in messages:
            await self._store(self._encoded(data), writer)
            stored += 1
            # Not one by one: an rpc write costs more than the message. A client never runs dry of credit.
            if stored >= max(1, window // 4):
                await _grant(context, stored)
                stored = 0
        await _grant(context, stored)

    def _encoded(self, data: bytes) -> Encoded:
        """The message without its header. What would fail in the loop is refused here: an outside
        client must not be able to end a node."""
        try:
            message = self._type.decode(data)
            message.proto()
            for name in self._type.layout.tensors:
                _ = message[name]
            return self._type.encode(message)
        except ValueError as error:
            raise InvalidArgumentError(f"input {self._name}: {error}") from error

    async def _store(self, message: Encoded, writer: Writer) -> None:
        try:
            while (claim := writer.try_claim(message.length, message.align_at)) is None:
                await until_space(writer)
        except MessageTooLargeError as error:
            raise ResourceExhaustedError(f"input {self._name}: {error}", "send smaller messages") from error
        now_ns, epoch, sequence = self._now_ns(), writer.epoch, writer.sequence
        header = HeaderValues(sequence, epoch, now_ns, self._origin, epoch, sequence, now_ns)
        message.write_into(claim, header)
        writer.commit(now_ns, origin=self._origin, origin_time_ns=now_ns)


async def until_space(writer: Writer) -> None:
    """Wait, one slice at most, until the ring has space. A thread sleeps in the ring meanwhile."""
    loop = asyncio.get_running_loop()
    sleep = loop.run_in_executor(None, lambda: wait(writers=(writer,), timeout_ns=SLICE_NS))
    try:
        await asyncio.shield(sleep)
    except asyncio.CancelledError:
        await sleep  # the caller closes the ring next: not under a thread that sleeps in it
        raise


async def _grant(context: grpc.aio.ServicerContext, messages: int) -> None:
    if messages:
        await context.write(stream_pb2.Credit(messages=messages).SerializeToString())
