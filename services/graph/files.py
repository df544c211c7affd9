"""Whether a path that a user wrote leads anywhere."""

from __future__ import annotations

from pathlib import Path


def is_file(path: Path) -> bool:
    """False also where asking fails: a name too long, a folder that may not be entered."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def is_folder(path: Path) -> bool:
    """False also where asking fails."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False
