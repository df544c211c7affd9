"""The model of the ring and the code stay together: each step of the one names a statement of the other."""

import re
from pathlib import Path
from typing import NamedTuple

import pytest

ROW = re.compile(r"^\| (\w+) \| (rtmesh_\w+\.h) \| (rtm_\w+) \| `(.+)` \|$", re.MULTILINE)
TAG = re.compile(r"/\*: (\w+) \*/")


class Step(NamedTuple):
    name: str
    file: str
    function: str
    statement: str


def without_layout(code: str) -> str:
    """Code with every run of blanks, line breaks included, as one blank."""
    return re.sub(r"\s+", " ", code)


def body_of(function: str, code: str) -> str | None:
    """The text of a function's definition: its name starts a parameter list, and a brace ends it."""
    head = rf"^static inline [^;{{}}]*?\b{function}\([^;{{}}]*\) "
    found = re.search(head + r"\{(?:[^\n]*\}$|.*?^\})", code, re.MULTILINE | re.DOTALL)
    return without_layout(found[0]) if found else None


@pytest.fixture
def model(repository: Path) -> Path:
    return repository / "shm" / "model"


@pytest.fixture
def steps(model: Path) -> list[Step]:
    rows = ROW.findall((model / "README.md").read_text())
    return [Step(name, file, function, text.replace("\\|", "|")) for name, file, function, text in rows]


def test_every_step_of_the_table_is_a_statement_of_its_function(steps, repository):
    native = repository / "shm" / "native"

    missing = [
        step
        for step in steps
        if without_layout(step.statement)
        not in (body_of(step.function, (native / step.file).read_text()) or "")
    ]

    assert steps
    assert not missing, "the code has changed: does the model of shm/model still follow it?"


def test_the_table_has_each_step_of_the_model_once(steps, model):
    tags = [tag for file in model.glob("*.pml") for tag in TAG.findall(file.read_text())]

    assert sorted(tags) == sorted(step.name for step in steps)
