"""A loop process that spins before it sleeps: spinning_loop.py CONFIG SPIN_NS [CPU [TRACE]].

It stays on CPU, unless that is empty, and writes where its steps spent their time to TRACE.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from google.protobuf import json_format

from rtmesh.node.loop import Loop
from rtmesh.v1.node_pb2 import LoopConfig

REPOSITORY = Path(__file__).parent.parent.parent


def main(path: str, spin_ns: str, cpu: str = "", trace_path: str = "") -> int:
    """Run the node to its end."""
    if cpu:
        os.sched_setaffinity(0, {int(cpu)})
    config = json_format.Parse(Path(path).read_text(), LoopConfig())
    loop = Loop(config, spin_ns=int(spin_ns))
    return run_traced(loop, Path(trace_path)) if trace_path else loop.run()


def run_traced(loop: Loop, path: Path) -> int:
    sys.path.insert(0, str(REPOSITORY))
    from bench.nodes.trace import Trace

    trace = Trace()
    trace.watch(loop)
    code = loop.run()
    trace.write(path)
    return code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
