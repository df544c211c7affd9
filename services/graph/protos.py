"""The protos of a graph: compiled by protoc, then held in a descriptor pool.

protoc runs in a child process, because in-process it writes its errors to the C library's stderr.
"""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError, Message

import rtmesh.v1
from rtmesh.graph.files import is_file
from rtmesh.graph.importer import python_module, serve_modules
from rtmesh.graph.problems import GraphError, Problem

PROTOC_TIMEOUT_S = 60
# Their generated modules are installed; a second definition in the default pool would clash.
INSTALLED = ("google/protobuf/", "rtmesh/v1/")

_PLACED = re.compile(r"(?P<where>[^:]+\.proto(?::\d+:\d+)?): (?P<text>.*)")


def find_proto(file: str, include_folders: Sequence[Path]) -> Path | None:
    """The file that `import "FILE";` would find in the graph's include folders."""
    found = (folder / file for folder in include_folders if is_file(folder / file))
    return next(found, None)


def compile_protos(files: Sequence[str], include_folders: Sequence[Path]) -> bytes:
    """Compile `files`, named relative to one of the include folders, with all they import.

    rtmesh/v1/*.proto and google/protobuf/*.proto are always found.

    Returns:
        A serialized FileDescriptorSet, imports before their importers, with source positions.
    Raises:
        GraphError: everything protoc complains of, as FILE:LINE:COLUMN.
    """
    if not files:
        return b""
    _refuse_colons(include_folders)
    with tempfile.TemporaryDirectory(prefix="rtmesh-protoc-") as folder:
        output = Path(folder) / "descriptors.binpb"
        finished = _run_protoc(_arguments(files, include_folders, output))
        if finished.returncode != 0 or not is_file(output):
            complaints = _complaints(finished.stderr, include_folders)
            raise GraphError(complaints or [_silent(finished.returncode)])
        return output.read_bytes()


def without_positions(descriptors: bytes) -> bytes:
    """The same FileDescriptorSet without comments and source positions, for keeping."""
    files = descriptor_pb2.FileDescriptorSet.FromString(descriptors)
    for file in files.file:
        file.ClearField("source_code_info")
    return files.SerializeToString(deterministic=True)


def pool_of(descriptors: bytes) -> descriptor_pool.DescriptorPool:
    """A pool of its own with every file of a FileDescriptorSet.

    Raises:
        GraphError: the bytes are no such set, or it is not complete.
    """
    pool = descriptor_pool.DescriptorPool()
    for file in _files(descriptors):
        _add(pool, file)
    return pool


def load_default_pool(descriptors: bytes) -> None:
    """Add a graph's protos to the default pool of this process. Idempotent.

    Raises:
        GraphError: the process already has other definitions under one of the file names.
    """
    pool = descriptor_pool.Default()
    for file in _files(descriptors):
        if file.name.startswith(INSTALLED):
            importlib.import_module(python_module(file.name))
        else:
            _add(pool, file)


def install_importer(descriptors: bytes) -> None:
    """Make `from cursor.v1 import cursor_pb2` work for every proto of a graph, generated or not.

    Adds them to the default pool. Idempotent.

    Raises:
        GraphError: the process already has other definitions under one of the file names.
    """
    load_default_pool(descriptors)
    serve_modules([file.name for file in _files(descriptors) if not file.name.startswith(INSTALLED)])


def message_class(pool: descriptor_pool.DescriptorPool, full_name: str) -> type[Message]:
    """The class of a message type; KeyError if the pool does not know it."""
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(full_name))


def _files(descriptors: bytes) -> Iterator[descriptor_pb2.FileDescriptorProto]:
    try:
        files = descriptor_pb2.FileDescriptorSet.FromString(descriptors)
    except DecodeError as error:
        raise GraphError([Problem("", "descriptors", f"no FileDescriptorSet: {error}")]) from error
    yield from files.file


def _add(pool: descriptor_pool.DescriptorPool, file: descriptor_pb2.FileDescriptorProto) -> None:
    bare = descriptor_pb2.FileDescriptorProto()
    bare.CopyFrom(file)
    bare.ClearField("source_code_info")
    try:
        pool.AddSerializedFile(bare.SerializeToString(deterministic=True))
    except TypeError as error:
        remedy = "give the file, or the package in it, a name of its own"
        raise GraphError([Problem(file.name, "", f"cannot be loaded: {error}", remedy)]) from error


def _arguments(files: Sequence[str], include_folders: Sequence[Path], output: Path) -> list[str]:
    # NAME=FOLDER serves a folder under a name of its own: found wherever rtmesh is installed,
    # and before a copy that a user keeps beside a graph.
    own = [f"-Irtmesh/v1={folder}" for folder in rtmesh.v1.__path__]
    theirs = [f"-I={folder}" for folder in include_folders]
    options = ["--include_imports", "--include_source_info", f"--descriptor_set_out={output}"]
    return [*own, *theirs, *options, *files]


def _run_protoc(arguments: list[str]) -> subprocess.CompletedProcess[str]:
    # -P: files of the working folder must not hide modules of Python itself.
    command = [sys.executable, "-P", "-m", "grpc_tools.protoc", *arguments]
    try:
        return subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            stdin=subprocess.DEVNULL,
            timeout=PROTOC_TIMEOUT_S,
        )
    except subprocess.TimeoutExpired as error:
        text = f"protoc took longer than {PROTOC_TIMEOUT_S} s"
        raise GraphError([Problem("", "protos", text, "name fewer or smaller protos")]) from error


def _complaints(stderr: str, include_folders: Sequence[Path]) -> list[Problem]:
    lines = [line.strip() for line in stderr.splitlines() if line.strip() and ": warning: " not in line]
    return [_complaint(_relative(line, include_folders)) for line in lines]


def _relative(line: str, include_folders: Sequence[Path]) -> str:
    """Name files as `protos` does: protoc puts the folder before."""
    folders = [f"{folder}/" for folder in include_folders if line.startswith(f"{folder}/")]
    return line.removeprefix(max(folders, key=len)) if folders else line


def _complaint(line: str) -> Problem:
    match = _PLACED.fullmatch(line)
    if match is None:
        return Problem("", "protos", line)
    return Problem(match["where"], "", match["text"].rstrip("."), _remedy(match["text"]))


def _remedy(text: str) -> str:
    if text.endswith("is not a message type."):
        return "an rpc of the same name hides a message: rename one of them"
    if text.endswith("File not found.") or "was not found" in text:
        return "imports are found in the graph's folder and in python_path"
    return ""


def _silent(status: int) -> Problem:
    return Problem("", "protos", f"protoc ended with status {status}", "is grpcio-tools installed?")


def _refuse_colons(include_folders: Sequence[Path]) -> None:
    colons = [folder for folder in include_folders if ":" in str(folder)]
    if colons:
        remedy = "protoc splits folders at colons: rename it"
        raise GraphError([Problem("", "protos", f"folder {folder} has a colon", remedy) for folder in colons])
