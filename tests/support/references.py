"""Whether code in C loses or keeps references."""

import gc
import sys
from collections.abc import Callable, Sequence

ROUNDS, ATTEMPTS = 300, 5


def are_kept(use: Callable[[], object], watched: Sequence[object]) -> list[str]:
    """What grows or shrinks with every call of `use`: reference counts of `watched`, or memory.

    What happens once, as Python's own caches fill or others let go of something, does not in every attempt.
    """
    use()
    kept: list[str] = []
    for _ in range(ATTEMPTS):
        kept = _changes(use, watched)
        if not kept:
            break
    return kept


def _changes(use: Callable[[], object], watched: Sequence[object]) -> list[str]:
    gc.collect()
    before, blocks = [sys.getrefcount(each) for each in watched], sys.getallocatedblocks()
    for _ in range(ROUNDS):
        use()
    gc.collect()
    after, more = [sys.getrefcount(each) for each in watched], sys.getallocatedblocks() - blocks
    pairs = zip(watched, before, after, strict=True)
    changed = [f"{each!r}: {old} -> {new}" for each, old, new in pairs if abs(new - old) >= ROUNDS / 2]
    return changed + ([f"{more} more blocks"] if more >= ROUNDS / 2 else [])
