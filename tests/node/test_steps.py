"""From the ring into the user's method: what is done before and after each call, and in which order."""

from __future__ import annotations

import contextlib
import time
import traceback
import weakref
from collections import deque
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from node_messages import MIXED, PLAIN
from references import are_kept

from rtmesh.node._wire import Steps, StepWords, Trail
from rtmesh.node.channel import Channel
from rtmesh.node.loop import Loop
from rtmesh.node.message import MessageType
from rtmesh.node.triggers import SingleTrigger, Source
from rtmesh.node.wire import HeaderValues
from rtmesh.v1.graph_pb2 import WHEN_FULL_BLOCK

HEADER = HeaderValues(7, 1, 1_000, 99, 2, 5, 900)
OWN_ORIGIN = 3


class Bench:
    """A ring, a host and a node's method that tell what happens to them."""

    def __init__(self, descriptor: Any = MIXED) -> None:
        self.told: list[object] = []
        self.type = MessageType(descriptor)
        self.messages: list[Any] = []
        self.ended = False
        self.failing: Sequence[str] = ()
        self.trail = Trail([OWN_ORIGIN])
        self.steps = Steps(self.trail, lambda: self.tell("begins"), lambda count: self.tell("ends", count))
        self.trigger = SingleTrigger(self.call, Source(self, self.type, WHEN_FULL_BLOCK, 8))

    def tell(self, what: str, *more: object) -> None:
        self.told.append((what, *more) if more else what)
        if what in self.failing:
            raise RuntimeError(f"{what} fails")

    def try_take(self, now_ns: int) -> Any:
        self.told.append(("take", now_ns))
        return self.messages.pop(0) if self.messages else None

    def release(self) -> None:
        self.tell("release")

    def leave(self) -> None: ...

    def call(self, message: Any) -> None:
        self.tell("call")
        self.header = self.trail.header

    def feed(self, header: HeaderValues = HEADER, **fields: object) -> None:
        self.messages.append(self.type.encode(fields).to_bytes(header))

    def run(self) -> bool:
        return self.trigger.run(self.steps, 55)


def test_a_message_is_taken_handed_over_and_released_as_one_step() -> None:
    bench = Bench()
    bench.feed(first=[1])

    assert bench.run()

    assert bench.told == [("take", 55), "begins", "call", ("ends", 1), "release"]
    assert bench.steps.count == 1
    assert not bench.run()
    assert bench.told[5:] == [("take", 55)]


def test_a_step_goes_on_with_the_origin_of_its_message_unless_that_is_its_own() -> None:
    bench = Bench(PLAIN)
    for origin, expected in ((99, HEADER), (OWN_ORIGIN, None), (0, None)):
        bench.feed(HEADER._replace(origin=origin))
        bench.run()
        assert bench.header == expected


def test_a_step_that_raises_ends_and_its_message_stays_unreleased() -> None:
    bench = Bench()
    bench.feed()
    bench.failing = ("call",)

    with pytest.raises(RuntimeError, match="call fails") as raised:
        bench.run()

    assert bench.told == [("take", 55), "begins", "call", ("ends", 1)]
    assert [frame.name for frame in traceback.extract_tb(raised.tb)][1:] == ["run", "call", "tell"]


def test_what_raises_when_a_step_that_raised_ends_tells_of_both() -> None:
    bench = Bench()

    def fail(_: object) -> None:
        raise KeyError("user")

    bench.failing = ("ends",)
    with pytest.raises(RuntimeError, match="ends fails") as raised:
        bench.steps.call(None, fail, 1)

    assert isinstance(raised.value.__context__, KeyError)
    assert traceback.extract_tb(raised.value.__context__.__traceback__)[-1].name == "fail"
    assert bench.steps.count == 1


def test_an_error_that_is_raised_again_when_its_step_ends_is_not_its_own_context() -> None:
    error, trail = KeyError("user"), Trail([OWN_ORIGIN])

    def fail(*_: object) -> None:
        raise error

    with pytest.raises(KeyError) as raised:
        Steps(trail, lambda: None, fail).call(None, fail)

    assert raised.value is error and error.__context__ is None


@pytest.mark.parametrize(
    ("failing", "told"),
    [
        ("begins", ["begins"]),
        ("ends", ["begins", "call", ("ends", 1)]),
        ("release", ["begins", "call", ("ends", 1), "release"]),
    ],
)
def test_a_host_or_ring_that_fails_ends_it_there(failing: str, told: list[object]) -> None:
    bench = Bench()
    bench.feed()
    bench.failing = (failing,)

    with pytest.raises(RuntimeError, match=f"{failing} fails"):
        bench.run()

    assert bench.told[1:] == told


def test_a_malformed_message_is_no_step() -> None:
    bench = Bench()
    bench.messages.append(b"\x0a\x05")

    with pytest.raises(ValueError, match="truncated"):
        bench.run()

    assert bench.told == [("take", 55)]
    assert bench.steps.count == 0


def test_a_message_is_held_until_it_is_released_and_no_longer() -> None:
    bench = Bench()
    watches = []
    held = []
    bench.call = lambda message: watches.append(weakref.ref(message))  # type: ignore[method-assign]
    bench.release = lambda: held.append(watches[-1]() is not None)  # type: ignore[method-assign]
    bench.trigger = SingleTrigger(bench.call, Source(bench, bench.type, WHEN_FULL_BLOCK, 8))
    for _ in range(2):
        bench.feed(first=[1])
        bench.run()

    assert held == [True, True]
    assert [watch() for watch in watches] == [None, None]


def test_a_slot_is_not_held_for_a_message_without_tensors() -> None:
    class Slot(bytearray):
        """Can be watched."""

    bench = Bench(PLAIN)
    slot = Slot(bench.type.encode({"vx": 1}).to_bytes(HEADER))
    watch, held = weakref.ref(slot), []
    bench.messages.append(slot)
    del slot
    bench.call = lambda _: held.append(watch())  # type: ignore[method-assign]
    bench.trigger = SingleTrigger(bench.call, Source(bench, bench.type, WHEN_FULL_BLOCK, 8))

    bench.run()

    assert held == [None]


def test_arguments_and_result_of_a_step_go_through() -> None:
    bench = Bench()

    assert bench.steps.call(HEADER, lambda *all_: all_, 1, "b") == (1, "b")
    assert bench.told == ["begins", ("ends", 1)]
    assert bench.trail.header == HEADER
    bench.steps.call(None, list)
    assert bench.trail.header is None


def test_the_rings_of_a_trigger_are_the_same_list_until_they_end() -> None:
    bench = Bench()

    assert bench.trigger.rings() == [bench]
    assert bench.trigger.rings() is bench.trigger.rings()
    assert not bench.trigger.has_ended
    bench.ended = True
    assert bench.trigger.rings() == []
    assert bench.trigger.has_ended


def test_no_reference_is_lost_or_kept_by_steps() -> None:
    bench = Bench()
    data = bench.type.encode({"first": np.ones(3)}).to_bytes(HEADER)
    watched = [bench, bench.type, bench.trigger, bench.steps, bench.trail, data, None]
    bench.messages = [data]
    bench.run()

    def use() -> None:
        for bench.failing in ((), ("begins",), ("call",), ("ends",), ("call", "ends"), ("release",)):
            bench.messages = [data]
            with contextlib.suppress(RuntimeError):
                bench.run()
        bench.told.clear()

    assert are_kept(use, watched) == []


def test_what_is_no_step_is_refused() -> None:
    bench = Bench()
    for arguments in ((), (bench.steps,), (None, 5), (bench.steps, 1, 2)):
        with pytest.raises(TypeError):
            bench.trigger.run(*arguments)  # type: ignore[call-arg,arg-type]
    for arguments in ((), (None,)):
        with pytest.raises(IndexError):
            bench.steps.call(*arguments)  # type: ignore[arg-type,call-arg]
    with pytest.raises(TypeError):
        bench.steps.call((1, 2), list)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        Steps(None, print, print)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        SingleTrigger(print, Source(bench, None, 1, 1))  # type: ignore[arg-type]
    assert bench.told == []


class Words:
    """The words of a ring."""

    def __init__(self) -> None:
        self.told: list[tuple[int, int]] = []

    def set_word(self, index: int, value: int) -> None:
        self.told.append((index, value))


def test_the_words_tell_since_when_a_step_runs_and_how_many_there_were() -> None:
    writer = Words()
    words = StepWords(writer, 4, 5)
    before_ns = time.monotonic_ns()

    words.begins()
    assert words.is_stepping
    words.hide()
    words.show()
    assert words.is_stepping
    words.ends(17)

    assert not words.is_stepping
    started, hidden, shown, *ended = writer.told
    assert before_ns <= started[1] <= shown[1] <= time.monotonic_ns()
    assert (started[0], hidden, shown[0], ended) == (4, (4, 0), 4, [(5, 17), (4, 0)])


class Waits:
    """Plays a loop's engine, host and channel: how its steps turn out, and what there is besides."""

    def __init__(self, steps: list[bool]) -> None:
        self.steps = steps
        self.waits = 0
        self.quiet_until = self.over_after = len(steps)
        self.loop = Loop.__new__(Loop)
        self.loop._host = self.loop._channel = self  # type: ignore[assignment]
        self.done = 0

    def wait_for_work(self, engine: Any) -> None:
        self.waits += 1

    def step(self) -> bool:
        self.done += 1
        return self.steps[self.done - 1]

    @property
    def is_quiet(self) -> bool:
        return self.done < self.quiet_until

    @property
    def is_over(self) -> bool:
        return self.done >= self.over_after


def test_a_loop_goes_on_waiting_and_stepping_until_there_is_something_else() -> None:
    idle, asked, over = (Waits([True, True, True, False]) for _ in range(3))
    asked.quiet_until = 2
    over.over_after = 1
    for each in (idle, asked, over):
        each.loop._wait_and_step(each)  # type: ignore[arg-type]

    assert [each.waits for each in (idle, asked, over)] == [4, 2, 1]
    assert [each.done for each in (idle, asked, over)] == [4, 2, 1]


@pytest.mark.parametrize("what", ["order", "request", "is_stopping", "is_draining", "is_replying"])
def test_a_channel_is_quiet_until_something_is_to_be_done_with_it(what: str) -> None:
    channel = Channel.__new__(Channel)
    waiting = {"order": 0, "request": 0}
    channel.orders = SimpleNamespace(available=lambda: waiting["order"])  # type: ignore[assignment]
    channel.requests = SimpleNamespace(available=lambda: waiting["request"])  # type: ignore[assignment]
    channel.is_stopping = channel.is_draining = channel.is_replying = False
    assert channel.is_quiet

    if what in waiting:
        waiting[what] = 1
    else:
        setattr(channel, what, True)

    assert not channel.is_quiet


def test_a_channel_replies_until_there_was_room_for_all_of_it() -> None:
    channel = Channel.__new__(Channel)
    room = [True, False, True]
    channel._unsent = deque([b"a", b"b"])
    channel.replies = SimpleNamespace(try_publish=lambda *_: room.pop(0))  # type: ignore[assignment]

    assert not channel._reply(0)
    assert channel.is_replying
    assert channel._reply(0)
    assert not channel.is_replying
