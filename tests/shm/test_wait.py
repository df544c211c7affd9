"""Waiting: woken by what one waits for, by nothing else, and never too late."""

import contextlib
import threading
import time

import pytest

from rtmesh.shm import Reader, Writer, _native, wait
from tests.shm.conftest import PATIENCE_NS, reader, ring_of


@pytest.fixture(params=[True, False], ids=["waitv", "poll"])
def waitv(request):
    """Whether the kernel is taken to have FUTEX_WAITV."""
    _native.use_waitv(request.param)
    yield
    _native.use_waitv(True)


def in_thread(call):
    thread = threading.Thread(target=call)
    thread.start()
    return thread


def test_nothing_to_wait_for_is_a_timeout(name):
    ring_of(name, reader())
    block = Reader(name, 0)

    assert not wait([block], timeout_ns=0)
    assert not wait([block], timeout_ns=1_000_000, spin_ns=100_000)
    assert not wait(timeout_ns=1000)


def test_what_is_there_is_not_waited_for(name):
    ring_of(name, reader(queue=1))
    writer, block = Writer(name), Reader(name, 0)

    assert wait(writers=[writer])
    writer.try_publish(b"a", 0)
    assert wait([block])
    assert not wait(writers=[writer], timeout_ns=0)


@pytest.mark.parametrize("spin_ns", [0, 50_000])
def test_two_threads_in_step_lose_no_wake_up(name, spin_ns):
    ring_of(name, reader(queue=1))
    writer, block = Writer(name), Reader(name, 0)
    messages = 2000

    def write():
        for number in range(messages):
            while not writer.try_publish(b"%d" % number, 0):
                assert wait(writers=[writer], timeout_ns=PATIENCE_NS, spin_ns=spin_ns)

    thread = in_thread(write)
    for number in range(messages):
        while (view := block.try_take(0)) is None:
            assert wait([block], timeout_ns=PATIENCE_NS, spin_ns=spin_ns)
        assert bytes(view) == b"%d" % number
        del view
        block.release()
    thread.join()


def test_any_of_several_rings_wakes(name, waitv):
    for number in range(3):
        ring_of(f"{name}.{number}", reader())
    writers = [Writer(f"{name}.{number}") for number in range(3)]
    readers = [Reader(f"{name}.{number}", 0) for number in range(3)]

    for number in (2, 0, 1):
        thread = in_thread(lambda number=number: writers[number].try_publish(b"x", 0))
        assert wait(readers, timeout_ns=PATIENCE_NS)
        thread.join()
        assert readers[number].try_take(0) is not None


def test_more_rings_than_the_kernel_takes_at_once_still_wake(name):
    ring_of(name, *[reader() for _ in range(3)])
    readers = [Reader(name, index) for index in range(3)]
    writer = Writer(name)

    thread = in_thread(lambda: writer.try_publish(b"x", 0))
    assert wait(readers * 50, timeout_ns=PATIENCE_NS)
    thread.join()


def test_the_end_wakes(name):
    ring_of(name, reader())
    writer, block = Writer(name), Reader(name, 0)

    thread = in_thread(writer.end)
    assert wait([block], timeout_ns=PATIENCE_NS)
    thread.join()

    assert block.ended


@pytest.mark.parametrize("act", ["leave", "gone", "absent"])
def test_a_writer_wakes_when_its_holder_gives_up(name, act):
    ring = ring_of(name, reader(queue=1, hold_absent_ns=5_000_000))
    writer, block = Writer(name), Reader(name, 0)
    writer.try_publish(b"a", 0)
    give_up = {"leave": block.leave, "gone": lambda: ring.mark_gone(0), "absent": lambda: ring.mark_absent(0)}

    thread = in_thread(give_up[act])
    assert wait(writers=[writer], timeout_ns=PATIENCE_NS)
    thread.join()

    assert writer.try_publish(b"b", 0)


def test_a_wait_lets_other_threads_run(name):
    ring_of(name, reader())
    block = Reader(name, 0)
    ran = threading.Event()

    thread = in_thread(ran.set)
    assert not wait([block], timeout_ns=20_000_000)
    thread.join()

    assert ran.is_set()


def test_closing_under_a_wait_is_safe(name):
    ring_of(name, reader())
    block = Reader(name, 0)

    def wait_or_find_it_closed():
        with contextlib.suppress(ValueError):
            wait([block], timeout_ns=20_000_000)

    thread = in_thread(wait_or_find_it_closed)
    block.close()
    thread.join()

    with pytest.raises(ValueError, match="closed"):
        wait([block], timeout_ns=0)


def test_a_timeout_is_kept(name):
    ring_of(name, reader())
    block = Reader(name, 0)

    before = time.monotonic_ns()
    assert not wait([block], timeout_ns=30_000_000)

    assert time.monotonic_ns() - before >= 30_000_000


def test_only_readers_and_writers_can_be_waited_for(name):
    with pytest.raises(TypeError, match="readers and writers"):
        wait([name])


@pytest.mark.parametrize("spin_ns", [0, 50_000])
def test_next_waits_for_each_message_and_ends_with_the_stream(name, spin_ns):
    ring = ring_of(name, reader(queue=2))
    writer, block = Writer(name), Reader(name, 0)

    def write():
        for number in range(500):
            while not writer.try_publish(b"%d" % number, 0):
                wait(writers=[writer], timeout_ns=PATIENCE_NS)
        writer.end()

    thread = in_thread(write)
    taken = []
    while (view := block.next(PATIENCE_NS, spin_ns)) is not None:
        taken.append(bytes(view))
    thread.join()

    assert taken == [b"%d" % number for number in range(500)]
    assert block.ended
    assert ring.snapshot().readers[0].released == 500


def test_next_gives_up_at_its_timeout(name):
    ring_of(name, reader())
    writer, block = Writer(name), Reader(name, 0)
    writer.try_publish(b"a", 0)

    assert bytes(block.next(0)) == b"a"
    before = time.monotonic_ns()
    assert block.next(20_000_000) is None

    assert time.monotonic_ns() - before >= 20_000_000
    assert block.released == 1
    assert block.next(0) is None


def test_what_next_cannot_do_is_said(name):
    ring_of(name, reader())
    block = Reader(name, 0)

    with pytest.raises(TypeError, match="at most 2"):
        block.next(0, 0, 0)
    with pytest.raises(TypeError):
        block.next("soon")
    block.close()
    with pytest.raises(ValueError, match="closed"):
        block.next(0)
