"""A large edge as fast as it goes; in turns one of 64 B at 1 kHz beside it, between other processes."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from time import monotonic_ns

from bench.figures import median_of_runs
from bench.net.cases import SATURATED_LARGE
from bench.net.pacer import READY
from bench.net.phases import ORDER, Schedule, Sent, Taken, Turns, turns_of
from bench.net.relays import Edge, Relay, make_ring
from bench.net.systems.relayed import RelayedEndpoint, RelayedSystem, edge
from bench.processes import end, says
from bench.ring.cases import Case
from bench.ring.endpoint import Message, Seat
from rtmesh.shm import segment_name

SMALL = 64
PACER = "bench.net.pacer"
PHASE_NS = 600_000_000
# How often each kind of phase comes in a session. One phase's rate differs from the next by a tenth or two.
TURNS, QUICK_TURNS = 8, 2
# A session begins within a phase and ends within one; these do not count.
AROUND = 1.5
START_S = 15.0
ARRIVALS, SENT, TAKEN = "arrivals.json", "sent.json", "taken.json"


def small_edge(seat: Seat) -> Edge:
    """The one beside."""
    return edge(seat, "therebeside", SMALL)


def local_ring(seat: Seat) -> str:
    """What the same two processes use when no network is to be between them."""
    return segment_name("left", seat.identity, "floor")


class NotingEndpoint(RelayedEndpoint):
    """Its receiver notes when each message of the large edge came."""

    def __init__(self, seat: Seat) -> None:
        super().__init__(seat)
        self._came_ns: list[int] = []
        self._target: Path | None = None if seat.is_sender else seat.folder / ARRIVALS

    def begin(self, case: Case) -> None:
        super().begin(case)
        self._warm_up = case.warm_up

    def receive(self) -> Message | None:
        message = super().receive()
        self._came_ns.append(monotonic_ns())
        return message

    def close(self) -> None:
        super().close()
        if self._target is not None:
            # The last one only says that the case is over.
            self._target.write_text(json.dumps(self._came_ns[self._warm_up : -1]))


class BesideSystem(RelayedSystem):
    """The processes of the small edge run as long as the session does; phases.py says what they do when."""

    name = "rtmesh, an edge at 1 kHz beside"
    setting = (
        "as rtmesh; the processes of the edge beside are two more, and share the CPUs; phases of "
        f"{PHASE_NS / 1e9:g} s in turns, the rate is that of the phases beside"
    )
    cases = (SATURATED_LARGE,)

    def __init__(self) -> None:
        # One a run.
        self.turns: list[Turns] = []
        # Why a run has none.
        self.untold: list[str] = []

    def seconds(self, case: Case, is_quick: bool) -> float:
        turns = QUICK_TURNS if is_quick else TURNS
        return (turns * len(ORDER) + AROUND) * PHASE_NS / 1e9

    def edges(self, seat: Seat) -> list[Edge]:
        return [*super().edges(seat), small_edge(seat)]

    @contextlib.contextmanager
    def observe(self, seat: Seat, relays: tuple[Relay, Relay]) -> Iterator[None]:
        schedule = Schedule(monotonic_ns(), PHASE_NS)
        try:
            with contextlib.ExitStack() as stack:
                make_ring(stack, local_ring(seat), small_edge(seat))
                self._pace(stack, seat, schedule)
                yield
        finally:
            self._read(seat.folder, schedule)

    def connect(self, seat: Seat) -> NotingEndpoint:
        return NotingEndpoint(seat)

    def _pace(self, stack: contextlib.ExitStack, seat: Seat, schedule: Schedule) -> None:
        """The receiver before the sender, so that nothing waits for it; they end the other way round."""
        out, into = small_edge(seat).rings
        receive = ["receive", str(seat.folder / TAKEN), into, local_ring(seat)]
        send = ["send", str(seat.folder / SENT), out, local_ring(seat), *map(str, schedule)]
        with (seat.folder / "log").open("ab") as log:
            receiver = self._spawn(stack, 1, receive, log.fileno())
            if not says(receiver, READY, START_S):
                raise OSError("the receiver of the edge beside does not start")
            self._spawn(stack, 0, send, log.fileno())

    def _spawn(
        self, stack: contextlib.ExitStack, host: int, words: list[str], log: int
    ) -> subprocess.Popen[bytes]:
        command = self.link.hosts[host].inside([sys.executable, "-m", PACER, *words])
        process = stack.enter_context(self.spawn(command, log, stdout=subprocess.PIPE))
        stack.callback(end, process)
        self.keep(host, process)
        return process

    def _read(self, folder: Path, schedule: Schedule) -> None:
        try:
            came_ns = json.loads((folder / ARRIVALS).read_text())
            sent = Sent(**json.loads((folder / SENT).read_text()))
            taken = Taken(**json.loads((folder / TAKEN).read_text()))
            self.turns.append(turns_of(schedule, came_ns, sent, taken))
        except (OSError, ValueError, TypeError) as error:  # not there, half written, or too short
            self.untold.append(str(error))

    def notes(self) -> list[str]:
        notes = []
        if self.turns:
            middle = median_of_runs(turns.ages for turns in self.turns)
            refused = sum(turns.refused for turns in self.turns)
            due = sum(sum(turns.due.values()) for turns in self.turns)
            notes.append(
                f"The 64 B edge at 1 kHz beside a saturated one of 1 MiB: one way p50 {middle.p50:,.0f} us, "
                f"p99 {middle.p99:,.0f} us, max {middle.max:,.0f} us, of the phases in which it runs; "
                f"{refused:,} of {due:,} found their ring full and were not sent; all six processes share "
                "the CPUs then."
            )
        if self.untold:
            notes.append(
                f"**The edge beside a saturated one** was not timed in {len(self.untold)} runs: "
                f"{'; '.join(dict.fromkeys(self.untold))}"
            )
        return notes


SYSTEM = BesideSystem()
