"""The names that a module of Python binds, read from its source without running it."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ModuleNames:
    """What a module binds at its top level.

    Args:
        all: every name, imported ones too.
        classes: those that are classes defined there, in order.
        is_open: whether it may bind others: by `import *`, or when it is asked.
    """

    all: frozenset[str]
    classes: tuple[str, ...]
    is_open: bool

    def may_have(self, name: str) -> bool:
        return self.is_open or name in self.all


def read_names(path: Path) -> ModuleNames:
    """Read a module's source.

    Raises:
        OSError: it cannot be read.
        SyntaxError, ValueError: it is no Python.
        RecursionError, MemoryError: it is nested too deeply.
    """
    tree = ast.parse(path.read_bytes(), filename=str(path))
    statements = list(_top_level(tree.body))
    names = {name for statement in statements for name in _bound(statement)}
    classes = [item.name for item in statements if isinstance(item, ast.ClassDef)]
    is_open = bool({"*", "__getattr__"} & names)
    return ModuleNames(frozenset(names - {"*"}), tuple(dict.fromkeys(classes)), is_open)


def _top_level(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Statements that run on import, also inside `if`, `try` and `with`."""
    for statement in body:
        yield statement
        if isinstance(statement, (ast.If, ast.Try, ast.With, ast.For, ast.While)):
            for field in ("body", "orelse", "finalbody"):
                yield from _top_level(getattr(statement, field, []))
            for handler in getattr(statement, "handlers", []):
                yield from _top_level(handler.body)


def _bound(statement: ast.stmt) -> set[str]:
    match statement:
        case ast.ClassDef(name=name) | ast.FunctionDef(name=name):
            return {name}
        case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
            return {alias.asname or alias.name for alias in aliases}
        case ast.Assign(targets=targets):
            return {node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name)}
        case ast.AnnAssign(target=ast.Name(id=name)):
            return {name}
    return set()
