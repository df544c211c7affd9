"""gRPC with threads, tuned."""

from __future__ import annotations

from bench.net.systems.tuned import TunedSyncSystem

SYSTEM = TunedSyncSystem()
