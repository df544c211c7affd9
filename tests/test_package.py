"""The wheel: what `pip install rtmesh` gives works without the checkout."""

from __future__ import annotations

import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

NEEDED = ("pyproject.toml", "README.md", "LICENSE", "services", "shm", "cli", "protos")


@pytest.fixture(scope="module")
def installed(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Python of a fresh environment that has the wheel, and the dependencies of this one."""
    folder = tmp_path_factory.mktemp("wheel")
    # A copy, because building leaves files beside the sources.
    for name in NEEDED:
        source, target = repository / name, folder / "source" / name
        ignored = shutil.ignore_patterns("*.so", "__pycache__", "build")
        target.parent.mkdir(exist_ok=True)
        shutil.copytree(source, target, ignore=ignored) if source.is_dir() else shutil.copy(source, target)
    run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(folder), str(folder / "source"))
    (wheel,) = folder.glob("rtmesh-*.whl")
    assert "-cp311-abi3-" in wheel.name
    venv.create(folder / "environment", symlinks=True, with_pip=False)
    (site_packages,) = (folder / "environment").glob("lib/python3*/site-packages")
    run(sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(site_packages), str(wheel))
    (dependencies,) = Path(sys.prefix).glob("lib/python3*/site-packages")
    # Dependencies by search path; .pth files there, the editable install's among them, are not read.
    (site_packages / "dependencies.pth").write_text(f"{dependencies}\n")
    return folder / "environment" / "bin" / "python"


def test_the_wheel_runs_a_graph(installed: Path, repository: Path, tmp_path: Path) -> None:
    shutil.copytree(repository / "tests" / "e2e" / "graphs" / "count", tmp_path / "count")
    code = "from rtmesh.cli.meshctl import main; main()"
    done = run(str(installed), "-c", code, "up", str(tmp_path / "count" / "graph.yaml"), cwd=tmp_path)
    assert "completed" in done


def test_the_wheel_is_what_runs(installed: Path, tmp_path: Path) -> None:
    out = run(str(installed), "-c", "import rtmesh.shm._native as n; print(n.__file__)", cwd=tmp_path)
    assert str(installed.parent.parent) in out


def run(*arguments: str, cwd: Path | None = None) -> str:
    done = subprocess.run(arguments, cwd=cwd, capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
