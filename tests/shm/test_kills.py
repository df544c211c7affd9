"""kill -9 of a writer or a reader while it runs: nothing torn, accounts exact, the next one goes on."""

from rtmesh.shm import Policy, Reader, ReaderState, Writer, wait
from tests.shm.conftest import PATIENCE_NS, assert_account_is_exact, kill, reader, ring_of

WRITE = """
    import sys
    from rtmesh.shm import Writer, wait
    writer = Writer(sys.argv[1])
    while True:
        data = b"%d " % writer.head * 20
        while not writer.try_publish(data, writer.head, source_position=writer.head + 1, origin=7):
            wait(writers=[writer])
"""

READ = """
    import sys
    from rtmesh.shm import Reader, wait
    reader = Reader(sys.argv[1], int(sys.argv[2]))
    kept = []
    while True:
        while (view := reader.try_take(0)) is not None:
            assert bytes(view) == b"%d " % view.position * 20
            kept = [*kept[-2:], view]
            reader.release()
        wait([reader])
"""


def expected(position: int) -> bytes:
    return b"%d " % position * 20


def take(reader: Reader) -> bytes:
    while (view := reader.try_take(0)) is None:
        assert wait([reader], timeout_ns=PATIENCE_NS)
    assert bytes(view) == expected(view.position)
    reader.release()
    return bytes(view)


def publish(writer: Writer, count: int) -> None:
    for _ in range(count):
        while not writer.try_publish(expected(writer.head), writer.head, source_position=writer.head + 1):
            assert wait(writers=[writer], timeout_ns=PATIENCE_NS)


def test_killed_writers_have_published_whole_messages_or_nothing(name, spawn):
    ring = ring_of(name, reader(queue=8), reader(Policy.LATEST, queue=1), entries=8, budget_origins=(7,))
    block = Reader(name, 0)
    position = 0
    for epoch in range(1, 6):
        child = spawn(WRITE, name)
        for _ in range(500):
            assert take(block) == expected(position)
            position += 1
        kill(child)
        ring.writer_died(child.pid)
        while (view := block.try_take(0)) is not None:
            assert bytes(view) == expected(position)
            position += 1
        block.release()
        snapshot = ring.snapshot()
        assert (snapshot.head, snapshot.source_position, snapshot.epoch) == (position, position, epoch)
        assert snapshot.writer_pid == 0
        assert_account_is_exact(ring)

    writer = Writer(name)
    assert ring.snapshot().origin_ages[0].count == position
    publish(writer, 8)
    assert take(block) == expected(position)


def test_killed_readers_go_on_where_they_were_and_their_slots_come_back(name, spawn):
    ring = ring_of(name, reader(queue=4, hold=4), reader(Policy.DROP_OLDEST, queue=2), entries=4)
    writer = Writer(name)
    for _ in range(5):
        children = [spawn(READ, name, index) for index in range(2)]
        publish(writer, 500)
        for index, child in enumerate(children):
            kill(child)
            assert child.returncode == -9
            assert ring.mark_absent(index, child.pid)
        account = ring.snapshot().readers[0]
        assert account.state is ReaderState.ABSENT
        assert account.taken == account.start + account.delivered

    block, drop = Reader(name, 0), Reader(name, 1)
    assert_account_is_exact(ring)
    if block.available():
        assert block.try_take(0).position == account.taken
    while block.try_take(0) is not None or drop.try_take(0) is not None:
        pass
    block.release()
    account = ring.snapshot().readers[0]
    assert (account.delivered, sum(account.dropped.values())) == (2500, 0)
    publish(writer, 4)
    assert_account_is_exact(ring)


def test_a_dead_reader_that_nobody_marked_is_succeeded_in_its_seat(name, spawn):
    ring = ring_of(name, reader(queue=4), entries=4)
    writer = Writer(name)
    child = spawn(READ, name, 0)
    publish(writer, 100)
    kill(child)

    block = Reader(name, 0)

    assert not ring.mark_absent(0, child.pid)
    publish(writer, 4 - block.available())
    while block.try_take(0) is not None:
        pass
    assert block.taken == writer.head
    assert_account_is_exact(ring)


def test_a_dead_writer_that_nobody_buried_is_succeeded(name, spawn):
    ring = ring_of(name, reader(queue=8))
    block = Reader(name, 0)
    child = spawn(WRITE, name)
    take(block)
    kill(child)

    writer = Writer(name)

    assert not ring.writer_died(child.pid)
    assert (writer.epoch, writer.sequence) == (2, 1)


def test_the_tap_of_a_killed_process_is_free_again(name, spawn):
    ring = ring_of(name, spare_readers=1)
    child = spawn(
        """
        import sys
        from rtmesh.shm import Reader
        tap = Reader.tap(sys.argv[1])
        print("sits", flush=True)
        sys.stdin.read()
        """,
        name,
    )
    assert child.stdout.readline() == "sits\n"
    kill(child)
    (tap,) = ring.snapshot().readers
    assert tap.pid == child.pid

    assert ring.mark_gone(tap.index, child.pid)

    assert ring.snapshot().readers == ()
    Reader.tap(name)


def test_a_killed_sleeper_costs_nobody_anything(name, spawn):
    ring = ring_of(name, reader(queue=4), reader(queue=4))
    child = spawn(READ, name, 0)
    writer, other = Writer(name), Reader(name, 1)
    publish(writer, 3)
    for _ in range(3):
        take(other)
    kill(child)
    ring.mark_gone(0, child.pid)

    publish(writer, 4)

    assert [take(other) for _ in range(4)] == [expected(position) for position in range(3, 7)]
    assert_account_is_exact(ring)
