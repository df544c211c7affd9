"""The contracts of tests/node/data/lab/v1/lab.proto, for the tests of the SDK."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rtmesh import Node
from rtmesh.node.message import Message, MessageType
from rtmesh.node.proto_files import find_service
from rtmesh.node.testing import NodeHarness
from rtmesh.node.wire import HeaderValues

LAB_FOLDER = Path(__file__).parent.parent / "node" / "data"
LAB_PROTO = LAB_FOLDER / "lab" / "v1" / "lab.proto"


def harness(cls: type[Node], service: str = "Filter", **options: Any) -> NodeHarness:
    """A harness for a node of one of the lab's contracts."""
    return NodeHarness(cls, service=f"lab.v1.{service}", protos=[LAB_PROTO], **options)


def sample_type() -> MessageType:
    """The type of lab.v1.Sample."""
    service = find_service("lab.v1.Sink", [LAB_PROTO])
    return MessageType(service.methods_by_name["Bins"].input_type)


def sample(
    *, origin: int = 1, epoch: int = 1, sequence: int = 1, time_ns: int = 0, **fields: object
) -> Message:
    """A received lab.v1.Sample with the origin that is given."""
    type_ = sample_type()
    header = HeaderValues(1, 1, 0, origin, epoch, sequence, time_ns)
    return type_.decode(type_.encode(fields).to_bytes(header))
