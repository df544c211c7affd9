"""The code that a graph runs, as files and their hashes: every machine must have the same.

Code is what decides what a node does: Python, protos, configuration, shared objects, shell scripts and
the programs named by `command`. Data is not compared: recordings and models may differ, and be large.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Literal

from rtmesh.common.errors import ResourceExhaustedError
from rtmesh.v1 import graph_pb2

SUFFIXES = frozenset({".py", ".proto", ".yaml", ".yml", ".toml", ".so", ".sh"})
MOST_FILES = 2000
# Environments that hold what was installed, not what was written.
_ENVIRONMENT_MARK = "pyvenv.cfg"

Difference = Literal["differs", "missing"]


def code_files(
    folder: Path, python_path: Sequence[str], programs: Iterable[str] = ()
) -> list[graph_pb2.CodeFile]:
    """Every code file below a graph's folder and its python_path entries, sorted by path.

    Left out are `__pycache__`, hidden folders, and virtual environments.

    Args:
        folder: the graph's folder.
        python_path: as in the graph: relative to `folder`, or absolute.
        programs: the programs named by `command`; those that are looked up on PATH are left out.

    Raises:
        ResourceExhaustedError: there are more than 2000, so that a folder was probably not meant.
        OSError: a file cannot be read.
    """
    paths = dict.fromkeys(map(os.path.normpath, _own(folder, programs)))
    for entry in (".", *python_path):
        for path in _below(folder, entry):
            paths[path] = None
            if len(paths) > MOST_FILES:
                raise _too_many((folder / entry).resolve())
    return [graph_pb2.CodeFile(path=path, sha256=_sha256(folder / path)) for path in sorted(paths)]


def differing_files(files: Iterable[graph_pb2.CodeFile], folder: Path) -> list[tuple[str, Difference]]:
    """Which of `files` are not the same below `folder` here. Files that are only here do not count."""
    compared = ((file.path, _difference(file, folder)) for file in files)
    return [(path, difference) for path, difference in compared if difference is not None]


def _difference(file: graph_pb2.CodeFile, folder: Path) -> Difference | None:
    try:
        return None if _sha256(folder / file.path) == file.sha256 else "differs"
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return "missing"
    except OSError:
        return "differs"  # it is there and cannot be read: not the same to a node either


def _own(folder: Path, programs: Iterable[str]) -> Iterator[str]:
    """Programs given by a path, and there."""
    return (program for program in programs if "/" in program and (folder / program).is_file())


def _below(folder: Path, entry: str) -> Iterator[str]:
    """Paths of the code files below an entry, as `folder` / path finds them."""
    top = os.path.normpath(folder / entry)
    seen = {os.path.realpath(top)}
    for parent, folders, names in os.walk(top, followlinks=True):
        folders[:] = [name for name in sorted(folders) if _is_entered(Path(parent, name), seen)]
        relative = os.path.normpath(Path(entry, os.path.relpath(parent, top)))
        yield from (os.path.normpath(Path(relative, name)) for name in names if _is_code(Path(parent, name)))


def _is_entered(folder: Path, seen: set[str]) -> bool:
    """Whether a folder is looked into: once, also where links lead in a circle."""
    real = os.path.realpath(folder)
    if folder.name.startswith(".") or folder.name == "__pycache__" or real in seen:
        return False
    seen.add(real)
    return not (folder / _ENVIRONMENT_MARK).exists()


def _is_code(path: Path) -> bool:
    return path.suffix in SUFFIXES and path.is_file()


def _sha256(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def _too_many(folder: Path) -> ResourceExhaustedError:
    return ResourceExhaustedError(
        f"{folder} holds more than {MOST_FILES} code files (*{' *'.join(sorted(SUFFIXES))})",
        "keep the graph in a folder of its own, and in python_path name folders that hold modules only",
    )
