"""The engine: runs a node's steps, one at a time. It neither waits nor knows what a process is.

What runs it (a loop process, or a test) calls step() until nothing is due, looks after orders and
requests between the steps, and waits for the rings and the deadline that the engine names.
"""

from __future__ import annotations

from collections.abc import Mapping

from google.protobuf.message import Message

from rtmesh.node._wire import Steps
from rtmesh.node.calls import Reply
from rtmesh.node.parts import Parts
from rtmesh.node.ports import Host, InputRing
from rtmesh.node.reports import result_json
from rtmesh.node.triggers import SingleTrigger, Trigger


class Engine:
    """Runs one node.

    Attributes:
        rings: gives the rings on which something new could make a step due.
        has_counts: whether there can be any overruns, or messages without a partner.
    """

    def __init__(self, parts: Parts, host: Host) -> None:
        self.node = parts.node
        self._parts = parts
        self._host = host
        self._trail = parts.trail
        self._triggers = parts.triggers
        self._tickers = parts.tickers
        self._turns = _turns(parts.triggers)
        self._turn = self._turns[0]
        # Most nodes have one @on and no @every: they need not ask whose turn it is.
        is_alone = len(parts.triggers) == 1 and not parts.tickers
        self._run_alone = parts.triggers[0].run if is_alone else None
        self._steps = Steps(parts.trail, host.step_begins, host.step_ends)
        self._joins = [trigger for trigger in parts.triggers if not isinstance(trigger, SingleTrigger)]
        self.has_counts = bool(parts.tickers or self._joins)
        self.rings = parts.triggers[0].rings if len(parts.triggers) == 1 else self._all_rings
        self._now_ns = host.now_ns
        self._has_just_ticked = False
        self._is_draining = False
        self._is_finishing = False
        self.node._controls = self

    # Life, in this order.

    def setup(self) -> None:
        """Run setup(); sends are refused."""
        self.node.setup()

    def start(self) -> None:
        """Run start(), then begin the deadlines of @every."""
        self._trail.refusal = ""
        self._steps.call(None, self.node.start)
        now_ns = self._host.monotonic_ns()
        for ticker in self._tickers:
            ticker.start(now_ns)

    def drain(self) -> None:
        """No more @every: what is left are messages that still arrive."""
        self._is_draining = True

    def end(self) -> None:
        """The node ends by itself: its outputs end, its inputs are left."""
        for output in self._parts.output_rings:
            output.end()
        for ring in self._parts.input_rings:
            ring.leave()

    def teardown(self) -> None:
        """Run teardown(), whatever came before; sends are refused."""
        self._trail.refusal = "teardown() cannot send, as the node has ended: send before that"
        for trigger in self._triggers:
            trigger.close()
        self.node.teardown()

    # What is due.

    def step(self, *, idle: bool = True) -> bool:
        """Run one step that is due; False if none is.

        Args:
            idle: whether an @every without a rate counts as due when nothing else is.
        """
        if self._is_finishing:
            return False
        if self._run_alone is not None:
            return self._run_alone(self._steps, self._now_ns())
        if not self._tickers:
            return self._take()
        # An @every that is always late must not keep messages waiting: it gets every other step.
        if not self._has_just_ticked and self._tick():
            self._has_just_ticked = True
            return True
        self._has_just_ticked = False
        return self._take() or self._tick() or (idle and self._tick_idle())

    @property
    def deadline_ns(self) -> int | None:
        """When the next @every is due, by the monotonic clock; None if none will be."""
        if self._is_draining or not self._tickers:
            return None
        deadlines = [ticker.deadline_ns for ticker in self._tickers if ticker.deadline_ns is not None]
        return min(deadlines, default=None)

    @property
    def is_over(self) -> bool:
        """The node has ended by itself. To be asked when step() has returned False."""
        if self._is_finishing:
            return True
        if self._tickers and not self._is_draining:
            return False
        for trigger in self._triggers:
            if not trigger.has_ended:
                return False
        return self._is_draining or bool(self._triggers) or not self._parts.calls.has_methods

    @property
    def overruns(self) -> int:
        """Deadlines of @every that passed before the call could run."""
        return sum([ticker.overruns for ticker in self._tickers])

    @property
    def unjoined(self) -> int:
        """Messages that waited in a join and found no partner."""
        return sum([trigger.unjoined for trigger in self._joins])

    @property
    def steps(self) -> int:
        """How often user code was called since the graph runs, start() included."""
        return self._steps.count

    # What is asked of the node.

    def reply(self, method: str, request: bytes) -> Reply:
        """Run Configure or a method for someone outside; exceptions become codes."""
        return self._steps.call(None, self._parts.calls.reply, method, request)

    def call(self, method: str, request: Message) -> Message:
        """Run Configure or a method; raises what it raises."""
        return self._steps.call(None, self._parts.calls.run, method, request)

    def request_class(self, method: str) -> type[Message]:
        """The class of a method's request."""
        return self._parts.calls.request_class(method)

    # What the node asks: rtmesh.node.node.Controls.

    def finish(self) -> None:
        self._is_finishing = True

    def report(self, fields: Mapping[str, object]) -> None:
        self._host.result(result_json(fields))

    def _all_rings(self) -> list[InputRing]:
        return [ring for trigger in self._triggers for ring in trigger.rings()]

    def _tick(self) -> bool:
        """Run the @every whose deadline is the oldest that has come."""
        if self._is_draining or not self._tickers:
            return False
        now_ns = self._host.monotonic_ns()
        due = [ticker for ticker in self._tickers if ticker.is_due(now_ns)]
        if not due:
            return False
        ticker = min(due, key=lambda each: each.deadline_ns or 0)
        ticker.pass_deadline(now_ns)
        self._steps.call(None, ticker.callback)
        return True

    def _tick_idle(self) -> bool:
        """Run every @every that goes as fast as it goes."""
        unpaced = [] if self._is_draining else [each for each in self._tickers if not each.period_ns]
        for ticker in unpaced:
            if not self._is_finishing:
                self._steps.call(None, ticker.callback)
        return bool(unpaced)

    def _take(self) -> bool:
        """Run one call that a message makes due, each @on in turn."""
        if not self._triggers:
            return False
        now_ns = self._now_ns()
        for trigger, next_turn in self._turn:
            if trigger.run(self._steps, now_ns):
                self._turn = self._turns[next_turn]
                return True
        return False


def _turns(triggers: list[Trigger]) -> list[list[tuple[Trigger, int]]]:
    """For each trigger that may be first: all in the order to ask them, and who is first after each."""
    count = len(triggers)
    order = [(trigger, (index + 1) % count) for index, trigger in enumerate(triggers)]
    return [order[first:] + order[:first] for first in range(count)] or [[]]
