"""Which modules a file imports that cannot be found: looked up, not imported."""

from __future__ import annotations

import ast
import importlib
import importlib.machinery
import os
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

from rtmesh.machine.modules import EXTENSIONS


class MissingImport(NamedTuple):
    """A top-level package that is imported and not there."""

    package: str
    line: int


def missing_imports(path: Path, search: Sequence[Path]) -> list[MissingImport]:
    """Packages imported at the top of a file that neither `search` nor this environment has, each once.

    Imports inside functions, `try` and `if` are left out: a file may do without those.
    A file that cannot be parsed has none.
    """
    if path.suffix != ".py":
        return []
    try:
        tree = ast.parse(path.read_bytes(), filename=str(path))
    except (SyntaxError, ValueError):
        return []
    first_lines: dict[str, int] = {}
    for package, line in _imported(tree):
        first_lines.setdefault(package, line)
    found = _Finder(search)
    return [MissingImport(name, line) for name, line in first_lines.items() if not found.has(name)]


def _imported(tree: ast.Module) -> Iterator[tuple[str, int]]:
    for statement in tree.body:
        match statement:
            case ast.Import(names=aliases):
                yield from ((alias.name.partition(".")[0], statement.lineno) for alias in aliases)
            case ast.ImportFrom(module=str(module), level=0):
                yield module.partition(".")[0], statement.lineno


class _Finder:
    """Looks for top-level packages as a loop would find them: on the graph's path, then installed."""

    def __init__(self, search: Sequence[Path]) -> None:
        self._search = search
        # What was installed a moment ago counts.
        importlib.invalidate_caches()
        self.has = cache(self._has)

    def _has(self, package: str) -> bool:
        return any(_is_in(folder, package) for folder in self._search) or _is_installed(package)


def _is_in(folder: Path, package: str) -> bool:
    # A folder without __init__.py is a namespace package.
    files = (folder / f"{package}{suffix}" for suffix in (".py", *EXTENSIONS))
    return (folder / package).is_dir() or any(path.is_file() for path in files)


def _is_installed(package: str) -> bool:
    """Whether Python itself has a package. Finding a top-level one imports nothing."""
    # meshd's own working folder is not on a loop's path.
    path = [entry for entry in sys.path if entry not in ("", os.getcwd())]  # noqa: PTH109 - compared as text
    for finder in sys.meta_path:
        where = path if finder is importlib.machinery.PathFinder else None
        try:
            if finder.find_spec(package, where) is not None:
                return True
        except (ImportError, AttributeError, ValueError):
            continue  # a finder that cannot tell does not have it
    return False
