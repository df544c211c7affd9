"""A node's outputs, as its code sees them: encoding, stamping, sending."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rtmesh.node._wire import Trail
from rtmesh.node.errors import OutputLimitError
from rtmesh.node.inputs import unknown_port
from rtmesh.node.message import Encoded, Message, MessageType
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
        self._origin = origin
        self._key = key
        self._host = host
        self._now_ns = host.now_ns
        self._trail = trail

    def send(self, message: Any = None, /, **fields: Any) -> None:
        """Send a message given by its fields, or as a whole; wait while a `block` reader's queue is full.

        Raises:
            OutputLimitError: it is bigger than the output's max_bytes.
            TypeError, ValueError: a field is unknown or of the wrong kind.
            RuntimeError: in setup() or teardown().
        """
        encoded = self._encode(message, fields)
        while not self._publish(encoded):
            self._host.wait_for_space(self._ring)

    def try_send(self, message: Any = None, /, **fields: Any) -> bool:
        """Like send(), but False instead of waiting: the message was not sent."""
        return self._publish(self._encode(message, fields))

    def _encode(self, message: Any, fields: Mapping[str, Any]) -> Encoded:
        if self._trail.refusal:
            raise RuntimeError(f"output {self.name}: {self._trail.refusal}")
        is_whole = message is not None
        encoded = self._encode_whole(message, fields) if is_whole else self._type.encode_fields(fields)
        if encoded.length > self._max_bytes:
            raise self._too_big(encoded.length)
        return encoded

    def _encode_whole(self, message: Any, fields: Mapping[str, Any]) -> Encoded:
        if fields:
            raise TypeError(f"output {self.name}: give a message or its fields, not both")
        return self._type.encode(message.proto() if isinstance(message, Message) else message)

    def _publish(self, encoded: Encoded) -> bool:
        ring, trail, now_ns = self._ring, self._trail, self._now_ns()
        header = trail.stamp(ring.sequence, ring.epoch, now_ns, self._origin)
        _, _, _, origin, _, _, origin_time_ns = header
        if not ring.try_publish_parts(
            encoded.parts(header), now_ns, encoded.align_at, origin, origin_time_ns
        ):
            return False
        trail.sent(header)
        return True

    def _too_big(self, length: int) -> OutputLimitError:
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
