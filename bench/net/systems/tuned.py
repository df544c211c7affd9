"""Bare gRPC streams with what lowers their cost from outside: how low the floor can be laid."""

from __future__ import annotations

import os
import subprocess
from typing import Any

from bench.net.systems.grpc_aio import AioSystem
from bench.net.systems.grpc_sync import SyncSystem

# The thread that waits for completions polls the socket itself: two hand-overs less in gRPC's core.
OWN_POLLING = "-event_engine_client,-event_engine_listener,-event_engine_for_all_other_endpoints"
# The allocator keeps large blocks: else each message's pages are faulted in anew.
ALLOCATOR = {
    "MALLOC_MMAP_THRESHOLD_": "500000000",
    "MALLOC_TRIM_THRESHOLD_": "500000000",
    "MALLOC_TOP_PAD_": "67108864",
}
SETTING = "; GRPC_EXPERIMENTS without the event engine, the allocator keeps large blocks (MALLOC_*)"


class _Tuned:
    def spawn(self, command: list[str], log: int, **options: Any) -> subprocess.Popen[bytes]:
        environment = {**os.environ, **ALLOCATOR, "GRPC_EXPERIMENTS": OWN_POLLING}
        spawned: subprocess.Popen[bytes] = super().spawn(command, log, env=environment, **options)  # type: ignore[misc]
        return spawned


class TunedAioSystem(_Tuned, AioSystem):
    """grpc.aio."""

    name = f"{AioSystem.name}, tuned"
    setting = AioSystem.setting + SETTING


class TunedSyncSystem(_Tuned, SyncSystem):
    """gRPC's threads."""

    name = f"{SyncSystem.name}, tuned"
    setting = SyncSystem.setting + SETTING


SYSTEM = TunedAioSystem()
