"""A node's inputs, as its code sees them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NoReturn

from rtmesh.node.message import Message, MessageType
from rtmesh.node.ports import Host, InputRing


class Input:
    """An input port: `self.inputs.NAME`."""

    def __init__(
        self, name: str, message_type: MessageType, ring: InputRing, host: Host, trigger: str
    ) -> None:
        self.name = name
        self._type = message_type
        self._ring = ring
        self._host = host
        self._trigger = trigger
        self._newest: Message | None = None

    def latest(self) -> Message | None:
        """The newest message, the same again until a newer one is there; None before the first.

        For inputs without @on. A message counts as delivered when it is first returned; those
        that a newer one replaced unseen count as dropped (superseded). On a `drop_oldest` input
        every queued message counts as delivered, though only the newest is returned.
        """
        if self._trigger:
            raise RuntimeError(
                f"input {self.name} calls {self._trigger}, which is given every message: "
                "keep the one you need there"
            )
        while (view := self._ring.try_take(self._host.now_ns())) is not None:
            self._newest = self._type.decode(view)
            self._ring.release()
        return self._newest

    def __repr__(self) -> str:
        return f"<input {self.name}: {self._type.full_name}>"


class Inputs:
    """The inputs of a node, one attribute each."""

    def __init__(self, service: str, ports: Mapping[str, Input]) -> None:
        self._service = service
        vars(self).update(ports)
        self._ports = dict(ports)

    def __iter__(self) -> Iterator[Input]:
        return iter(self._ports.values())

    # Only asked for names that are no attribute, so a port costs one dictionary look-up.
    def __getattr__(self, name: str) -> Input:
        unknown_port("input", name, self.__dict__.get("_service", ""), self.__dict__.get("_ports", {}))


def unknown_port(kind: str, name: str, service: str, known: Mapping[str, object]) -> NoReturn:
    """AttributeError that names the ports there are."""
    listed = ", ".join(known) or "none"
    raise AttributeError(f"{service} has no {kind} {name!r}; its {kind}s: {listed}")
