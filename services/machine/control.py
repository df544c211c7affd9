"""meshd's ends of one node's control rings."""

from __future__ import annotations

from typing import cast

from google.protobuf.message import DecodeError

from rtmesh.common import control
from rtmesh.common.logs import get_logger
from rtmesh.common.parts import Joiner
from rtmesh.machine.effects import Order
from rtmesh.machine.rings import RunRings, free_reader, free_writer
from rtmesh.shm import Reader, Ring, RingLayout, Writer
from rtmesh.v1 import node_pb2, status_pb2

log = get_logger()

LOOP = 0  # the only reader of orders and of requests
SERVICE = 0  # the only reader of replies

_ORDERS = {
    Order.START: node_pb2.NodeOrder(start=node_pb2.StartNode()),
    Order.DRAIN: node_pb2.NodeOrder(drain=node_pb2.DrainNode()),
    Order.STOP: node_pb2.NodeOrder(stop=node_pb2.StopNode()),
}


class NodeControl:
    """Orders out, events and words in. Raises RingError if a ring cannot be made."""

    def __init__(self, rings: RunRings, node: str) -> None:
        self._rings = rings
        self._names = control.control_ring_names(node)
        self._orders: Ring | None = None
        self._orders_writer: Writer | None = None
        self._made: list[Ring] = []
        try:
            self._requests = self._make(self._names.requests, control.requests_layout())
            self._replies = self._make(self._names.replies, control.replies_layout())
            self._events = self._make(self._names.events, control.events_layout())
            self._reader = Reader(self.segment(self._names.events), control.EVENTS_READER_MESHD)
        except BaseException:
            self._unlink_made()
            raise
        self._joiner = Joiner(node_pb2.NodeEvent.FromString)
        self._lost_events = 0
        self._stale_step_ns = 0

    def _make(self, name: str, layout: RingLayout) -> Ring:
        ring = self._rings.create_one(name, layout)
        self._made.append(ring)
        return ring

    def segment(self, name: str) -> str:
        return self._rings.segments[name]

    def describe(self, config: node_pb2.LoopConfig) -> None:
        """Write the segments' names into a loop's configuration."""
        config.orders_segment = self.segment(self._names.orders)
        config.requests_segment = self.segment(self._names.requests)
        config.replies_segment = self.segment(self._names.replies)
        config.events_segment = self.segment(self._names.events)

    def begin_life(self) -> None:
        """Make ready for a new loop: it must not find orders that were meant for the one before."""
        self._drop_orders()
        self._orders = self._rings.create_one(self._names.orders, control.orders_layout())
        self._orders_writer = Writer(self.segment(self._names.orders))
        self._stale_step_ns = self.words()[control.WORD_STEP_STARTED_NS]

    def _drop_orders(self) -> None:
        if self._orders_writer is not None:
            self._orders_writer.close()
            self._orders_writer = None
        if self._orders is not None:
            self._orders.unlink()
            self._orders.close()
            self._orders = None

    def order(self, order: Order) -> bool:
        """Give an order; False if the loop has let its orders pile up."""
        if self._orders_writer is None:
            return False
        return self._orders_writer.try_publish(_ORDERS[order].SerializeToString(), 0)

    def take_events(self) -> list[node_pb2.NodeEvent]:
        """Everything said since the last call, oldest first."""
        events = []
        while (view := self._reader.try_take(0)) is not None:
            epoch, data = view.epoch, bytes(view)
            del view  # it pins its slot
            self._reader.release()
            if (event := self._event(epoch, data)) is not None:
                events.append(event)
        return events

    def _event(self, epoch: int, data: bytes) -> node_pb2.NodeEvent | None:
        try:
            return self._joiner.take(epoch, data)
        except DecodeError as error:
            # A loop of another language may be wrong; that must not end this machine's other runs.
            log.error("a node told what is no NodeEvent", segment=self._names.events, error=str(error))
            return None

    def missed_state(self) -> status_pb2.NodeState:
        """The loop's state if events were lost since the last call, else 0."""
        snapshot = self._events.snapshot()
        lost = sum(snapshot.readers[control.EVENTS_READER_MESHD].dropped.values())
        if lost == self._lost_events:
            return status_pb2.NODE_STATE_UNSPECIFIED
        self._lost_events = lost
        return cast(status_pb2.NodeState, snapshot.words[control.WORD_STATE])

    def words(self) -> tuple[int, ...]:
        return self._events.snapshot().words

    def step_started_ns(self) -> int:
        """When the current step began; 0 between steps. What a killed loop left does not count."""
        started_ns = self.words()[control.WORD_STEP_STARTED_NS]
        return 0 if started_ns == self._stale_step_ns else started_ns

    def loop_died(self, process_id: int, *, is_gone: bool) -> None:
        free_writer(self._events, process_id)
        free_writer(self._replies, process_id)
        free_reader(self._requests, LOOP, process_id, is_gone=is_gone)

    def service_died(self, process_id: int) -> None:
        free_writer(self._requests, process_id)
        free_reader(self._replies, SERVICE, process_id, is_gone=False)
        free_reader(self._events, control.EVENTS_READER_SERVICE, process_id, is_gone=False)

    def remove(self) -> None:
        """Unlink the node's control rings."""
        self._drop_orders()
        self._reader.close()
        self._unlink_made()

    def _unlink_made(self) -> None:
        for ring in self._made:
            ring.unlink()
            ring.close()
