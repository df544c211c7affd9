"""One parameter given as text, `NODE.PARAMETER=TEXT`: over what a graph file or a running node says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from rtmesh.graph.document import parse_document, plain


@dataclass(frozen=True)
class Override:
    """One NODE.PARAMETER=TEXT; `key` is NODE.PARAMETER as typed, `path` what is after NODE.

    `given_by` stands before the key where a problem is told.
    """

    key: str
    node: str
    path: tuple[str, ...]
    text: str
    given_by: str = "--set "

    @property
    def where(self) -> str:
        return f"{self.given_by}{self.key.encode(errors='backslashreplace').decode()}"

    def assign(self, values: dict[str, Any], message: Descriptor) -> None:
        """Put the value into `values`, which build_parameters makes a message of.

        Raises:
            GraphError: the text is not YAML.
        """
        value = self._parsed(_field_at(message, self.path))
        *outer, last = self.path
        for name in outer:
            inner = values.get(name)
            if not isinstance(inner, dict):
                inner = values[name] = {}
            values = inner
        values[last] = value

    def _parsed(self, field: FieldDescriptor | None) -> Any:
        """The value that TEXT stands for: YAML, except that a string parameter takes text as it is."""
        is_string = field is not None and field.type == FieldDescriptor.TYPE_STRING and not field.is_repeated
        if not self.text or (is_string and self.text[0] not in "\"'"):
            return self.text
        return plain(parse_document(self.text, self.where))


def _field_at(message: Descriptor, path: Sequence[str]) -> FieldDescriptor | None:
    field = None
    for name in path:
        field = message.fields_by_name.get(name) if message is not None else None
        if field is None:
            return None
        message = field.message_type
    return field
