"""A busy loop on each CPU, as other work on the machine would be."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator

# It ends by itself if this process is killed, and says when it has begun.
BUSY = """
import os, signal, sys
os.sched_setaffinity(0, {int(sys.argv[1])})
signal.alarm(60)
print(flush=True)
while True: pass
"""


@contextlib.contextmanager
def every_cpu_busy() -> Iterator[None]:
    """While the block runs, each CPU that this process may use runs a loop at normal priority."""
    loops = [
        subprocess.Popen([sys.executable, "-S", "-c", BUSY, str(cpu)], stdout=subprocess.PIPE)
        for cpu in sorted(os.sched_getaffinity(0))
    ]
    try:
        for loop in loops:
            assert loop.stdout is not None
            loop.stdout.readline()
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()
            assert loop.stdout is not None
            loop.stdout.close()
