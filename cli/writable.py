"""Whether what `meshctl up` is to write can be written, found out before a run."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from rtmesh.common.errors import RtmeshError


def check_writable(summary_path: Path | None, logs_folder: Path | None) -> None:
    """Find out before a run whether its summary and logs can be written. Raises RtmeshError."""
    try:
        if summary_path is not None:
            _check_file(summary_path)
        if logs_folder is not None:
            logs_folder.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=logs_folder).close()
    except OSError as error:
        option, path = (
            ("--logs", logs_folder) if error.filename != str(summary_path) else ("--summary", summary_path)
        )
        raise RtmeshError(
            f"{option} {path} cannot be written: {error.strerror}", "name a place that you may write to"
        ) from error


def _check_file(path: Path) -> None:
    if path.exists() and not path.is_file():
        # A pipe or terminal: to open it is to be heard of.
        if not os.access(path, os.W_OK):
            raise PermissionError(13, "Permission denied", str(path))
        return
    was_there = path.exists()
    path.open("ab").close()
    if not was_there:
        path.unlink()
