"""The rings of one run on this machine: made, read for accounts, put right after a death, removed."""

from __future__ import annotations

from collections.abc import Iterable

from rtmesh.common.memory import ring_layout
from rtmesh.common.processes import process_start_time
from rtmesh.machine.accounts import ring_account
from rtmesh.machine.state import State
from rtmesh.shm import ReaderState, Ring, RingLayout, create_ring, segment_name
from rtmesh.v1 import plan_pb2, status_pb2


class RunRings:
    """Ring name -> ring, for the rings of the plan. Raises RingError where a segment cannot be made."""

    def __init__(self, machine: str, run: str, state: State) -> None:
        self.machine = machine
        self.run = run
        self.segments: dict[str, str] = {}
        self._rings: dict[str, Ring] = {}
        self._reader_counts: dict[str, int] = {}
        self._state = state

    def create(self, plans: Iterable[plan_pb2.RingPlan]) -> None:
        """Make the rings of the plan; those already made stay if one fails: `remove` takes them away."""
        for plan in plans:
            self._rings[plan.name] = self.create_one(plan.name, ring_layout(plan))
            self._reader_counts[plan.name] = len(plan.readers)

    def create_one(self, name: str, layout: RingLayout) -> Ring:
        """Make a ring that is not part of the accounts."""
        segment = segment_name(self.machine, self.run, name)
        self._state.add_segments([segment])
        try:
            ring = create_ring(segment, layout)
        except BaseException:
            self._state.remove_segments([segment])
            raise
        self.segments[name] = segment
        return ring

    def remove(self) -> None:
        """Unlink every ring of the plan."""
        for ring in self._rings.values():
            ring.unlink()
            ring.close()
        self._rings.clear()
        self._state.remove_segments(self.segments.values())

    def accounts(self) -> list[status_pb2.RingAccount]:
        return [
            ring_account(name, ring.snapshot(), self._reader_counts[name])
            for name, ring in self._rings.items()
        ]

    def free_readers(self, readers: Iterable[tuple[str, int]], process_id: int, *, is_gone: bool) -> None:
        """The process that read these (ring, reader number) is dead: it comes back, or is gone for good."""
        for name, index in readers:
            free_reader(self._rings[name], index, process_id, is_gone=is_gone)

    def free_writer(self, name: str, process_id: int, *, ends: bool) -> None:
        """The process that wrote the ring is dead; its stream ends here or will be continued."""
        ring = self._rings[name]
        if free_writer(ring, process_id) and ends and not ring.snapshot().ended:
            ring.end()

    def free_taps(self, name: str, process_id: int) -> None:
        """Free the places that a dead process had taken beyond those of the plan."""
        ring = self._rings[name]
        for reader in ring.snapshot().readers[self._reader_counts[name] :]:
            if reader.pid == process_id:
                ring.mark_gone(reader.index, process_id)


def free_reader(ring: Ring, index: int, process_id: int, *, is_gone: bool) -> None:
    """Clear what a dead process left in a reader's seat. One that had left by itself stays gone."""
    reader = next(reader for reader in ring.snapshot().readers if reader.index == index)
    if _is_taken_by_another(reader.pid, process_id):
        return
    if is_gone and reader.state is not ReaderState.GONE:
        ring.mark_gone(index, reader.pid or process_id)
    elif reader.state is ReaderState.ATTACHED:
        ring.mark_absent(index, reader.pid or process_id)


def free_writer(ring: Ring, process_id: int) -> bool:
    """Clear what a dead process left in the writer's seat; False if another sits there by now."""
    holder = ring.snapshot().writer_pid
    if _is_taken_by_another(holder, process_id):
        return False
    return ring.writer_died(holder or process_id)


def _is_taken_by_another(holder: int, dead: int) -> bool:
    """Whether a living process sits in a seat. A command's child may have sat there and died with it."""
    return holder not in (0, dead) and process_start_time(holder) is not None
