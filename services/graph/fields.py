"""Reading a document key by key: each reader takes a value or notes what is wrong with it.

Nothing here raises: a reader that finds a problem adds it to the list and returns None (or an
empty collection), so that one pass reports everything.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from rtmesh.graph.document import Entries, Items, Mark, Scalar, Value, describe, plain, repeats, walk
from rtmesh.graph.names import LONGEST_NAME, did_you_mean, is_name
from rtmesh.graph.problems import Problem, join_path
from rtmesh.graph.units import parse_duration_ns, parse_size_bytes

# Keys whose feature does not exist yet: refused by name, since a setting takes effect or is refused.
NOT_SUPPORTED_YET = frozenset({"realtime", "record", "security", "tls"})

Choice = TypeVar("Choice")

LONGEST_DURATION_NS = 24 * 3_600_000_000_000


class Problems:
    """What was found so far."""

    def __init__(self) -> None:
        self.found: list[tuple[Mark, Problem]] = []

    def add(self, mark: Mark, path: str, text: str, remedy: str = "") -> None:
        self.found.append((mark, Problem(str(mark), path, text, remedy)))

    def add_elsewhere(self, problem: Problem) -> None:
        """Note a problem of another file, a proto or the command line: it stands after graph.yaml's."""
        self.found.append((Mark("", 1 << 30), problem))

    def in_order(self) -> list[Problem]:
        """Every problem once, in file order."""
        ordered = sorted(self.found, key=lambda item: (item[0].line, item[0].column))
        return list(dict.fromkeys(problem for _, problem in ordered))


@dataclass(frozen=True)
class Field:
    """A value of the document with its path (nodes.decoder.inputs.bins) and its key's place."""

    value: Value
    path: str
    key_mark: Mark
    problems: Problems

    @property
    def is_mapping(self) -> bool:
        return isinstance(self.value, Entries)

    def has_other_keys_than(self, known: Collection[str]) -> bool:
        return isinstance(self.value, Entries) and not self.value.values.keys() <= set(known)

    def refuse(self, text: str, remedy: str = "") -> None:
        self.problems.add(self.value.mark, self.path, text, remedy)

    def refuse_key(self, text: str, remedy: str = "") -> None:
        self.problems.add(self.key_mark, self.path, text, remedy)

    def entries(self, known: Collection[str], required: Collection[str] = ()) -> dict[str, Field]:
        """The fields of a mapping with these keys; unknown, repeated and missing ones are noted."""
        fields = self.named_entries()
        for key in [key for key in fields if key not in known]:
            _refuse_unknown(key, fields.pop(key), known)
        for key in required:
            if key not in fields and self.is_mapping:
                self.refuse_key(f"the key {key} is missing", f"add `{key}:`")
        return fields

    def named_entries(
        self, twice: str = "the key {} stands here twice", remedy: str = ""
    ) -> dict[str, Field]:
        """The fields of a mapping whose keys the user chose; a repeated one is noted as `twice` says."""
        if not isinstance(self.value, Entries):
            self._expected("a mapping")
            return {}
        for key, mark in self.value.repeated:
            self.problems.add(mark, join_path(self.path, key), twice.format(key), remedy or "remove one")
        marks = self.value.key_marks
        return {key: self._inner(inner, key, marks[key]) for key, inner in self.value.values.items()}

    def items(self) -> list[Field]:
        if not isinstance(self.value, Items):
            self._expected("a list")
            return []
        return [self._inner(item, f"[{place}]", item.mark) for place, item in enumerate(self.value.items)]

    def text(self, example: str = "text") -> str | None:
        if not isinstance(self.value, Scalar) or not isinstance(self.value.value, str):
            self._expected(example)
            return None
        if not self.value.value.strip():
            self._expected(example)
            return None
        if "\0" in self.value.value:
            self.refuse("has a null character", "remove it")
            return None
        return self.value.value

    def texts(self, example: str) -> list[tuple[Field, str]]:
        """The texts of a list, one at least, each with its place."""
        items = self.items()
        if isinstance(self.value, Items) and not items:
            self.refuse("the list is empty", f"name at least one, such as {example}")
        found = [(item, item.text(f"text, such as {example}")) for item in items]
        return [(item, text) for item, text in found if text is not None]

    def name(self, pattern: re.Pattern[str], rule: str) -> str | None:
        text = self.text("a name")
        if text is None or is_name(text, pattern):
            return text
        self.refuse(f"{text!r:.60} is not a name: {rule}, at most {LONGEST_NAME}")
        return None

    def integer(self, lowest: int, highest: int) -> int | None:
        value = self.value.value if isinstance(self.value, Scalar) else None
        if not isinstance(value, int) or isinstance(value, bool):
            self._expected(f"a whole number from {lowest} to {highest}")
            return None
        if not lowest <= value <= highest:
            shown = str(value) if abs(value) < 1 << 64 else "the number"
            self.refuse(f"{shown} is out of range", f"choose from {lowest} to {highest}")
            return None
        return value

    def choice(self, choices: Mapping[str, Choice]) -> Choice | None:
        """One of the texts that `choices` knows, as what it stands for."""
        text = self.text(" or ".join(choices))
        if text is None or text in choices:
            return choices[text] if text is not None else None
        self.refuse(f"{text!r:.60} is neither {' nor '.join(choices)}", did_you_mean(text, choices))
        return None

    def duration(self, unit_ns: int, lowest: int = 1, highest: int | None = None) -> int | None:
        """A duration in whole units of `unit_ns`, from `lowest` to `highest` (None: 24 h) of them."""
        longest_ns = LONGEST_DURATION_NS if highest is None else highest * unit_ns
        text = self._quantity("a duration such as 15s or 200ms")
        try:
            duration_ns = parse_duration_ns(text) if text is not None else None
        except ValueError as error:
            self.refuse(str(error))
            return None
        if duration_ns is None:
            return None
        if duration_ns % unit_ns or not lowest * unit_ns <= duration_ns <= longest_ns:
            unit = {1_000: "us", 1_000_000: "ms"}[unit_ns]
            most = "24h" if highest is None else f"{highest}{unit}"
            self.refuse(f"{text} is out of range", f"choose whole {unit}, from {lowest}{unit} to {most}")
            return None
        return duration_ns // unit_ns

    def size_bytes(self, lowest: int, highest: int) -> int | None:
        text = self._quantity("a size such as 4KiB or 1MiB")
        try:
            size = parse_size_bytes(text) if text is not None else None
        except ValueError as error:
            self.refuse(str(error))
            return None
        if size is not None and not lowest <= size <= highest:
            self.refuse(f"{text} is out of range", f"choose from {lowest} B to {highest >> 20}MiB")
            return None
        return size

    def free_mapping(self) -> dict[str, Any]:
        """A mapping of any depth as plain values; repeated keys within are noted."""
        if not isinstance(self.value, Entries):
            self._expected("a mapping")
            return {}
        for path, mark in repeats(self.value):
            text = f"the key {path[-1]} stands here twice"
            self.problems.add(mark, join_path(self.path, *path), text, "remove one")
        values: dict[str, Any] = plain(self.value)
        return values

    def mark_of(self, path: Sequence[str]) -> Mark:
        """The place of a value within, or of the nearest one around it."""
        return list(walk(self.value, path))[-1].mark

    def _quantity(self, example: str) -> str | None:
        if isinstance(self.value, Scalar) and type(self.value.value) in (str, int, float):
            return self.value.text
        self._expected(example)
        return None

    def _expected(self, expected: str) -> None:
        remedy = "remove the key, or give it a value" if describe(self.value) == "nothing" else ""
        self.refuse(f"is {describe(self.value)}; expected {expected}", remedy)

    def _inner(self, value: Value, key: str, mark: Mark) -> Field:
        return Field(value, join_path(self.path, key), mark, self.problems)


def _refuse_unknown(key: str, field: Field, known: Collection[str]) -> None:
    if key in NOT_SUPPORTED_YET:
        field.refuse_key(f"{key} is not supported yet", "remove it")
    else:
        field.refuse_key(f"unknown key {key!r:.60}", did_you_mean(key, known))
