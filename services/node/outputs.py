"""A node's outputs, as its code sees them: encoding, stamping, sending."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rtmesh.node._wire import Sender, Trail
from rtmesh.node.encoded import Ready
from rtmesh.node.errors import OutputLimitError
from rtmesh.node.inputs import unknown_port
from rtmesh.node.message import Message, MessageType
from rtmesh.node.ports import Host, OutputBinding


class Output:
    """An output port: `self.outputs.NAME`."""

    def __init__(
        self,
        name: str,
        message_type: MessageType,
        binding: OutputBinding,
        origin: int,
        key: str,
        host: Host,
        trail: Trail,
    ) -> None:
        self.name = name
        self._type = message_type
        self._ring = binding.ring
        self._max_bytes = binding.max_bytes
        self._key = key
        self._host = host
        self._trail = trail
        self._quick = message_type.quick
        self._publish = Sender(binding.ring, trail, host.now_ns, origin, binding.max_bytes).publish

    def send(self, message: Any = None, /, **fields: Any) -> None:
        """Send a message given by its fields, or as a whole; wait while a `block` reader's queue is full.

        Raises:
            OutputLimitError: it is bigger than the output's max_bytes.
            TypeError, ValueError: a field is unknown or of the wrong kind.
            RuntimeError: in setup() or teardown().
        """
        ready = self._quick(fields) if message is None else None
        if ready is None:
            ready = self._ready(message, fields)
        while not (is_sent := self._publish(ready)):
            if is_sent is None:
                raise self._refusal(ready)
            self._host.wait_for_space(self._ring)

    def try_send(self, message: Any = None, /, **fields: Any) -> bool:
        """Like send(), but False instead of waiting: the message was not sent."""
        ready = self._quick(fields) if message is None else None
        if ready is None:
            ready = self._ready(message, fields)
        is_sent = self._publish(ready)
        if is_sent is None:
            raise self._refusal(ready)
        return is_sent

    def _ready(self, message: Any, fields: Mapping[str, Any]) -> Ready:
        """Whatever is to be sent; raises if it cannot be, or if nothing can be sent now."""
        if self._trail.refusal:
            raise RuntimeError(f"output {self.name}: {self._trail.refusal}")
        if message is None:
            return self._type.encode_slowly(fields).ready()
        if fields:
            raise TypeError(f"output {self.name}: give a message or its fields, not both")
        return self._type.encode(message.proto() if isinstance(message, Message) else message).ready()

    def _refusal(self, ready: Ready) -> Exception:
        """Why a message may not be sent."""
        if self._trail.refusal:
            return RuntimeError(f"output {self.name}: {self._trail.refusal}")
        _, length, _ = ready
        return OutputLimitError(
            f"a message of {length} bytes is bigger than {self._key} allows ({self._max_bytes} bytes)",
            f"set {self._key} in graph.yaml to at least {length}, or send less at once",
        )

    def __repr__(self) -> str:
        return f"<output {self.name}: {self._type.full_name}>"


class Outputs:
    """The outputs of a node, one attribute each."""

    def __init__(self, service: str, ports: Mapping[str, Output]) -> None:
        self._service = service
        vars(self).update(ports)
        self._ports = dict(ports)

    def __iter__(self) -> Iterator[Output]:
        return iter(self._ports.values())

    def __getattr__(self, name: str) -> Output:
        unknown_port("output", name, self.__dict__.get("_service", ""), self.__dict__.get("_ports", {}))
