"""graph.yaml -> a checked graph, or everything that is wrong with it at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from google.protobuf import descriptor_pb2
from google.protobuf.descriptor import ServiceDescriptor

from rtmesh.graph.class_checks import refuse_missing_classes
from rtmesh.graph.code_checks import refuse_by_code
from rtmesh.graph.declared import DeclaredGraph, read_graph
from rtmesh.graph.document import Mark, parse_document
from rtmesh.graph.edges import ResolvedEdge, resolve_budgets, resolve_edges, size_inputs
from rtmesh.graph.fields import Field, Problems
from rtmesh.graph.files import is_folder
from rtmesh.graph.given_parameters import resolve_parameters
from rtmesh.graph.memory import graph_problems
from rtmesh.graph.node_code import module_folders, read_codes
from rtmesh.graph.positions import Positions
from rtmesh.graph.problems import GraphError, Problem
from rtmesh.graph.protos import compile_protos, find_proto, pool_of, without_positions
from rtmesh.graph.resolve import find_contracts, resolve_ports
from rtmesh.graph.unchecked import unchecked_notes
from rtmesh.v1 import graph_pb2

FILE_NAME = "graph.yaml"

Compile = Callable[[Sequence[str], Sequence[Path]], bytes]


@dataclass(frozen=True)
class LoadedGraph:
    """A graph without problems, and what could not be checked from the files at hand."""

    graph: graph_pb2.Graph
    folder: Path
    unchecked: list[str] = field(default_factory=list)


def load_graph(path: Path, overrides: Mapping[str, str] = MappingProxyType({})) -> LoadedGraph:
    """Load and check a graph.

    Args:
        path: the YAML file, or the folder of a graph.yaml.
        overrides: parameters by NODE.PARAMETER, as text that is read like the file's own values.
    Raises:
        GraphError: with every problem of the file, its protos and the overrides.
    """
    path = Path(path)
    file = path / FILE_NAME if is_folder(path) else path
    return check_graph(_read(file), file, overrides)


def check_graph(
    source: str,
    file: Path,
    overrides: Mapping[str, str] = MappingProxyType({}),
    compile_with: Compile = compile_protos,
) -> LoadedGraph:
    """Check the text of a graph as if it stood in `file`. Raises GraphError like load_graph."""
    problems = Problems()
    document = parse_document(source, file.name)
    declared = read_graph(Field(document, "", Mark(file.name, 1, 1), problems))
    folder = file.parent.resolve()
    protos = _compile(declared, _include_folders(declared, folder), problems, compile_with)
    graph, edges = _resolve(declared, protos, overrides, problems)
    graph.source, graph.folder = source, str(folder)
    codes = read_codes(graph)
    refuse_missing_classes(declared.nodes, codes, module_folders(graph))
    refuse_by_code(edges, codes)
    if problems.found:
        raise GraphError(problems.in_order())
    if impossible := graph_problems(graph):
        raise GraphError(impossible)
    graph.descriptors = without_positions(protos.descriptors)
    return LoadedGraph(graph, folder, unchecked_notes(graph, codes))


@dataclass(frozen=True)
class _Protos:
    """Compiled protos; not complete if some were missing or did not compile."""

    descriptors: bytes
    is_complete: bool

    def services(self) -> dict[str, ServiceDescriptor]:
        pool = pool_of(self.descriptors)
        names = descriptor_pb2.FileDescriptorSet.FromString(self.descriptors).file
        files = [pool.FindFileByName(file.name) for file in names]
        return {service.full_name: service for file in files for service in file.services_by_name.values()}


def _resolve(
    declared: DeclaredGraph, protos: _Protos, overrides: Mapping[str, str], problems: Problems
) -> tuple[graph_pb2.Graph, list[ResolvedEdge]]:
    """The graph as far as it could be resolved, with its edges where they were declared."""
    positions = Positions(protos.descriptors)
    contracts = find_contracts(
        declared, protos.services(), positions, problems, is_complete=protos.is_complete
    )
    resolve_ports(declared, contracts)
    edges = resolve_edges(declared, contracts)
    budgets = resolve_budgets(declared, contracts, edges)
    resolve_parameters(declared, contracts, overrides, problems)
    graph = graph_pb2.Graph(
        name=declared.name,
        python_path=[text for _, text in declared.python_path],
        nodes=[node.node for node in declared.nodes.values()],
        edges=[resolved.edge for resolved in edges],
        budgets=budgets,
        drain_timeout_ms=declared.drain_timeout_ms,
    )
    size_inputs(graph)
    return graph, edges


def _compile(
    declared: DeclaredGraph, folders: list[Path], problems: Problems, compile_with: Compile
) -> _Protos:
    found = []
    for item, name in declared.protos:
        if find_proto(name, folders) is not None:
            found.append(name)
        else:
            searched = ", ".join(map(str, folders))
            item.refuse(f"there is no {name}", f"searched in {searched}; is an entry of python_path missing?")
    try:
        descriptors = compile_with(found, folders)
    except GraphError as error:
        for problem in error.problems:
            problems.add_elsewhere(problem)
        return _Protos(b"", is_complete=False)
    return _Protos(descriptors, is_complete=bool(found) and len(found) == len(declared.protos))


def _include_folders(declared: DeclaredGraph, folder: Path) -> list[Path]:
    folders = [folder]
    for item, text in declared.python_path:
        entry = folder / text
        if is_folder(entry):
            folders.append(entry)
        else:
            item.refuse(f"{text!r:.80} is not a folder", f"it is looked for in {folder}")
    return folders


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        text = f"not UTF-8: byte {error.start} is {error.object[error.start]:#04x}"
        raise GraphError([Problem(file.name, "", text, "save it as UTF-8")]) from error
    except OSError as error:
        remedy = f"name a graph's YAML file, or the folder of its {FILE_NAME}"
        raise GraphError([Problem(str(file), "", error.strerror or "cannot be read", remedy)]) from error
