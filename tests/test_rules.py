"""Rules of the house, each with its because."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parent.parent
PACKAGES = {
    "rtmesh.cli": "cli",
    "rtmesh.shm": "shm",
    "rtmesh.client": "services/client",
    "rtmesh.common": "services/common",
    "rtmesh.graph": "services/graph",
    "rtmesh.machine": "services/machine",
    "rtmesh.node": "services/node",
    "rtmesh.relay": "services/relay",
    "rtmesh.scheduler": "services/scheduler",
}
BASE = {"rtmesh.v1", "rtmesh.common"}
# What each package may import of ours besides itself.
MAY_IMPORT = {
    # The bottom: a ring must be usable by a program that has neither gRPC nor protobuf.
    "rtmesh.shm": set(),
    # What all share can rest only on what is below all.
    "rtmesh.common": {"rtmesh.v1", "rtmesh.shm"},
    # Loading and planning are pure: they run in meshctl, in the scheduler and in tests alike.
    "rtmesh.graph": BASE,
    # Siblings talk through rtmesh.v1 only, so that each can be replaced, and run on its own.
    "rtmesh.scheduler": BASE | {"rtmesh.graph"},
    "rtmesh.machine": BASE | {"rtmesh.graph", "rtmesh.shm"},
    "rtmesh.relay": BASE | {"rtmesh.graph", "rtmesh.shm"},
    "rtmesh.node": BASE | {"rtmesh.graph", "rtmesh.shm", "rtmesh"},
    # A client of a node reads its contract, and messages as people write them, as the graph file has them.
    "rtmesh.client": BASE | {"rtmesh.graph"},
    # The command line is one more user of the mesh: it holds no state and no decision of it.
    # The commands of the two daemons are exceptions, being their own fronts; and `up`, being the parent
    # of its machines, sweeps after one of them that was killed.
    "rtmesh.cli": BASE | {"rtmesh.client", "rtmesh.graph"},
}
EXCEPTIONS = {
    ("cli/meshd.py", "rtmesh.machine"),
    ("cli/scheduler.py", "rtmesh.scheduler"),
    ("cli/embedded.py", "rtmesh.shm"),
}
SCHEDULERS_RIM = {
    "__main__.py",
    "__init__.py",
    "servicer.py",
    "store.py",
    "server.py",
    "deaths.py",
    "recorder.py",
    "log_reads.py",
}
FOLDER_NAMES = ("services", "shm", "cli")


def python_files(*folders: str) -> Iterator[Path]:
    for folder in folders:
        yield from sorted((REPOSITORY / folder).rglob("*.py"))


def imported_modules(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def package_of(module: str) -> str | None:
    """The rtmesh package that a module name belongs to; None for others."""
    parts = module.split(".")
    if parts[0] != "rtmesh":
        return None
    head = ".".join(parts[:2])
    return head if head in PACKAGES or head == "rtmesh.v1" else "rtmesh"


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_imports_only_the_layers_below_it(package: str) -> None:
    wrong = []
    for path in python_files(PACKAGES[package]):
        place = str(path.relative_to(REPOSITORY))
        used = {package_of(module) for module in imported_modules(path)} - {None, package}
        # `from rtmesh import v1` names the package itself before its part.
        used -= {"rtmesh"} if "rtmesh" not in MAY_IMPORT[package] else set()
        wrong += [(place, name) for name in used - MAY_IMPORT[package] if (place, name) not in EXCEPTIONS]
    assert not wrong


def test_no_file_imports_a_folder_by_its_own_name() -> None:
    """Because `import services` would make a second copy of the package beside rtmesh."""
    wrong = [
        (str(path.relative_to(REPOSITORY)), module)
        for path in python_files("services", "shm", "cli", "tests", "graphs", "bench")
        for module in imported_modules(path)
        if module.split(".")[0] in FOLDER_NAMES
    ]
    assert not wrong


def test_the_ring_imports_neither_grpc_nor_protobuf_nor_asyncio() -> None:
    """Because programs that only want a ring must not pay for a mesh."""
    assert not loaded_by("import rtmesh.shm") & {"grpc", "google.protobuf", "asyncio", "numpy"}


def test_the_loop_imports_neither_grpc_nor_asyncio() -> None:
    """Because the GIL has no priority inheritance: one callback of theirs could stall a real-time loop."""
    assert not loaded_by("import rtmesh, rtmesh.node.loop; rtmesh.Node") & {"grpc", "asyncio"}


def test_the_help_of_meshctl_loads_nothing_heavy() -> None:
    """Because help that takes a second is not read."""
    code = "from rtmesh.cli.meshctl import main\ntry: main(['--help'])\nexcept SystemExit: pass"
    assert not loaded_by(code) & {"grpc", "google.protobuf", "numpy", "asyncio", "rich", "ruamel.yaml"}


def test_planning_does_no_input_or_output() -> None:
    """Because the same graph must give the same plan everywhere, also in a unit test."""
    modules = imported_modules(REPOSITORY / "services/graph/plan.py")
    assert not {module.split(".")[0] for module in modules} & {"os", "pathlib", "socket", "time", "asyncio"}


def test_the_scheduler_decides_without_clock_or_network() -> None:
    """Because decisions that wait or look at the clock cannot be told as a story and tested as one."""
    pure = [path for path in python_files("services/scheduler") if path.name not in SCHEDULERS_RIM]
    assert pure
    for path in pure:
        roots = {module.split(".")[0] for module in imported_modules(path)}
        assert not roots & {"asyncio", "grpc", "time", "sqlite3", "socket", "threading"}, path


def test_status_codes_are_chosen_in_one_file() -> None:
    """Because the same error must have the same status everywhere."""
    files = [path for path in python_files("services", "cli") if "StatusCode." in path.read_text()]
    names = {str(path.relative_to(REPOSITORY)) for path in files}
    assert names <= {"services/common/status_codes.py"}


def test_no_verb_imports_grpc_or_another_verb() -> None:
    """Because a verb that talks to the mesh in its own way is a second client."""
    from rtmesh.cli.meshctl import VERBS

    verbs = set(VERBS)
    for verb in verbs:
        modules = imported_modules(REPOSITORY / f"cli/{verb}.py")
        assert "grpc" not in {module.split(".")[0] for module in modules}
        assert not modules & {f"rtmesh.cli.{other}" for other in verbs}


def loaded_by(code: str) -> set[str]:
    """Names of the modules that a fresh interpreter holds after running `code`."""
    program = f"{code}\nimport sys\nprint('\\n'.join(['MODULES', *sys.modules]))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    return set(done.stdout.split("MODULES\n")[1].split())
