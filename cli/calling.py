"""Requests as they are typed, and methods as they are explained."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rtmesh.common.errors import InvalidArgumentError, NotFoundError

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor, FieldDescriptor

    from rtmesh.client.node import NodeClient
    from rtmesh.graph.contract import MethodSpec

_REMEDY = "write a JSON object, for example '{\"total\": 7}'"


def read_request(text: str) -> dict[str, Any]:
    """The values that a request as typed stands for. Raises InvalidArgumentError or NotFoundError."""
    if text == "-":
        return _object(sys.stdin.read(), "stdin")
    if text.startswith("@"):
        return _object(_file_text(Path(text[1:])), text[1:])
    return _object(text, "the request")


def spec_of(node: NodeClient, name: str) -> MethodSpec:
    """A method of a node. Raises NotFoundError that explains each one that there is."""
    try:
        return node.method(name)
    except NotFoundError as error:
        explained = [f"  {signature(spec)}" for spec in node.contract.methods]
        raise NotFoundError(error.message, "\n".join([_remedy(node, name, error), *explained])) from None


def signature(spec: MethodSpec) -> str:
    """Reset(total: int64) -> (previous_total: int64)."""
    return f"{spec.name}({_fields(spec.request)}) -> ({_fields(spec.response)})"


def _remedy(node: NodeClient, name: str, error: NotFoundError) -> str:
    if node.contract.port(name, "output") is not None:
        return "it is an output: read it with meshctl echo"
    if node.contract.port(name, "input") is not None:
        return "it is an input, which messages are sent to"
    return error.remedy


def _fields(message: Descriptor) -> str:
    return ", ".join(f"{field.name}: {_type(field)}" for field in message.fields)


def _type(field: FieldDescriptor) -> str:
    from rtmesh.client.node_values import is_map
    from rtmesh.graph.parameters import type_name

    if is_map(field):
        inner = field.message_type.fields_by_name
        return f"map of {type_name(inner['key'])} to {type_name(inner['value'])}"
    return f"list of {type_name(field)}" if field.is_repeated else type_name(field)


def _file_text(path: Path) -> str:
    try:
        return path.read_text()
    except FileNotFoundError:
        raise NotFoundError(f"there is no file {path}", "@FILE reads the request from a file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidArgumentError(f"{path} cannot be read: {error}") from error


def _object(text: str, where: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise InvalidArgumentError(f"{where} is not JSON: {error}", _REMEDY) from None
    if not isinstance(value, dict):
        raise InvalidArgumentError(f"{where} is {type(value).__name__} {text.strip():.60}", _REMEDY)
    return value
