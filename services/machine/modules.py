"""Finding a node's class without importing anything."""

from __future__ import annotations

import importlib.machinery
import importlib.util
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from rtmesh.graph.module_names import ModuleNames, read_names

EXTENSIONS = tuple(importlib.machinery.EXTENSION_SUFFIXES)


class ModuleProblem(Exception):
    """A module or class that cannot be used, with what to do."""

    def __init__(self, text: str, remedy: str) -> None:
        super().__init__(text)
        self.text = text
        self.remedy = remedy


def check_class(module: str, class_name: str, search: Sequence[Path]) -> Path:
    """Check that a module can be found and has a class; returns its file.

    Args:
        module: dotted name.
        search: folders searched before those of Python itself.

    Raises:
        ModuleProblem: the module is not found, cannot be parsed, or has no such class.
    """
    path = find_module(module, search)
    if path is None:
        folders = ", ".join(str(folder) for folder in search)
        raise ModuleProblem(
            f"module {module} is not found in {folders}", "correct `run`, or add to python_path"
        )
    if path.suffix != ".py":
        return path  # compiled: only importing it would tell
    names = _names(path, module)
    if not names.may_have(class_name):
        classes = ", ".join(sorted(names.all)) or "none"
        raise ModuleProblem(f"{path} has no class {class_name}", f"it defines: {classes}")
    return path


def find_module(module: str, search: Sequence[Path]) -> Path | None:
    """The file of a module; None if there is none."""
    parts = module.split(".")
    folders = [*search, *_installed(parts[0])]
    for part in parts[:-1]:
        folders = [folder / part for folder in folders if (folder / part).is_dir()]
    return next(_files(parts[-1], folders), None)


def _installed(package: str) -> list[Path]:
    """Folders that hold an installed top-level package or module. Finding a top-level one imports nothing."""
    try:
        spec = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        return []
    if spec is None:
        return []
    if spec.submodule_search_locations:
        return [Path(location).parent for location in spec.submodule_search_locations]
    return [Path(spec.origin).parent] if spec.has_location and spec.origin else []


def _files(name: str, folders: Iterable[Path]) -> Iterator[Path]:
    for folder in folders:
        candidates = [folder / name / "__init__.py", folder / f"{name}.py"]
        candidates += [folder / f"{name}{suffix}" for suffix in EXTENSIONS]
        yield from (path for path in candidates if path.is_file())


def _names(path: Path, module: str) -> ModuleNames:
    try:
        return read_names(path)
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None) or 0
        raise ModuleProblem(
            f"{path}:{line}: module {module} cannot be parsed: {error}", "correct it"
        ) from error
