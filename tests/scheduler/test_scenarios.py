"""The scheduler's decisions, told as stories: scenarios/*.txt hold what happens and what it does about it.

After a change that is meant, rewrite them with REWRITE_SCENARIOS=1 and review the diff.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from scheduler_story import Story

SCENARIOS = sorted((Path(__file__).parent / "scenarios").glob("*.txt"))
INDENT = "    "


def played(text: str) -> str:
    """The story as it goes now: its own words kept, what the scheduler did written anew."""
    story = Story()
    lines: list[str] = []
    for line in text.splitlines():
        if line.startswith(INDENT):
            continue
        lines.append(line)
        if line.startswith("> "):
            lines.extend(INDENT + told for told in story.tell(line.removeprefix("> ")))
    return "\n".join(lines) + "\n"


def test_there_are_stories() -> None:
    assert len(SCENARIOS) >= 15


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_the_story_goes_as_written(path: Path) -> None:
    written = path.read_text()

    now = played(written)

    if os.environ.get("REWRITE_SCENARIOS"):
        path.write_text(now)
    else:
        assert now == written
