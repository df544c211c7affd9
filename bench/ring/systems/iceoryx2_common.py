"""iceoryx2 as its Python examples use it: loan, fill, send; receive. Polling, or with an event a message."""

from __future__ import annotations

import contextlib
import ctypes
import os
from collections.abc import Iterator
from pathlib import Path
from time import monotonic_ns
from typing import Any

import iceoryx2 as iox2
import numpy as np

from bench.ring.cases import KIB, Case
from bench.ring.endpoint import PATIENCE_NS, Endpoint, Message, Seat, System

QUEUE, LARGE_QUEUE = 256, 64
LARGE = 64 * KIB
PATIENCE = iox2.Duration.from_millis(PATIENCE_NS // 1_000_000)
POLLS_A_LOOK = 256


class _Way:
    """One direction at one size: a service of its own, whose slices have just this length."""

    def __init__(self, node: Any, seat: Seat, name: str, size: int, has_event: bool) -> None:
        service = iox2.ServiceName.new(f"{seat.identity}/{name}{size}")
        builder = node.service_builder(service).publish_subscribe(iox2.Slice[ctypes.c_uint8])
        self._service = (
            builder.enable_safe_overflow(False)
            .subscriber_max_buffer_size(QUEUE if size <= LARGE else LARGE_QUEUE)
            .max_publishers(1)
            .max_subscribers(seat.readers)
            .max_nodes(seat.readers + 1)
            .open_or_create()
        )
        events = node.service_builder(service).event().max_listeners(seat.readers).max_nodes(seat.readers + 1)
        self._events = events.open_or_create() if has_event else None
        self._size = max(size, 64)

    def publisher(self) -> Any:
        builder = self._service.publisher_builder().initial_max_slice_len(self._size)
        return builder.backpressure_strategy(iox2.BackpressureStrategy.RetryUntilDelivered).create()

    def subscriber(self) -> Any:
        return self._service.subscriber_builder().create()

    def notifier(self) -> Any:
        return self._events.notifier_builder().create() if self._events else None

    def listener(self) -> Any:
        return self._events.listener_builder().create() if self._events else None


class IceoryxEndpoint(Endpoint):
    """A publisher and a subscriber for each size; `begin` chooses."""

    def __init__(self, seat: Seat, has_event: bool) -> None:
        iox2.set_log_level(iox2.LogLevel.Error)
        self._node = iox2.NodeBuilder.new().config(_config(seat)).create(iox2.ServiceType.Ipc)
        out, back = seat.ways
        self._out: dict[int, tuple[Any, Any]] = {}
        self._in: dict[int, tuple[Any, Any]] = {}
        for size in seat.sizes:
            if seat.is_sender or seat.replies:
                way = _Way(self._node, seat, out, size, has_event)
                self._out[size] = (way.publisher(), way.notifier())
            if seat.replies or not seat.is_sender:
                way = _Way(self._node, seat, back, size, has_event)
                self._in[size] = (way.subscriber(), way.listener())
        self._sample: Any = None
        self._own: Message = None
        self._received: Message = None
        self._own_address = self._received_address = 0
        # A polling reader of a fan-out shares its CPU with others: it lets them run between two looks.
        self._yields = not seat.replies

    def begin(self, case: Case) -> None:
        self._release()
        self._publisher, self._notifier = self._out.get(case.size, (None, None))
        self._subscriber, self._listener = self._in.get(case.size, (None, None))
        if self._publisher is not None:
            self._publisher.update_connections()

    def send(self, message: Message) -> None:
        size = len(message)
        loan = self._publisher.loan_slice_uninit(size)
        ctypes.memmove(loan.payload_ptr, self._address_of(message), size)
        loan.assume_init().send()
        if self._notifier is not None:
            self._notifier.notify()

    def _address_of(self, message: Message) -> int:
        if message is self._received:
            return self._received_address
        # Who sends one buffer again and again looks up its address once.
        if message is not self._own:
            self._own, self._own_address = message, np.frombuffer(message, np.uint8).ctypes.data
        return self._own_address

    def receive(self) -> Message | None:
        self._release()
        receive = self._subscriber.receive
        if (sample := receive()) is None and (sample := self._wait(receive)) is None:
            return None
        self._sample = sample
        payload = sample.payload()
        # Without the cast its bytes could not be looked at one by one.
        self._received, self._received_address = payload.as_memory_view().cast("B"), payload.as_ptr()
        return self._received

    def _wait(self, receive: Any) -> Any:
        deadline = monotonic_ns() + PATIENCE_NS
        while monotonic_ns() < deadline:
            if self._listener is not None:
                self._listener.timed_wait(PATIENCE)
                if (sample := receive()) is not None:
                    return sample
                continue
            for _ in range(POLLS_A_LOOK):
                if (sample := receive()) is not None:
                    return sample
                if self._yields:
                    os.sched_yield()
        return None

    def _release(self) -> None:
        if self._sample is not None:
            # What was received may be looked at no more.
            self._received = None
            self._sample.delete()
            self._sample = None

    def close(self) -> None:
        self._release()
        for port in [*self._out.values(), *self._in.values()]:
            for each in port:
                if each is not None:
                    each.delete()


class IceoryxSystem(System):
    """Its files lie in the session's folder, and what it left in /dev/shm goes with the session."""

    distributions = ("iceoryx2",)

    def __init__(self, name: str, setting: str, has_event: bool) -> None:
        self.name, self.setting, self._has_event = name, setting, has_event
        self.polls = not has_event

    @contextlib.contextmanager
    def serve(self, seat: Seat) -> Iterator[None]:
        try:
            yield
        finally:
            for left in Path("/dev/shm").glob(f"{seat.identity}*"):
                left.unlink(missing_ok=True)

    def connect(self, seat: Seat) -> IceoryxEndpoint:
        return IceoryxEndpoint(seat, self._has_event)


def _config(seat: Seat) -> Any:
    config = iox2.config.default()
    config.global_cfg.prefix = iox2.FileName.new(f"{seat.identity}_")
    config.global_cfg.root_path = iox2.Path.new(str(seat.folder / "iceoryx2"))
    return config
