"""A node's parameters: the class's defaults, overlaid by the graph's, changed by Configure."""

from __future__ import annotations

from typing import Any

from google.protobuf.descriptor import Descriptor
from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from rtmesh.graph.parameters import build_parameters
from rtmesh.graph.problems import ParameterError
from rtmesh.node.errors import NodeDefinitionError
from rtmesh.node.node import Node


def initial_parameters(node_class: type[Node], descriptor: Descriptor | None, given: bytes) -> Message:
    """The parameters a node starts with; an empty message if its contract has none.

    Args:
        given: the graph's parameters, a serialized Configure message.
    Raises:
        NodeDefinitionError: the class has defaults that do not fit.
    """
    if descriptor is None:
        return _without_parameters(node_class)
    try:
        defaults = build_parameters(descriptor, node_class.defaults)
    except ParameterError as error:
        raise NodeDefinitionError([f"{node_class.__name__}.defaults: {error}"]) from error
    return merged(defaults, GetMessageClass(descriptor).FromString(given))


def merged(current: Message, changes: Message) -> Message:
    """A copy of `current` with `changes`: what is unset keeps, what is set replaces.

    A repeated or map field replaces when it is not empty, a message field as a whole.
    """
    result: Any = type(current)()
    result.CopyFrom(current)
    for field, _ in changes.ListFields():
        result.ClearField(field.name)
    result.MergeFrom(changes)
    return result


def _without_parameters(node_class: type[Node]) -> Message:
    if node_class.defaults:
        names = ", ".join(node_class.defaults)
        problem = f"{node_class.__name__}.defaults: its contract has no Configure, so no {names}"
        raise NodeDefinitionError([problem])
    return Empty()
