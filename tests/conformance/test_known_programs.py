"""Programs that random ones seldom write: each shows the same on the shared ring and on the reference."""

import itertools
import os

import pytest

from rtmesh import shm
from rtmesh.shm import Policy, ReaderLayout, RingLayout
from tests.conformance import reference
from tests.conformance.side import SENT_NS, Side, content
from tests.conformance.test_differential import outcome_of

READERS = (
    ReaderLayout("node.block", Policy.BLOCK, 4, hold=2, hold_absent_ns=0),
    ReaderLayout("node.drop", Policy.DROP_OLDEST, 3, hold=1),
    ReaderLayout("node.latest", Policy.LATEST, 1, hold=0),
)

_numbers = itertools.count()


def publish(side: Side, count: int = 1) -> list[bool]:
    return [side.writer.try_publish(content(side.writer.head, 5), SENT_NS) for _ in range(count)]


def take(side: Side, index: int, count: int = 1, keeps: bool = False) -> list:
    return [side.take(index, keeps, 7) for _ in range(count)]


def start(side: Side) -> None:
    side.attach_writer(None)
    for index in range(len(READERS)):
        side.attach_reader(index, False)


def work(count: int):
    """Publish so many, each taken and released by all."""

    def step(side: Side) -> None:
        for _ in range(count):
            publish(side)
            for index in range(len(READERS)):
                take(side, index)
                side.readers[index].release()

    return step


PROGRAMS = {
    "a successor asks for what its predecessor did not release": [
        lambda side: publish(side, 4),
        lambda side: take(side, 0, 3),
        lambda side: side.readers[0].release(1),
        lambda side: side.bury(0, False),
        lambda side: side.attach_reader(0, True),
        lambda side: publish(side, 3),
        lambda side: [side.view_at(0, position, False) for position in range(5)],
    ],
    "a dropping reader goes back behind what it had dropped": [
        lambda side: publish(side, 2),
        lambda side: take(side, 1, 2),
        lambda side: take(side, 0, 2),
        lambda side: side.readers[0].release(),
        *[lambda side: (publish(side), take(side, 0), side.readers[0].release())] * 6,
        lambda side: take(side, 1, 2),
        lambda side: side.readers[1].resume(1, 1),
        lambda side: take(side, 1, 4),
        lambda side: side.readers[1].resume(5, 9),
        lambda side: side.readers[1].resume(5, 0),
    ],
    "a hundred claims are made and given up": [
        work(20),
        *[lambda side: (side.fill_claim(9), side.writer.abort())] * 100,
        work(20),
    ],
    "one seat has a tap after another": [
        lambda side: side.tap(2),
        work(3),
        lambda side: take(side, 3, 2),
        lambda side: side.readers[3].leave(),
        lambda side: side.tap(5),
        lambda side: publish(side, 1),
        lambda side: take(side, 3, 2),
    ],
    "a reader is given up twice, and comes back twice": [
        *[
            lambda side: publish(side, 4),
            lambda side: side.readers[1].leave(),
            lambda side: take(side, 0, 4),
            lambda side: side.readers[0].release(),
            lambda side: publish(side, 3),
            lambda side: side.bury(1, True),
            lambda side: side.bury(1, False),
            lambda side: side.attach_reader(1, False),
            lambda side: take(side, 1, 2),
        ]
        * 2
    ],
    "a reader that is cut off comes back in time, and too late": [
        lambda side: publish(side, 4),
        lambda side: side.readers[0].set_absent(),
        lambda side: side.readers[0].set_attached(),
        lambda side: publish(side),
        lambda side: side.readers[0].set_absent(),
        lambda side: publish(side),
        lambda side: take(side, 0),
        lambda side: side.readers[0].set_attached(),
        lambda side: take(side, 0),
        lambda side: publish(side),
        lambda side: take(side, 0),
    ],
    "an absent reader takes up its old account": [
        lambda side: publish(side, 4),
        lambda side: take(side, 1, 2),
        lambda side: side.bury(1, False),
        lambda side: side.attach_reader(1, False),
        lambda side: take(side, 1, 2),
        lambda side: (take(side, 0, 4), side.readers[0].release()),
        lambda side: publish(side, 4),
        lambda side: take(side, 1, 1),
        lambda side: side.bury(1, False),
        lambda side: side.attach_reader(1, True),
        lambda side: take(side, 1, 3),
    ],
    "views are kept beyond hold, forgotten and kept again": [
        *[
            lambda side: (publish(side), take(side, 0, 1, keeps=True), side.readers[0].release()),
            lambda side: (publish(side), take(side, 1, 2, keeps=True)),
            lambda side: side.forget(0),
        ]
        * 20
    ],
    "releases come late, early and out of order": [
        lambda side: publish(side, 4),
        lambda side: take(side, 0, 3),
        *[lambda side, at=at: side.readers[0].release(at) for at in (2, 1, 99, 0, None)],
        lambda side: publish(side, 4),
    ],
}


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
def test_each_step_shows_the_same(program):
    name = f"rtmesh.{os.getuid()}.test-conformance.known-{os.getpid()}-{next(_numbers)}"
    layout = RingLayout(8, 64, READERS, 1)
    sides = Side(reference, name, layout), Side(shm, name, layout)
    try:
        for number, step in enumerate([start, *program]):
            expected, actual = [(outcome_of(step, side), side.observe()) for side in sides]
            assert actual == expected, f"step {number}"
    finally:
        for side in sides:
            side.close()
