"""Finds a contract in proto files, for a test that has no graph.yaml."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from google.protobuf import descriptor_pool

from rtmesh.graph.protos import compile_protos, install_importer, load_default_pool


def find_service(service: str, protos: Sequence[str | Path], include: Sequence[str | Path] = ()) -> Any:
    """Compile protos and return a service's descriptor; what they define becomes importable."""
    folders = [Path(folder).resolve() for folder in include]
    files, more = [], []
    for proto in protos:
        name, folder = _name_within(proto, folders)
        files.append(name)
        more += [folder] if folder not in folders else []
    _load(tuple(files), tuple(dict.fromkeys([*folders, *more])))
    try:
        return descriptor_pool.Default().FindServiceByName(service)
    except KeyError:
        raise ValueError(f"{', '.join(files)} have no service {service}: is its package right?") from None


@functools.cache
def _load(files: tuple[str, ...], folders: tuple[Path, ...]) -> None:
    descriptors = compile_protos(files, folders)
    load_default_pool(descriptors)
    install_importer(descriptors)


def _name_within(proto: str | Path, folders: Sequence[Path]) -> tuple[str, Path]:
    """A proto's name, and the folder that it is relative to."""
    for folder in folders:
        if (folder / proto).is_file():
            return str((folder / proto).relative_to(folder)), folder
    path = Path(proto).resolve()
    # cursor/v1/cursor.proto is known by that name in a graph, so by that name here.
    root = _package_root(path)
    return str(path.relative_to(root)), root


def _package_root(path: Path) -> Path:
    """The folder from which a proto's path spells its package: /x/cursor/v1/cursor.proto -> /x."""
    for line in path.read_text().splitlines() if path.is_file() else []:
        if line.startswith("package "):
            parts = line.removeprefix("package ").split(";")[0].strip().split(".")
            if list(path.parent.parts[-len(parts) :]) == parts:
                return path.parents[len(parts)]
    return path.parent
