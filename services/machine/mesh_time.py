"""From the scheduler's clock to this machine's."""

from __future__ import annotations

from rtmesh.v1 import machine_pb2


def mesh_offset(welcome: machine_pb2.Welcome, sent_ns: int, received_ns: int) -> tuple[int, int]:
    """What to add to this machine's CLOCK_MONOTONIC for mesh time, and its error bound, both in ns.

    The scheduler read its clock between `sent_ns` and `received_ns` of ours. If its reading lies there too,
    both clocks are one: nothing has to be estimated.
    """
    theirs_ns = welcome.scheduler_monotonic_ns
    if sent_ns <= theirs_ns <= received_ns:
        return welcome.mesh_offset_ns, 0
    middle_ns = (sent_ns + received_ns) // 2
    return welcome.mesh_offset_ns + theirs_ns - middle_ns, (received_ns - sent_ns + 1) // 2
