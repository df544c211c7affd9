"""The threads that lanes and connections have of their own."""

from __future__ import annotations

import threading
from collections.abc import Callable

from rtmesh.common.errors import UnavailableError


def start_thread(name: str, target: Callable[..., object], *arguments: object) -> threading.Thread:
    """Have a thread do this; it does not keep the process.

    Raises:
        UnavailableError: the kernel gives no more threads; it may later.
    """
    thread = threading.Thread(target=target, args=arguments, name=name, daemon=True)
    try:
        thread.start()
    except RuntimeError as error:
        raise UnavailableError(
            f"no thread can be started ({error})",
            "raise ulimit -u, or pids.max (TasksMax) of its control group",
        ) from error
    return thread
