"""The parameters given to a graph's nodes: those of the file, overridden from the command line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from google.protobuf.descriptor import Descriptor

from rtmesh.graph.declared import DeclaredGraph, DeclaredNode
from rtmesh.graph.document import Mark
from rtmesh.graph.fields import Problems
from rtmesh.graph.names import did_you_mean
from rtmesh.graph.overrides import Override
from rtmesh.graph.parameters import build_parameters
from rtmesh.graph.problems import GraphError, ParameterError, ParameterProblem, Problem
from rtmesh.graph.resolve import Contracts


def resolve_parameters(
    graph: DeclaredGraph, contracts: Contracts, overrides: Mapping[str, str], problems: Problems
) -> None:
    """Give every node its parameters, serialized; what does not fit is noted."""
    changes = _read_overrides(graph, overrides, problems)
    for name, declared in graph.nodes.items():
        contract = contracts[name]
        own = [change for change in changes if change.node == name]
        if contract is None:
            continue
        if contract.parameters is None:
            _refuse_all(declared, own, contract.service.full_name, problems)
        else:
            _build(declared, contract.parameters, own, problems)


def _read_overrides(graph: DeclaredGraph, overrides: Mapping[str, str], problems: Problems) -> list[Override]:
    changes = []
    for key, text in overrides.items():
        node, *path = key.split(".")
        change = Override(key, node, tuple(path), text)
        if not path or not all(path):
            problem = Problem(
                change.where, "", f"{key!r} names no parameter", "write it as NODE.PARAMETER=VALUE"
            )
            problems.add_elsewhere(problem)
        elif node not in graph.nodes:
            problem = Problem(change.where, "", f"there is no node {node!r}", did_you_mean(node, graph.nodes))
            problems.add_elsewhere(problem)
        else:
            changes.append(change)
    return changes


def _refuse_all(declared: DeclaredNode, own: Sequence[Override], service: str, problems: Problems) -> None:
    text, remedy = f"{service} takes no parameters", "add `rpc Configure` to it, or remove them"
    if declared.parameters is not None:
        declared.parameters.refuse_key(text, remedy)
    for change in own:
        problems.add_elsewhere(Problem(change.where, "", text, remedy))


def _build(declared: DeclaredNode, message: Descriptor, own: Sequence[Override], problems: Problems) -> None:
    values = declared.parameters.free_mapping() if declared.parameters is not None else {}
    for change in own:
        try:
            change.assign(values, message)
        except GraphError as error:
            for problem in error.problems:
                problems.add_elsewhere(Problem(change.where, "", problem.text, problem.remedy))
    try:
        built = build_parameters(message, values)
    except ParameterError as error:
        for wrong in error.parameters:
            _note(declared, own, wrong, problems)
    else:
        # Partial: a message that a parameter holds may be proto2, with required fields.
        declared.node.parameters = built.SerializePartialToString(deterministic=True)


def _note(
    declared: DeclaredNode, own: Sequence[Override], wrong: ParameterProblem, problems: Problems
) -> None:
    """Place a problem where its value was given: on the command line, or in the file."""
    path = f"{declared.field.path}.parameters"
    blamed = [change for change in own if wrong.path[: len(change.path)] == change.path]
    if blamed:
        problems.add_elsewhere(wrong.at(blamed[-1].where, path))
        return
    mark = declared.parameters.mark_of(wrong.path) if declared.parameters is not None else Mark("")
    found = wrong.at(str(mark), path)
    problems.add(mark, found.path, found.text, found.remedy)
