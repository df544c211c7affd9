"""The identity of an output, as it stands in Header.origin."""

from __future__ import annotations

import hashlib


def origin_id(graph: str, node: str, port: str) -> int:
    """Return the 64-bit identity of GRAPH/NODE.port: BLAKE2b, first 8 bytes, little endian. Never 0."""
    digest = hashlib.blake2b(f"{graph}/{node}.{port}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") or 1
