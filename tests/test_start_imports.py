"""What the processes of a mesh import: each import is paid for at every start, and by every process."""

from __future__ import annotations

import subprocess
import sys

import pytest

FOR_TERMINALS = {"rich", "pygments"}
OF_SERVERS = {"grpc", "asyncio", "uvloop", "structlog", "ssl"}
OF_THE_CHECK = {"ruamel", "click"}
# A copied generator of random numbers would draw the same in every node.
STATEFUL = {"numpy.random", "numpy.random.mtrand"}


def imported_by(code: str) -> set[str]:
    """Names of the modules that a fresh interpreter holds after `code`, and their top-level packages."""
    program = f"import sys\n{code}\nprint('MODULES', *(n for n, m in sys.modules.items() if m is not None))"
    done = subprocess.run(
        [sys.executable, "-P", "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    names = set(done.stdout.split("MODULES")[1].split())
    return names | {name.partition(".")[0] for name in names}


@pytest.mark.parametrize(
    "module, unwanted",
    [
        ("rtmesh.node.nursery", OF_SERVERS | OF_THE_CHECK | FOR_TERMINALS | STATEFUL),
        ("rtmesh.node.service_nursery", {"grpc"} | OF_THE_CHECK | FOR_TERMINALS | STATEFUL),
        ("rtmesh.node.service", OF_THE_CHECK | FOR_TERMINALS | STATEFUL),
        ("rtmesh.machine.start", OF_THE_CHECK | FOR_TERMINALS | {"numpy", "sqlite3"}),
        ("rtmesh.scheduler.__main__", OF_THE_CHECK | FOR_TERMINALS | {"numpy"}),
        ("rtmesh.cli.session", FOR_TERMINALS | {"numpy", "asyncio", "structlog"}),
        ("rtmesh.cli.warm", FOR_TERMINALS | OF_SERVERS | OF_THE_CHECK | {"numpy", "google.protobuf"}),
        ("rtmesh.machine.spare", FOR_TERMINALS | OF_SERVERS | {"numpy", "google.protobuf"}),
    ],
)
def test_a_process_imports_only_what_it_needs(module: str, unwanted: set[str]) -> None:
    assert imported_by(f"import {module}") & unwanted == set()


def test_help_imports_neither_grpc_nor_protobuf_nor_numpy() -> None:
    code = "from rtmesh.cli.meshctl import main\ntry: main(['--help'])\nexcept SystemExit: pass"

    assert imported_by(code) & (OF_SERVERS | FOR_TERMINALS | {"numpy", "google.protobuf"}) == set()


def test_rich_can_be_had_after_the_logger_that_does_without() -> None:
    code = "import rtmesh.common.logs, structlog\nassert structlog.dev.rich is None\nimport rich.table"

    assert "rich.table" in imported_by(code)
