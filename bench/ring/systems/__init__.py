"""The systems under test, one a file. Each module has a `SYSTEM`; only its own processes load it."""

from __future__ import annotations

import importlib

from bench.ring.endpoint import System

OURS = "rtmesh"
# Name on the command line: module. The order is that of the interleaved runs and of the tables.
MODULES = {
    OURS: "rtmesh_ring",
    "pipe": "pipe",
    "unix-socket": "unix_socket",
    "zmq": "zmq_ipc",
    "iceoryx2-polling": "iceoryx2_polling",
    "iceoryx2-event": "iceoryx2_event",
    "ecal": "ecal_shm",
    "zenoh": "zenoh_shm",
    "ezmsg": "ezmsg_shm",
    "dora": "dora_rs",
    "redis": "redis_streams",
}


def load(module: str) -> System:
    """The system of a module of this folder, or of one with dots. ImportError if it lacks what it drives."""
    system: System = importlib.import_module(module if "." in module else f"{__name__}.{module}").SYSTEM
    system.module = module
    return system
