"""A node's class is found without importing anything."""

from __future__ import annotations

from pathlib import Path

import pytest

from rtmesh.machine.modules import ModuleProblem, check_class, find_module


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "nodes").mkdir()
    return tmp_path


def write(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(text)


def test_a_class_in_a_folder_without_init_is_found(folder):
    write(folder, "nodes/decoder.py", "class Decoder: ...\n")

    check_class("nodes.decoder", "Decoder", [folder])


def test_nothing_is_executed(folder):
    write(folder, "nodes/decoder.py", "raise SystemExit\nclass Decoder: ...\n")

    check_class("nodes.decoder", "Decoder", [folder])


@pytest.mark.parametrize(
    "text",
    [
        "from elsewhere import Decoder",
        "from elsewhere import Ridge as Decoder",
        "from elsewhere import *",
        "Decoder = make()",
        "Other, Decoder = make()",
        "Decoder: type = make()",
        "if True:\n    class Decoder: ...",
        "try:\n    import x\nexcept ImportError:\n    class Decoder: ...",
        "def __getattr__(name): ...",
    ],
)
def test_a_name_bound_in_any_way_at_the_top_counts(folder, text):
    write(folder, "nodes/decoder.py", text)

    check_class("nodes.decoder", "Decoder", [folder])


def test_a_missing_module_names_where_it_was_sought(folder):
    with pytest.raises(ModuleProblem) as caught:
        check_class("nodes.decodr", "Decoder", [folder, Path("/elsewhere")])

    assert caught.value.text == f"module nodes.decodr is not found in {folder}, /elsewhere"


def test_a_missing_class_names_those_there_are(folder):
    write(folder, "nodes/decoder.py", "class Ridge: ...\nclass Kalman:\n    class Decoder: ...\n")

    with pytest.raises(ModuleProblem) as caught:
        check_class("nodes.decoder", "Decoder", [folder])

    assert caught.value.text == f"{folder}/nodes/decoder.py has no class Decoder"
    assert caught.value.remedy == "it defines: Kalman, Ridge"


def test_a_syntax_error_names_file_and_line(folder):
    write(folder, "nodes/decoder.py", "class Decoder:\n    def broken(:\n")

    with pytest.raises(ModuleProblem) as caught:
        check_class("nodes.decoder", "Decoder", [folder])

    assert caught.value.text.startswith(f"{folder}/nodes/decoder.py:2: module nodes.decoder cannot be parsed")


def test_the_graphs_folder_hides_an_installed_module(folder):
    write(folder, "json.py", "class Mine: ...")

    assert find_module("json", [folder]) == folder / "json.py"


def test_an_installed_package_is_found():
    found = find_module("google.protobuf.json_format", [])

    assert found is not None
    assert found.name == "json_format.py"


def test_a_builtin_module_is_no_place_for_a_node():
    assert find_module("sys", []) is None
