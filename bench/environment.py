"""Where and with what a benchmark ran: it goes into every result."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path

REPOSITORY = Path(__file__).parent.parent


def environment(
    distributions: Iterable[str] = (), others: Mapping[str, str] | None = None
) -> dict[str, object]:
    """CPU, cores, kernel, Python, the versions of `distributions` and of `others`, the date, the commit."""
    return {
        "CPU": cpu_model(),
        "cores": len(os.sched_getaffinity(0)),
        "kernel": platform.release(),
        "Python": platform.python_version(),
        "versions": {name: version(name) for name in distributions} | dict(others or {}),
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": commit(),
    }


def cpu_model() -> str:
    """As the kernel names it, with the hypervisor if there is one."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    pairs = (line.split(":", 1) for line in lines if ":" in line)
    values = {name.strip(): value.strip() for name, value in pairs}
    model = values.get("model name", platform.machine())
    return f"{model} (virtual)" if "hypervisor" in values.get("flags", "") else model


def version(distribution: str) -> str:
    """Of an installed distribution; "absent" if it is not."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return "absent"


def versions_beside(python: Path, distributions: Iterable[str]) -> dict[str, str]:
    """Of what is installed for another interpreter; "absent" for what is not."""
    folders = [str(folder) for folder in python.parent.parent.glob("lib/python*/site-packages")]
    found = {each.name: each.version for each in importlib.metadata.distributions(path=folders)}
    return {name: found.get(name, "absent") for name in distributions}


def commit() -> str:
    """Of the checkout, marked if files differ from it (results aside, which a benchmark itself writes)."""
    head = _git("rev-parse", "--short", "HEAD")
    own = [":!bench/results", ":!bench/RESULTS.md"]
    changed = _git("status", "--porcelain", "--untracked-files=no", "--", ".", *own)
    return f"{head or 'unknown'}{' and changes' if changed else ''}"


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=REPOSITORY, capture_output=True, text=True, timeout=20, check=False
        )
    except OSError:
        return ""
    return done.stdout.strip()
