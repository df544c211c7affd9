"""What a graph says of one node, in words and as a record."""

from __future__ import annotations

from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.json_format import MessageToDict
from google.protobuf.message_factory import GetMessageClass

from rtmesh.graph.protos import pool_of
from rtmesh.v1 import graph_pb2

_WIDE = (FieldDescriptor.CPPTYPE_INT64, FieldDescriptor.CPPTYPE_UINT64)


def node_spec(graph: graph_pb2.Graph, node: graph_pb2.Node) -> dict[str, Any]:
    """The node as the graph has it: contract, code, ports, policies, parameters."""
    return {
        "service": node.service,
        "run": node.run or None,
        "command": list(node.command),
        "machine": node.machine or None,
        "inputs": {port.name: _port(port) for port in node.inputs},
        "outputs": {port.name: _port(port) for port in node.outputs},
        "methods": {
            method.name: {"request": method.request_type, "response": method.response_type}
            for method in node.methods
        },
        "restart": {
            "when": restart_name(node.restart.when),
            "most": node.restart.most,
            "backoff_ms": node.restart.backoff_ms,
        },
        "when_failed": when_failed_name(node.when_failed),
        "setup_timeout_ms": node.setup_timeout_ms,
        "step_timeout_ms": node.step_timeout_ms,
        "spin_us": node.spin_us,
        "parameters": parameters_of(graph, node),
    }


def parameters_of(graph: graph_pb2.Graph, node: graph_pb2.Node) -> dict[str, Any]:
    """The parameters that the graph gives, by name; those it leaves out are not there."""
    configure = next((method for method in node.methods if method.name == "Configure"), None)
    if configure is None or not node.parameters:
        return {}
    descriptor = pool_of(graph.descriptors).FindMessageTypeByName(configure.request_type)
    message = GetMessageClass(descriptor).FromString(node.parameters)
    given = MessageToDict(message, preserving_proto_field_name=True)
    # JSON of protobuf writes 64-bit integers as text, for readers that have none.
    wide = {
        field.name: value
        for field, value in message.ListFields()
        if field.cpp_type in _WIDE and isinstance(value, int)
    }
    return {**given, **wide}


def restart_name(value: int) -> str:
    """never or on_failure."""
    return graph_pb2.RestartWhen.Name(value).removeprefix("RESTART_WHEN_").lower()


def when_failed_name(value: int) -> str:
    """stop_graph or continue."""
    return graph_pb2.WhenFailed.Name(value).removeprefix("WHEN_FAILED_").lower()


def _port(port: graph_pb2.Port) -> dict[str, Any]:
    return {"type": port.type, "max_bytes": port.max_bytes}
