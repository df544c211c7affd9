"""What the engine runs on in a loop process: real rings and clocks, and words that meshd watches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, cast

from rtmesh.common.clock import ClockPage, monotonic_ns
from rtmesh.common.control import WORD_OVERRUNS, WORD_STEP_STARTED_NS, WORD_STEPS, WORD_UNJOINED
from rtmesh.node._wire import StepWords
from rtmesh.node.channel import LARGEST_PAYLOAD_BYTES, Channel
from rtmesh.node.errors import StopRequested
from rtmesh.node.ports import InputRing, OutputRing
from rtmesh.node.reports import Results
from rtmesh.shm import Reader, Writer, wait

if TYPE_CHECKING:
    from rtmesh.node.engine import Engine

# No wait is longer, so that whatever is missed by a wake-up is seen within that time.
LONGEST_WAIT_NS = 1_000_000_000


class LoopHost:
    """The Host of a loop process.

    Args:
        spin_ns: how long to spin before sleeping.
    """

    def __init__(self, clock: ClockPage, channel: Channel, spin_ns: int) -> None:
        # Bound as they are: these are asked several times a step.
        self.now_ns: Callable[[], int] = clock.now_ns
        self.monotonic_ns: Callable[[], int] = monotonic_ns
        self._channel = channel
        self._words = channel.events
        self._step_words = StepWords(channel.events, WORD_STEP_STARTED_NS, WORD_STEPS)
        self.step_begins: Callable[[], None] = self._step_words.begins
        self.step_ends: Callable[[int], None] = self._step_words.ends
        self._results = Results(LARGEST_PAYLOAD_BYTES)
        self._spin_ns = spin_ns
        self._overruns = 0
        self._unjoined = 0
        self._is_waiting = False
        # What is waited for seldom changes.
        self._inputs: list[InputRing] | None = None
        self._readers: tuple[Reader, ...] = ()

    def stop(self) -> None:
        """Do as StopNode says; called from a signal handler, so it interrupts a wait, but no user code."""
        self._channel.is_stopping = True
        if self._is_waiting:
            raise StopRequested

    def wait_for_space(self, ring: OutputRing) -> None:
        """Wait for a reader; StopRequested if the node must stop. A waiting step is not a stuck one."""
        self._channel.poll_orders(self.now_ns())
        if self._channel.is_stopping:
            raise StopRequested
        self._step_words.hide()
        self._wait([self._channel.orders], [cast(Writer, ring)], LONGEST_WAIT_NS)
        if self._step_words.is_stepping:
            self._step_words.show()

    def result(self, json: str) -> None:
        self._results.put(json)

    def tell_due_result(self) -> None:
        """Tell the newest result, if it is not told and time for it. To be called between two steps."""
        if self._results.due_ns is not None:
            self._tell_result(self._results.take_due(monotonic_ns()))

    def tell_last_result(self) -> None:
        """Tell the newest result, if it is not told: what is told next may be the last of all."""
        self._tell_result(self._results.take(monotonic_ns()))

    def _tell_result(self, json: str | None) -> None:
        if json is not None:
            self._channel.tell_result(self.now_ns(), json)

    def wait_for_work(self, engine: Engine) -> None:
        """Wait until a step may be due, or something is ordered or asked."""
        timeout_ns = LONGEST_WAIT_NS
        if engine.has_counts:
            self.show_counts(engine)
            timeout_ns = self._until_deadline(engine)
        if timeout_ns > 0:
            self._wait_for_calls_or(engine.rings(), timeout_ns)

    def wait_for_orders(self) -> None:
        """Wait until something is ordered or asked."""
        self._wait_for_calls_or([], LONGEST_WAIT_NS)

    def _wait_for_calls_or(self, inputs: list[InputRing], timeout_ns: int) -> None:
        """Wait for an order, a request or a message; for room instead of a request while one is answered."""
        channel = self._channel
        if channel.is_replying:
            self._wait((channel.orders, *cast(list[Reader], inputs)), (channel.replies,), timeout_ns)
            return
        if inputs is not self._inputs:
            self._inputs = inputs
            self._readers = (channel.orders, channel.requests, *cast(list[Reader], inputs))
        self._wait(self._readers, (), timeout_ns)

    def _until_deadline(self, engine: Engine) -> int:
        deadline_ns = engine.deadline_ns
        return LONGEST_WAIT_NS if deadline_ns is None else min(LONGEST_WAIT_NS, deadline_ns - monotonic_ns())

    def show_counts(self, engine: Engine) -> None:
        """Write what has changed of the engine's counts into the words."""
        overruns, unjoined = engine.overruns, engine.unjoined
        if overruns != self._overruns:
            self._overruns = overruns
            self._words.set_word(WORD_OVERRUNS, overruns)
        if unjoined != self._unjoined:
            self._unjoined = unjoined
            self._words.set_word(WORD_UNJOINED, unjoined)

    def _wait(self, readers: Sequence[Reader], writers: Sequence[Writer], timeout_ns: int) -> None:
        if self._results.due_ns is not None:
            timeout_ns = self._until_result(timeout_ns)
        self._is_waiting = True
        try:
            # A signal that came just before would else be noticed only after the wait.
            if not self._channel.is_stopping:
                wait(readers, writers, timeout_ns, self._spin_ns)
        finally:
            self._is_waiting = False

    def _until_result(self, timeout_ns: int) -> int:
        """Tell the newest result if it is time; how long to wait otherwise."""
        self.tell_due_result()
        due_ns = self._results.due_ns
        return timeout_ns if due_ns is None else min(timeout_ns, max(due_ns - monotonic_ns(), 0))
