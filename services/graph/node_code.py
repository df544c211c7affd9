"""What a node's Python source says of its steps, read without running it.

Conservative: a class counts as understood only if nothing in it could add or change a step in a way
that is not plainly written as a decorator. About any other class nothing is said.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rtmesh.graph.files import is_file
from rtmesh.v1 import graph_pb2

# Decorators that leave a method what it is to the SDK.
_HARMLESS = {"property", "staticmethod", "classmethod", "override", "cached_property"}
LARGEST_SOURCE_BYTES = 1 << 20


@dataclass(frozen=True)
class OnStep:
    """One @on: its inputs, whether they are joined, and a window counted in messages (0: none)."""

    inputs: tuple[str, ...]
    is_join: bool
    window: int


@dataclass(frozen=True)
class NodeCode:
    """Every step of an understood class."""

    ons: tuple[OnStep, ...]
    has_every: bool

    def triggered_by(self, port: str) -> OnStep | None:
        return next((step for step in self.ons if port in step.inputs), None)


def read_codes(graph: graph_pb2.Graph) -> dict[str, NodeCode]:
    """What is known of each node's code, by node; nodes that were not understood are absent."""
    search = module_folders(graph)
    codes = {node.name: read_code(node.run, search) for node in graph.nodes if node.run}
    return {name: code for name, code in codes.items() if code is not None}


def module_folders(graph: graph_pb2.Graph) -> list[Path]:
    """Where a graph's modules are looked for before those of Python itself."""
    folder = Path(graph.folder)
    return [folder, *(folder / entry for entry in graph.python_path)]


def find_source(module: str, search: Sequence[Path]) -> Path | None:
    """The source file of a module in these folders."""
    parts = module.split(".")
    for folder in search:
        for file in (folder.joinpath(*parts).with_suffix(".py"), folder.joinpath(*parts, "__init__.py")):
            if is_file(file):
                return file
    return None


def read_code(run: str, search: Sequence[Path]) -> NodeCode | None:
    """Read the steps of MODULE:CLASS; None if the class is not there, or not understood."""
    module, _, class_name = run.partition(":")
    file = find_source(module, search)
    if file is None:
        return None
    try:
        if file.stat().st_size > LARGEST_SOURCE_BYTES:
            return None
        tree = ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return _read_class(tree, class_name)


def _read_class(tree: ast.Module, class_name: str) -> NodeCode | None:
    classes = [item for item in tree.body if isinstance(item, ast.ClassDef) and item.name == class_name]
    if len(classes) != 1 or not _is_plain(classes[0]) or not _imports_ours(tree):
        return None
    steps: list[OnStep] = []
    has_every = False
    for method in classes[0].body:
        if not isinstance(method, ast.FunctionDef):
            continue
        kinds = [_kind(decorator) for decorator in method.decorator_list]
        if None in kinds or (len(kinds) > 1 and {"on", "every"} & set(kinds)):
            return None
        has_every = has_every or "every" in kinds
        if "on" in kinds:
            step = _on_step(method.decorator_list[0])
            if step is None:
                return None
            steps.append(step)
    return NodeCode(tuple(steps), has_every)


def _is_plain(definition: ast.ClassDef) -> bool:
    """Whether every step of the class stands in it as a decorated method."""
    bases = [ast.unparse(base) for base in definition.bases]
    if bases not in (["Node"], ["rtmesh.Node"]) or definition.keywords or definition.decorator_list:
        return False
    decorators = [item for inner in definition.body for item in getattr(inner, "decorator_list", [])]
    in_decorators = sum(len(_mentions(decorator)) for decorator in decorators)
    return len(_mentions(definition)) == in_decorators


def _mentions(tree: ast.AST) -> list[ast.AST]:
    """Where `on` and `every` stand in it, as names or as parts of rtmesh."""
    return [
        node
        for node in ast.walk(tree)
        if (isinstance(node, ast.Name) and node.id in ("on", "every"))
        or (isinstance(node, ast.Attribute) and ast.unparse(node) in ("rtmesh.on", "rtmesh.every"))
    ]


def _imports_ours(tree: ast.Module) -> bool:
    """Whether Node, on and every are those of rtmesh and nothing else of that name."""
    ours = 0
    for item in ast.walk(tree):
        if isinstance(item, ast.Import):
            ours += any(alias.name == "rtmesh" and alias.asname is None for alias in item.names)
        elif isinstance(item, ast.ImportFrom):
            names = {alias.asname or alias.name for alias in item.names} & {"Node", "on", "every", "*"}
            if names and (item.module != "rtmesh" or any(alias.asname for alias in item.names)):
                return False
            ours += bool(names)
        elif isinstance(item, ast.FunctionDef | ast.ClassDef) and item.name in ("Node", "on", "every"):
            return False
    return ours > 0


def _kind(decorator: ast.expr) -> str | None:
    """on, every, harmless, or None for one that is unknown."""
    call = isinstance(decorator, ast.Call)
    name = ast.unparse(decorator.func if isinstance(decorator, ast.Call) else decorator)
    short = name.rpartition(".")[2]
    if call and name.removeprefix("rtmesh.") in ("on", "every"):
        return short
    return "harmless" if short in _HARMLESS else None


def _on_step(decorator: ast.expr) -> OnStep | None:
    if not isinstance(decorator, ast.Call):
        return None
    try:
        inputs = tuple(ast.literal_eval(argument) for argument in decorator.args)
        options = {item.arg: ast.literal_eval(item.value) for item in decorator.keywords}
    except (ValueError, TypeError):
        return None
    if not all(isinstance(name, str) for name in inputs):
        return None
    window = options.get("window")
    return OnStep(inputs, options.get("join") is not None, window if type(window) is int else 0)
