"""A plugin for pytest: `-p sanitized` has Python load other builds of our extensions than the usual ones.

RTMESH_SANITIZED names them, as JSON: module -> file.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location
from types import ModuleType

BUILDS = "RTMESH_SANITIZED"


class Finder:
    """Goes before all others."""

    def __init__(self, builds: dict[str, str]) -> None:
        self.builds = builds
        self.found: set[str] = set()

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name not in self.builds:
            return None
        self.found.add(name)
        return spec_from_file_location(name, self.builds[name])


finder = Finder(json.loads(os.environ[BUILDS]))
sys.meta_path.insert(0, finder)


def pytest_sessionfinish() -> None:
    """A check of the usual build would say nothing."""
    missing = finder.builds.keys() - finder.found
    assert not missing, f"never loaded: {', '.join(missing)}"
