"""A loop's side of its control rings: orders and requests come in, events go out."""

from __future__ import annotations

import socket
import time
from collections import deque

from rtmesh.common.control import MESSAGE_BYTES, WORD_STATE
from rtmesh.common.parts import Cutter, Joiner
from rtmesh.node.calls import RESOURCE_EXHAUSTED, Reply
from rtmesh.node.tracebacks import bounded
from rtmesh.shm import Reader, Writer, wait
from rtmesh.v1 import node_pb2, status_pb2

# Room for the fields around a response or a result.
LARGEST_PAYLOAD_BYTES = MESSAGE_BYTES - 1024
# How long the rest of a reply may hold up the node's end: a service takes it in milliseconds, if it lives.
LAST_REPLY_NS = 1_000_000_000
_OVER = (status_pb2.NODE_STATE_ENDED, status_pb2.NODE_STATE_STOPPED, status_pb2.NODE_STATE_FAILED)


class Channel:
    """The loop's ends of its control rings, and meshd's doorbell.

    Attributes:
        orders, requests, replies: to wait on.
        is_started, is_draining, is_stopping: what was ordered so far.
        is_replying: a part of the last reply waits for room in `replies`.
    """

    def __init__(self, config: node_pb2.LoopConfig) -> None:
        self.orders = Reader(config.orders_segment, 0)
        self.requests = Reader(config.requests_segment, 0)
        self.replies = Writer(config.replies_segment, epoch=config.epoch)
        self.events = Writer(config.events_segment, epoch=config.epoch)
        self._joiner = Joiner(node_pb2.NodeRequest.FromString)
        self._cutter = Cutter(node_pb2.NodeEvent)
        self._unsent: deque[bytes] = deque()  # of the last reply
        self.is_started = False
        self.is_draining = False
        self.is_stopping = False
        self.is_replying = False
        self._doorbell = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._doorbell_path = config.doorbell_path
        self._subject = f"{config.run}/{config.node.node.name}".encode()

    def poll_orders(self, now_ns: int) -> None:
        """Take every order that has come."""
        while (view := self.orders.try_take(now_ns)) is not None:
            order = node_pb2.NodeOrder.FromString(bytes(memoryview(view))).WhichOneof("order")
            self.orders.release()
            self.is_started |= order == "start"
            self.is_draining |= order == "drain"
            self.is_stopping |= order == "stop"

    def next_request(self, now_ns: int) -> node_pb2.NodeRequest | None:
        """The next request, if one has come; none before the last is answered."""
        if self._unsent and not self._reply(now_ns):
            return None
        while (view := self.requests.try_take(now_ns)) is not None:
            epoch, data = view.epoch, bytes(memoryview(view))
            del view
            self.requests.release()
            if (request := self._joiner.take(epoch, data)) is not None:
                return request
        return None

    @property
    def is_quiet(self) -> bool:
        """Whether nothing is ordered or asked that is not done with."""
        if self.is_stopping or self.is_draining or self.is_replying:
            return False
        return not (self.orders.available() or self.requests.available())

    def tell_state(self, now_ns: int, state: int, reason: str = "", detail: str = "") -> None:
        """Tell that the loop entered a state. It also stands in a word of the ring, which never drops it."""
        if state in _OVER:
            self._finish_reply(now_ns)
        self.events.set_word(WORD_STATE, state)
        change = node_pb2.NodeStateChange(
            state=status_pb2.NodeState.ValueType(state), reason=reason, detail=bounded(detail)
        )
        self._tell(now_ns, node_pb2.NodeEvent(state=change))

    def tell_result(self, now_ns: int, json: str) -> None:
        """Tell the node's result, of at most LARGEST_PAYLOAD_BYTES."""
        self._tell(now_ns, node_pb2.NodeEvent(result=node_pb2.NodeResult(json=json)))

    def tell_reply(self, now_ns: int, request_id: int, reply: Reply) -> None:
        """Answer a request; one whose response is too big is refused instead."""
        if len(reply.response) > LARGEST_PAYLOAD_BYTES:
            text = f"a response of {len(reply.response)} bytes; at most {LARGEST_PAYLOAD_BYTES} fit"
            reply = Reply(RESOURCE_EXHAUSTED, message=text)
        message = node_pb2.NodeReply(
            id=request_id,
            response=reply.response,
            code=reply.code,
            message=bounded(reply.message),
        )
        self._unsent.extend(self._cutter.slots(node_pb2.NodeEvent(reply=message)))
        self._reply(now_ns)

    def close(self) -> None:
        """Let go of the rings and the doorbell."""
        self._doorbell.close()
        for end in (self.orders, self.requests, self.replies, self.events):
            end.close()

    def _reply(self, now_ns: int) -> bool:
        """Give the service what there is room for; True if that was all."""
        while self._unsent and self.replies.try_publish(self._unsent[0], now_ns):
            self._unsent.popleft()
        self.is_replying = bool(self._unsent)
        return not self.is_replying

    def _finish_reply(self, now_ns: int) -> None:
        """Nothing is answered after the node's end, so what is left of the last reply goes before it."""
        until_ns = time.monotonic_ns() + LAST_REPLY_NS
        while not self._reply(now_ns) and (left_ns := until_ns - time.monotonic_ns()) > 0:
            wait((), (self.replies,), left_ns)

    def _tell(self, now_ns: int, event: node_pb2.NodeEvent) -> None:
        for slot in self._cutter.slots(event):
            self.events.try_publish(slot, now_ns)
        try:
            self._doorbell.sendto(self._subject, self._doorbell_path)
        except OSError:
            pass  # nobody listens: meshd is gone or busy, and will look at the ring when it is back
