"""graph.yaml as a tree in which every key and value knows its line and column."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from rtmesh.graph.problems import GraphError, Problem

LONGEST_FILE_BYTES = 1 << 20
MOST_VALUES = 100_000
DEEPEST = 40

_YAML = "tag:yaml.org,2002:"
_CONSTRUCTED = {_YAML + kind for kind in ("int", "float", "bool", "null")}
_VERBATIM = {_YAML + kind for kind in ("str", "timestamp", "value", "merge")}


class Mark(NamedTuple):
    """A place in a file; line and column from 1. No line: the whole of it."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


@dataclass(frozen=True)
class Scalar:
    """A plain value: str, int, float, bool or None; `text` is how it was written."""

    mark: Mark
    value: str | int | float | bool | None
    text: str


@dataclass(frozen=True)
class Items:
    """A list."""

    mark: Mark
    items: tuple[Value, ...]


@dataclass(frozen=True)
class Entries:
    """A mapping. `repeated` has the keys that stand in it more than once, where they do so again."""

    mark: Mark
    values: dict[str, Value] = field(default_factory=dict)
    key_marks: dict[str, Mark] = field(default_factory=dict)
    repeated: tuple[tuple[str, Mark], ...] = ()


Value = Scalar | Items | Entries


def plain(value: Value) -> Any:
    """The value as dict, list, str, int, float, bool and None."""
    if isinstance(value, Entries):
        return {key: plain(inner) for key, inner in value.values.items()}
    if isinstance(value, Items):
        return [plain(inner) for inner in value.items]
    return value.value


def describe(value: Value) -> str:
    """What a value is, for a message: `a list`, `the int 3`, `nothing`."""
    if isinstance(value, Entries):
        return "a mapping"
    if isinstance(value, Items):
        return "a list"
    if value.value is None:
        return "nothing"
    kind = {"str": "the text", "bool": "the bool"}.get(type(value.value).__name__, "the number")
    return f"{kind} {value.text!r:.60}"


def parse_document(text: str, file: str) -> Value:
    """Parse YAML 1.2. Anchors, aliases and `<<` work; tags are refused.

    Raises:
        GraphError: a syntax error (one: YAML cannot be read past it), or values that no graph has.
    """
    root = _compose(text, file)
    if root is None:
        raise GraphError([Problem(f"{file}:1:1", "", "the file is empty", "start it with `rtmesh: 1`")])
    return _Builder(file).build(root, DEEPEST)


def _compose(text: str, file: str) -> Any:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError

    if len(text) > LONGEST_FILE_BYTES:
        raise GraphError([Problem(file, "", f"longer than {LONGEST_FILE_BYTES >> 20} MiB", "is it a graph?")])
    try:
        return YAML(typ="safe", pure=True).compose(text)
    except MarkedYAMLError as error:
        raise GraphError([_syntax_problem(error, file)]) from error
    except RecursionError as error:
        raise GraphError([Problem(file, "", "nested too deeply", "is it a graph?")]) from error
    except Exception as error:  # the parser raises many types on odd input; all of them mean this
        text = f"not YAML: {str(error).splitlines()[0] if str(error) else type(error).__name__}"
        raise GraphError([Problem(file, "", text, "write plain UTF-8 YAML")]) from error


def _syntax_problem(error: Any, file: str) -> Problem:
    mark = error.problem_mark or error.context_mark
    where = f"{file}:{mark.line + 1}:{mark.column + 1}" if mark else file
    parts = [part for part in (error.context, error.problem) if part]
    return Problem(where, "", f"not YAML: {', '.join(parts)}", "mend the syntax; the rest was not checked")


class _Builder:
    """Turns the parser's nodes into values, within bounds that no alias can blow up."""

    def __init__(self, file: str) -> None:
        from ruamel.yaml import YAML

        self.file = file
        self.count = 0
        self.construct = YAML(typ="safe", pure=True).constructor.construct_object

    def build(self, node: Any, depth: int) -> Value:
        self.count += 1
        if depth == 0 or self.count > MOST_VALUES:
            self._refuse(node, "too many values, or nested too deeply")
        if node.id == "mapping" and node.tag == _YAML + "map":
            return self._entries(node, depth)
        if node.id == "sequence" and node.tag == _YAML + "seq":
            return Items(self._mark(node), tuple(self.build(inner, depth - 1) for inner in node.value))
        if node.id == "scalar":
            return Scalar(self._mark(node), self._scalar(node), self._text(node))
        return self._refuse(node, f"unknown tag {node.tag}")

    def _scalar(self, node: Any) -> Any:
        if node.tag in _VERBATIM:
            return self._text(node)
        if node.tag not in _CONSTRUCTED:
            self._refuse(node, f"unknown tag {node.tag}")
        try:
            return self.construct(node)
        except Exception as error:  # `!!int x`, and integers of thousands of digits
            return self._refuse(node, f"{node.value!r:.60} is no {str(node.tag).removeprefix(_YAML)}", error)

    def _entries(self, node: Any, depth: int) -> Entries:
        values: dict[str, Value] = {}
        key_marks: dict[str, Mark] = {}
        repeated: list[tuple[str, Mark]] = []
        merged: list[Entries] = []
        for key_node, value_node in node.value:
            value = self.build(value_node, depth - 1)
            if key_node.tag == _YAML + "merge":
                merged += _mappings_of(value) or self._refuse(value_node, "`<<` takes a mapping")
                continue
            key = self._key(key_node)
            if key in values:
                repeated.append((key, self._mark(key_node)))
            else:
                values[key], key_marks[key] = value, self._mark(key_node)
        for other in merged:
            values = {**other.values, **values}
            key_marks = {**other.key_marks, **key_marks}
        return Entries(self._mark(node), values, key_marks, tuple(repeated))

    def _key(self, node: Any) -> str:
        if node.id != "scalar":
            self._refuse(node, "a key is a word, not a list or a mapping")
        return self._text(node)

    def _text(self, node: Any) -> str:
        """A scalar's text; JSON's escapes for one character (\\ud83d\\ude00) are put together."""
        try:
            return str(node.value).encode("utf-16", "surrogatepass").decode("utf-16")
        except UnicodeDecodeError as error:
            return str(self._refuse(node, "half of a character stands alone", error))

    def _mark(self, node: Any) -> Mark:
        return Mark(self.file, node.start_mark.line + 1, node.start_mark.column + 1)

    def _refuse(self, node: Any, text: str, cause: Exception | None = None) -> Any:
        remedy = "write plain values"
        raise GraphError([Problem(str(self._mark(node)), "", text, remedy)]) from cause


def _mappings_of(value: Value) -> list[Entries]:
    candidates = value.items if isinstance(value, Items) else (value,)
    return [candidate for candidate in candidates if isinstance(candidate, Entries)]


def walk(value: Value, path: Sequence[str]) -> Iterator[Value]:
    """The values along a path of keys and places ("[2]"), as far as it leads."""
    yield value
    for part in path:
        place = part.strip("[]")
        if isinstance(value, Entries) and part in value.values:
            value = value.values[part]
        elif isinstance(value, Items) and place.isdecimal() and int(place) < len(value.items):
            value = value.items[int(place)]
        else:
            return
        yield value


def repeats(value: Value, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Mark]]:
    """Every key within that stands in its mapping more than once, with its path."""
    if isinstance(value, Items):
        for place, item in enumerate(value.items):
            yield from repeats(item, (*path, f"[{place}]"))
    elif isinstance(value, Entries):
        for key, mark in value.repeated:
            yield (*path, key), mark
        for key, inner in value.values.items():
            yield from repeats(inner, (*path, key))
