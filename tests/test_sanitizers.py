"""What the C extensions do for Python, under AddressSanitizer and UndefinedBehaviorSanitizer.

The ring's algorithms have tests in C for that (tests/shm/test_native.py); here it is all that stands between
them and Python, and what reads bytes of other machines. The tests are those that judge it otherwise, too.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import tomllib

import pytest

TESTS = {
    "rtmesh.shm._native": [
        "test_parts",
        "test_records",
        "test_resume",
        "test_ring",
        "test_views",
        "test_wait",
    ],
    "rtmesh.node._wire": ["test_encoder", "test_received", "test_sender", "test_steps", "test_template"],
    "rtmesh.relay._http2": ["test_http2", "test_http2_receiver"],
}
SANITIZERS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer"]
WITHIN_S = 110


@pytest.mark.parametrize("module", TESTS)
def test_nothing_is_read_or_written_that_should_not_be(module, repository, tmp_path):
    built = tmp_path / "sanitized.abi3.so"
    build(extension(module, repository), built, repository)
    folder = repository / "tests" / module.split(".")[1]
    # Reports go to files: the tests have the standard error. What Python never frees at its end is no leak.
    reports = f"log_path={tmp_path}/report"
    # Memory comes from the C library, which the sanitizer knows.
    environment = os.environ | {
        "LD_PRELOAD": " ".join(runtime(name) for name in ("libasan.so", "libubsan.so")),
        "ASAN_OPTIONS": f"{reports}:detect_leaks=0",
        "UBSAN_OPTIONS": f"{reports}:print_stacktrace=1",
        "PYTHONMALLOC": "malloc",
        "PYTHONPATH": str(repository / "tests" / "support"),
        "RTMESH_SANITIZED": json.dumps({module: str(built)}),
    }

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "sanitized", "-p", "no:cacheprovider"]
        + [str(folder / f"{name}.py") for name in TESTS[module]],
        cwd=repository,
        env=environment,
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
        check=False,
    )

    found = "".join(report.read_text() for report in tmp_path.glob("report.*"))
    assert done.returncode == 0 and not found, found + done.stdout + done.stderr


def extension(module: str, repository) -> dict[str, list]:
    """How pyproject.toml has it built."""
    project = tomllib.loads((repository / "pyproject.toml").read_text())
    extensions = project["tool"]["setuptools"]["ext-modules"]
    return next(each for each in extensions if each["name"] == module)


def build(extension: dict[str, list], target, repository) -> None:
    macros = [f"-D{name}={value}" for name, value in extension["define-macros"]]
    flags = [*extension["extra-compile-args"], "-O1", "-g", "-fPIC", "-shared", *SANITIZERS]
    include = f"-I{sysconfig.get_path('include')}"
    command = ["cc", *flags, *macros, include, *extension["sources"], "-o", str(target)]
    subprocess.run(command, cwd=repository, check=True, timeout=WITHIN_S)


def runtime(name: str) -> str:
    """Of the compiler; it has to be there before Python."""
    found = subprocess.run(
        ["cc", f"-print-file-name={name}"], capture_output=True, text=True, timeout=10, check=True
    )
    return found.stdout.strip()
