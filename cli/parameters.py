"""Parameters of running nodes, read and changed for `meshctl param`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rtmesh.common.errors import NotFoundError

if TYPE_CHECKING:
    from google.protobuf.descriptor import FieldDescriptor

    from rtmesh.client import Client
    from rtmesh.client.node import NodeClient
    from rtmesh.graph.overrides import Override


@dataclass(frozen=True)
class Changed:
    """Parameters of a node that were changed, and all of them afterwards."""

    names: tuple[str, ...]
    message: Any


def connect(client: Client, owner: str) -> NodeClient:
    """The client of a node that has parameters. Raises RtmeshError if there is none."""
    from rtmesh.cli.naming import find_node
    from rtmesh.client.node import NodeClient

    found = find_node(client, owner)
    node = NodeClient.of(found.graph, found.status)
    node.require_parameters()
    return node


def require_field(node: NodeClient, name: str) -> FieldDescriptor:
    """A parameter of a node. Raises NotFoundError with the name that was probably meant."""
    from rtmesh.graph.names import did_you_mean

    fields = node.require_parameters().fields_by_name
    if name not in fields:
        raise NotFoundError(f"{node.name} has no parameter {name!r:.60}", did_you_mean(name, fields))
    return fields[name]


def change_each(client: Client, pairs: Sequence[tuple[str, str]]) -> Iterator[Changed]:
    """Change what "[GRAPH/]NODE.PARAMETER" and value pairs say, node by node. Raises what a node refuses."""
    grouped: dict[str, list[Override]] = {}
    for key, text in pairs:
        owner, change = _override(key, text)
        grouped.setdefault(owner, []).append(change)
    for owner, changes in grouped.items():
        with connect(client, owner) as node:
            yield _change(node, changes)


def all_lines(message: Any, form: str) -> list[str]:
    """Every parameter; those that nothing sets too, so that they are known."""
    return _lines(message, [field.name for field in message.DESCRIPTOR.fields], form)


def changed_lines(changed: Changed, form: str) -> list[str]:
    """The parameters that were changed."""
    return _lines(changed.message, changed.names, form)


def one_line(message: Any, field: FieldDescriptor, form: str) -> str:
    """The value of one parameter alone, for scripts: a text without quotes, nothing if it is unset."""
    from rtmesh.cli.messages import to_json
    from rtmesh.client.node_values import values_of

    value = values_of(message)[field.name]
    if form == "json":
        return to_json(value)
    if value is None:
        return ""
    return value if isinstance(value, str) else to_json(value)


def _lines(message: Any, names: Sequence[str], form: str) -> list[str]:
    from rtmesh.cli.messages import Look, json_line, text_lines

    if form == "json":
        return [json_line(message, Look(fields=tuple(names)))]
    lines = []
    for name in names:
        lines += text_lines(message, Look(fields=(name,), is_full=True)) or [f"{name}: (unset)"]
    return lines


def _override(key: str, text: str) -> tuple[str, Override]:
    from rtmesh.cli.naming import split_member
    from rtmesh.graph.overrides import Override

    owner, name = split_member(key, "PARAMETER")
    return owner, Override(key=key, node=owner, path=tuple(name.split(".")), text=text, given_by="")


def _change(node: NodeClient, changes: Sequence[Override]) -> Changed:
    message = node.require_parameters()
    values = _kept(node, changes)
    for change in changes:
        require_field(node, change.path[0])
        change.assign(values, message)
    names = tuple(dict.fromkeys(change.path[0] for change in changes))
    return Changed(names, node.configure(values))


def _kept(node: NodeClient, changes: Sequence[Override]) -> dict[str, Any]:
    """What stays of a message or map of which only a part is changed: the node replaces it as a whole."""
    from rtmesh.client.node_values import values_of

    parts = {change.path[0] for change in changes if len(change.path) > 1}
    if not parts:
        return {}
    return {name: value for name, value in values_of(node.parameters()).items() if name in parts and value}
