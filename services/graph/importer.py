"""Imports of protos that were never generated: `from cursor.v1 import cursor_pb2` just works.

Two finders: one, before all others, makes the graph's own _pb2 modules from descriptors in the
default pool, so that a stale generated file beside them cannot win; one, after all others, makes
the packages that lead to them, where no real package of that name exists.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

from google.protobuf import descriptor_pool


def python_module(proto_file: str) -> str:
    """The module protoc would generate: cursor/v1/cursor.proto -> cursor.v1.cursor_pb2."""
    return proto_file.removesuffix(".proto").replace("-", "_").replace("/", ".") + "_pb2"


def serve_modules(proto_files: Sequence[str]) -> None:
    """Make these files, which the default pool has, importable in this process."""
    modules = {python_module(file): file for file in proto_files}
    sys.meta_path.insert(0, _ModuleFinder(modules))
    sys.meta_path.append(_PackageFinder(modules))


class _ModuleFinder(MetaPathFinder):
    """Finds the modules of a graph's protos."""

    def __init__(self, proto_files: Mapping[str, str]) -> None:
        self.proto_files = dict(proto_files)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in self.proto_files:
            return None
        proto_file = self.proto_files[fullname]
        return ModuleSpec(fullname, _ProtoLoader(proto_file), origin=proto_file)


class _PackageFinder(MetaPathFinder):
    """Finds the packages on the way to those modules, empty."""

    def __init__(self, modules: Mapping[str, str]) -> None:
        self.packages = {package for module in modules for package in _packages(module)}

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return ModuleSpec(fullname, _EmptyLoader(), is_package=True) if fullname in self.packages else None


class _EmptyLoader(Loader):
    def exec_module(self, module: ModuleType) -> None:
        """A package made for its submodules has nothing in it."""


class _ProtoLoader(Loader):
    """Fills a module with what protoc's generated code would define."""

    def __init__(self, proto_file: str) -> None:
        self.proto_file = proto_file

    def exec_module(self, module: ModuleType) -> None:
        from google.protobuf.internal import builder  # what generated code itself is made of

        file = descriptor_pool.Default().FindFileByName(self.proto_file)
        names = module.__dict__
        names["DESCRIPTOR"] = file
        for dependency in file.public_dependencies:
            names.update(_public_names(dependency.name))
        builder.BuildMessageAndEnumDescriptors(file, names)
        builder.BuildTopDescriptorsAndMessages(file, module.__name__, names)


def _public_names(proto_file: str) -> dict[str, object]:
    """What `import public` hands on."""
    imported = importlib.import_module(python_module(proto_file))
    return {name: value for name, value in vars(imported).items() if not name.startswith(("_", "DESCRIPTOR"))}


def _packages(module: str) -> list[str]:
    """Every package above a module: cursor.v1.cursor_pb2 -> cursor, cursor.v1."""
    parts = module.split(".")[:-1]
    return [".".join(parts[: count + 1]) for count in range(len(parts))]
