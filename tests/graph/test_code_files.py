"""Which files are a graph's code, and which of them differ elsewhere."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest

from rtmesh.common.errors import ResourceExhaustedError
from rtmesh.graph import code_files as subject
from rtmesh.graph.code_files import code_files, differing_files


def write(folder: Path, *paths: str) -> None:
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(path)


@pytest.fixture
def graph(tmp_path: Path) -> Path:
    folder = tmp_path / "graphs" / "cursor"
    write(folder, "graph.yaml", "decoder.py", "lab/v1/lab.proto", "build/fast.so", "run.sh", "simulate")
    write(folder, "recording.npy", "notes.md", "__pycache__/decoder.py", ".hidden/a.py", ".venv/b.py")
    write(folder, "env/pyvenv.cfg", "env/lib/numpy.py")
    return folder


def paths(folder: Path, *python_path: str, programs: tuple[str, ...] = ()) -> list[str]:
    return [file.path for file in code_files(folder, python_path, programs)]


CODE = ["build/fast.so", "decoder.py", "graph.yaml", "lab/v1/lab.proto", "run.sh"]


def test_code_is_found_and_data_caches_and_environments_are_not(graph):
    assert paths(graph) == CODE


def test_each_file_has_its_hash(graph):
    (decoder,) = [file for file in code_files(graph, []) if file.path == "decoder.py"]

    assert decoder.sha256 == hashlib.sha256(b"decoder.py").digest()


def test_programs_of_the_folder_are_code_and_those_on_path_are_not(graph):
    assert paths(graph, programs=("./simulate", "bash", "./gone")) == [*CODE, "simulate"]


def test_python_path_is_looked_into_and_nothing_comes_twice(graph):
    write(graph.parent / "common", "filters/low.py")

    assert paths(graph, "../common", ".", "lab") == ["../common/filters/low.py", *CODE]


def test_an_absolute_entry_is_the_same_path_everywhere(graph, tmp_path):
    write(tmp_path / "shared", "ridge.py")

    assert paths(graph, str(tmp_path / "shared"))[0] == str(tmp_path / "shared/ridge.py")


def test_links_are_followed_once(graph):
    (graph / "again").symlink_to(graph)
    (graph / "linked").symlink_to(graph.parent)
    write(graph.parent, "outside.py")

    assert "linked/outside.py" in paths(graph)
    assert len(paths(graph)) == len(CODE) + 1


def test_too_many_are_refused_naming_the_folder(graph, monkeypatch):
    monkeypatch.setattr(subject, "MOST_FILES", 7)
    write(graph.parent / "common", "a.py", "b.py", "c.py")

    with pytest.raises(ResourceExhaustedError, match=f"{graph.parent}/common holds more than 7 code files"):
        code_files(graph, ["../common"])


def test_a_copy_does_not_differ_and_may_hold_more(graph, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(graph, copy)
    write(copy, "mine.py")

    assert differing_files(code_files(graph, []), copy) == []


def test_what_differs_and_what_is_missing_is_told(graph, tmp_path):
    files = code_files(graph, [])
    (graph / "decoder.py").write_text("other")
    (graph / "run.sh").unlink()
    (graph / "lab/v1/lab.proto").unlink()
    (graph / "lab/v1/lab.proto").mkdir()

    assert differing_files(files, graph) == [
        ("decoder.py", "differs"),
        ("lab/v1/lab.proto", "missing"),
        ("run.sh", "missing"),
    ]
    assert {difference for _, difference in differing_files(files, tmp_path / "no")} == {"missing"}
