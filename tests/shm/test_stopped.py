"""SIGSTOP on a reader: one that drops slows nobody; one that blocks does, visibly, and can be cut off."""

import os
import select
import signal
import subprocess

import pytest

from rtmesh.shm import Policy, Reader, ReaderAttachedError, ReaderState, Writer, wait
from tests.shm.conftest import PATIENCE_NS, assert_account_is_exact, reader, ring_of

# Says what it holds, is stopped, and says what became of it.
HOLD = """
    import sys
    from rtmesh.shm import Reader, ReaderGoneError, wait
    reader = Reader(sys.argv[1], int(sys.argv[2]))
    while (view := reader.try_take(0)) is None:
        wait([reader])
    print("holds", view.position, flush=True)
    sys.stdin.readline()
    assert bytes(view) == b"%d " % view.position * 20, bytes(view)
    try:
        while (taken := reader.try_take(0)) is not None:
            assert bytes(taken) == b"%d " % taken.position * 20, bytes(taken)
            reader.release()
        print("goes on", flush=True)
    except ReaderGoneError:
        print("was gone", flush=True)
    assert bytes(view) == b"%d " % view.position * 20, bytes(view)
    sys.stdin.readline()
"""

# Takes as fast as it can, wherever it may be stopped.
READ = """
    import sys
    from rtmesh.shm import Reader, ReaderGoneError, wait
    reader = Reader(sys.argv[1], int(sys.argv[2]))
    print("sits", flush=True)
    try:
        while not reader.ended:
            while (view := reader.try_take(0)) is not None:
                assert bytes(view) == b"%d " % view.position * 20, bytes(view)
                reader.release()
            wait([reader])
        print("ended", flush=True)
    except ReaderGoneError:
        print("was gone", flush=True)
"""


def publish(writer: Writer) -> bool:
    return writer.try_publish(b"%d " % writer.head * 20, writer.head)


def stop(child: subprocess.Popen) -> None:
    """Stop a child, and wait until it stands still."""
    child.send_signal(signal.SIGSTOP)
    _, status = os.waitpid(child.pid, os.WUNTRACED)
    assert os.WIFSTOPPED(status)


def holder_of(spawn, name: str, index: int) -> subprocess.Popen:
    """A child that holds message 0 and is stopped."""
    child = spawn(HOLD, name, index)
    assert child.stdout.readline() == "holds 0\n"
    stop(child)
    return child


def go_on(child: subprocess.Popen) -> str:
    """What a stopped child says when it goes on."""
    child.send_signal(signal.SIGCONT)
    child.stdin.write("\n")
    child.stdin.flush()
    return child.stdout.readline().strip()


def leave(child: subprocess.Popen) -> None:
    child.stdin.write("\n")
    child.stdin.flush()
    assert child.wait(timeout=20) == 0


@pytest.mark.parametrize("policy", [Policy.DROP_OLDEST, Policy.LATEST])
def test_a_stopped_dropping_reader_never_slows_the_writer(name, spawn, policy):
    ring = ring_of(name, reader(policy, queue=1 if policy is Policy.LATEST else 4), entries=4)
    writer = Writer(name)
    publish(writer)
    child = holder_of(spawn, name, 0)

    published = [publish(writer) for _ in range(10_000)]

    assert all(published)
    assert writer.holding() is None
    assert not ring.snapshot().readers[0].is_holding
    assert_account_is_exact(ring)
    assert go_on(child) == "goes on"
    account = ring.snapshot().readers[0]
    assert account.taken == 10_001
    assert account.delivered + sum(account.dropped.values()) == 10_001
    leave(child)


def test_a_stopped_block_reader_holds_the_writer_and_everyone_can_see_it(name, spawn):
    ring = ring_of(name, reader(queue=4), reader(Policy.LATEST, queue=1), entries=8)
    writer = Writer(name)
    publish(writer)
    child = holder_of(spawn, name, 0)

    published = [publish(writer) for _ in range(10)]

    assert published == [True] * 3 + [False] * 7
    assert writer.holding() == 0
    account = ring.snapshot().readers[0]
    assert (account.is_holding, account.pid, account.state) == (True, child.pid, ReaderState.ATTACHED)
    assert not ring.snapshot().readers[1].is_holding
    assert go_on(child) == "goes on"
    assert publish(writer)
    assert_account_is_exact(ring)
    leave(child)


def test_a_stopped_block_reader_that_is_cut_off_frees_the_writer_and_learns_it(name, spawn):
    ring = ring_of(name, reader(queue=4), entries=4)
    writer = Writer(name)
    publish(writer)
    child = holder_of(spawn, name, 0)
    while publish(writer):
        continue

    assert ring.mark_gone(0, child.pid)

    assert wait(writers=[writer], timeout_ns=PATIENCE_NS)
    assert all(publish(writer) for _ in range(1_000))
    account = ring.snapshot().readers[0]
    assert (account.state, account.pid) == (ReaderState.GONE, child.pid)
    assert (account.delivered, account.dropped["reader_gone"]) == (1, 1_003)
    assert go_on(child) == "was gone"
    assert_account_is_exact(ring)
    leave(child)


def test_nobody_sits_down_in_the_seat_of_a_stopped_reader_before_it_is_dead(name, spawn):
    ring = ring_of(name, reader(queue=4), entries=4)
    writer = Writer(name)
    publish(writer)
    child = holder_of(spawn, name, 0)
    ring.mark_gone(0, child.pid)
    with pytest.raises(ReaderAttachedError):
        Reader(name, 0)

    child.kill()
    child.wait(timeout=20)
    successor = Reader(name, 0)

    assert publish(writer)
    assert bytes(successor.try_take(0)) == b"1 " * 20
    assert_account_is_exact(ring)


def test_a_stopped_reader_that_another_process_replaced_is_not_cut_off(name, spawn):
    ring = ring_of(name, reader(queue=4), entries=4)
    writer = Writer(name)
    publish(writer)
    child = holder_of(spawn, name, 0)

    assert not ring.mark_gone(0, child.pid + 1)

    assert ring.snapshot().readers[0].state is ReaderState.ATTACHED
    assert go_on(child) == "goes on"
    leave(child)


@pytest.mark.parametrize("policy", list(Policy))
def test_readers_stopped_anywhere_read_no_torn_message_when_they_go_on(name, spawn, policy):
    ring = ring_of(name, reader(policy, queue=1 if policy is Policy.LATEST else 4), entries=4)
    writer = Writer(name)
    child = spawn(READ, name, 0)
    assert child.stdout.readline() == "sits\n"
    for _ in range(100):
        for _ in range(8):
            if not publish(writer):
                assert wait(writers=[writer], timeout_ns=PATIENCE_NS)
        stop(child)
        refused = [publish(writer) for _ in range(50)].count(False)
        assert (refused > 0) == (policy is Policy.BLOCK)
        child.send_signal(signal.SIGCONT)

    stop(child)
    ring.mark_gone(0, child.pid)
    child.send_signal(signal.SIGCONT)
    for _ in range(2_000):  # in the middle of a take it finds nothing any more, and learns it by the next
        assert publish(writer)
        if select.select([child.stdout], [], [], 0.01)[0]:
            break

    assert child.stdout.readline() == "was gone\n"
    assert child.wait(timeout=20) == 0
    assert_account_is_exact(ring)
