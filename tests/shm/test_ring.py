"""What a writer and its readers see of each other: policies, positions, accounts."""

import pytest

from rtmesh.shm import (
    MessageTooLargeError,
    NoSpareReaderError,
    Policy,
    Reader,
    ReaderAttachedError,
    ReaderGoneError,
    ReaderState,
    Ring,
    StreamEndedError,
    Writer,
    WriterAttachedError,
)
from tests.shm.conftest import assert_account_is_exact, reader, ring_of


def take_all(reader: Reader, now_ns: int = 0) -> list[bytes]:
    messages = []
    while (view := reader.try_take(now_ns)) is not None:
        messages.append(bytes(view))
    return messages


def publish(writer: Writer, *messages: bytes) -> None:
    for number, message in enumerate(messages):
        assert writer.try_publish(message, number)


def test_a_block_reader_gets_every_message_in_order(name):
    ring_of(name, reader(queue=4))
    writer, block = Writer(name), Reader(name, 0)

    publish(writer, b"a", b"b", b"c")

    assert take_all(block) == [b"a", b"b", b"c"]
    assert (block.taken, block.released, block.available()) == (3, 0, 0)


def test_a_full_ring_refuses_and_changes_nothing(name):
    ring = ring_of(name, reader(queue=2))
    writer, block = Writer(name), Reader(name, 0)
    publish(writer, b"a", b"b")
    before = ring.snapshot()

    assert not writer.try_publish(b"one more", 0)
    assert writer.try_claim(1) is None

    assert (ring.snapshot().head, ring.snapshot().last_time_ns) == (before.head, before.last_time_ns)
    assert writer.holding() == 0
    assert ring.snapshot().readers[0].is_holding
    assert take_all(block) == [b"a", b"b"]


def test_a_writer_goes_on_when_its_slowest_block_reader_has_released(name):
    ring_of(name, reader(queue=2), reader(queue=2))
    writer, quick, slow = Writer(name), Reader(name, 0), Reader(name, 1)
    publish(writer, b"a", b"b")
    take_all(quick)
    quick.release()
    assert writer.holding() == 1

    slow.try_take(0)
    slow.release()

    assert writer.holding() is None
    publish(writer, b"c")


def test_release_below_a_position_keeps_the_rest(name):
    ring_of(name, reader(queue=4))
    writer, block = Writer(name), Reader(name, 0)
    publish(writer, b"a", b"b", b"c")
    take_all(block)

    block.release(2)

    assert block.released == 2
    assert bytes(block.view_at(2)) == b"c"
    assert block.view_at(1) is None


def test_drop_oldest_sees_at_most_its_queue_newest(name):
    ring = ring_of(name, reader(Policy.DROP_OLDEST, queue=2), entries=8)
    writer, drop = Writer(name), Reader(name, 0)

    publish(writer, b"a", b"b", b"c", b"d", b"e")

    assert drop.available() == 2
    assert take_all(drop) == [b"d", b"e"]
    assert ring.snapshot().readers[0].dropped == {"queue_full": 3, "superseded": 0, "reader_gone": 0}
    assert_account_is_exact(ring)


def test_latest_sees_the_newest_once(name):
    ring = ring_of(name, reader(Policy.LATEST, queue=1))
    writer, latest = Writer(name), Reader(name, 0)

    publish(writer, b"a", b"b", b"c")

    assert take_all(latest) == [b"c"]
    assert ring.snapshot().readers[0].dropped["superseded"] == 2
    assert_account_is_exact(ring)


def test_dropping_readers_never_hold_the_writer(name):
    ring = ring_of(name, reader(Policy.DROP_OLDEST, queue=8), reader(Policy.LATEST, queue=1), entries=8)
    writer, drop = Writer(name), Reader(name, 0)

    publish(writer, *[b"%d" % i for i in range(100)])

    assert take_all(drop) == [b"%d" % i for i in range(92, 100)]
    assert_account_is_exact(ring)


def test_a_claim_is_filled_in_place_and_aligned_where_asked(name):
    np = pytest.importorskip("numpy")
    ring_of(name, reader())
    writer, block = Writer(name), Reader(name, 0)

    claim = writer.try_claim(100, align_at=57)
    assert (np.frombuffer(claim, np.uint8).ctypes.data + 57) % 64 == 0
    claim[:] = bytes(range(100))
    position = writer.commit(12, source_position=34)

    view = block.try_take(20)
    assert (position, len(claim), bytes(view)) == (0, 100, bytes(range(100)))
    assert (view.position, view.publish_time_ns, view.epoch, view.source_position) == (0, 12, 1, 34)
    assert np.frombuffer(view, np.uint8)[56:].ctypes.data % 64 == 63


def test_a_second_claim_replaces_the_first_and_an_aborted_one_leaves_nothing(name):
    ring_of(name, reader())
    writer, block = Writer(name), Reader(name, 0)
    writer.try_claim(10)
    writer.try_claim(2)[:] = b"ok"
    writer.commit(1)
    writer.try_claim(3)
    writer.abort()

    with pytest.raises(RuntimeError, match="try_claim"):
        writer.commit(2)

    assert take_all(block) == [b"ok"]
    assert writer.head == 1


def test_a_message_longer_than_a_slot_is_refused_by_both_numbers(name):
    ring_of(name, reader(), slot_bytes=256)
    writer = Writer(name)

    with pytest.raises(MessageTooLargeError, match=r"257 bytes.* 256"):
        writer.try_publish(bytes(257), 0)

    assert writer.try_publish(bytes(256), 0)
    assert len(writer.try_claim(256, align_at=1)) == 256


def test_an_empty_message_is_a_message(name):
    ring_of(name, reader())
    writer, block = Writer(name), Reader(name, 0)

    publish(writer, b"")

    assert take_all(block) == [b""]


def test_sequence_counts_from_one_in_each_epoch(name):
    ring_of(name, reader(queue=8))
    first = Writer(name)
    publish(first, b"a", b"b")
    assert (first.epoch, first.sequence) == (1, 3)
    first.close()

    second = Writer(name)
    assert (second.epoch, second.sequence, second.head) == (2, 1, 2)
    publish(second, b"c")
    second.close()

    same = Writer(name, epoch=2)
    assert (same.epoch, same.sequence) == (2, 2)
    same.close()
    assert Writer(name, epoch=7).sequence == 1


def test_the_stream_ends_for_a_reader_once_it_has_taken_everything(name):
    ring = ring_of(name, reader())
    writer, block = Writer(name), Reader(name, 0)
    publish(writer, b"last")

    writer.end()

    assert writer.ended and ring.snapshot().ended and not block.ended
    assert take_all(block) == [b"last"]
    assert block.ended
    with pytest.raises(StreamEndedError, match="ended"):
        writer.try_publish(b"too late", 0)


def test_an_end_outlives_the_writer_and_is_seen_by_the_next(name):
    ring_of(name, reader())
    writer = Writer(name)
    writer.end()
    writer.close()

    assert Writer(name).ended


def test_one_writer_and_one_process_a_seat(name):
    ring_of(name, reader())
    writer, block = Writer(name), Reader(name, 0)

    with pytest.raises(WriterAttachedError, match="process"):
        Writer(name)
    with pytest.raises(ReaderAttachedError, match="reader 0"):
        Reader(name, 0)
    writer.close()
    block.close()

    Writer(name)
    Reader(name, 0)


def test_a_reader_that_comes_back_goes_on_at_its_old_taken_position(name):
    ring = ring_of(name, reader(queue=4))
    writer, block = Writer(name), Reader(name, 0)
    publish(writer, b"a", b"b", b"c")
    block.try_take(0)
    block.close()
    ring.mark_absent(0)
    assert ring.snapshot().readers[0].state is ReaderState.ABSENT

    again = Reader(name, 0)

    assert take_all(again) == [b"b", b"c"]
    assert_account_is_exact(ring)


def test_what_was_taken_and_not_released_can_be_kept_for_the_next(name):
    ring_of(name, reader(queue=4))
    writer, block = Writer(name), Reader(name, 0)
    publish(writer, b"a", b"b")
    take_all(block)
    block.close()

    again = Reader(name, 0, keep_unreleased=True)

    assert (again.released, again.taken) == (0, 2)
    assert bytes(again.view_at(0)) == b"a"
    again.close()
    assert Reader(name, 0).released == 2


def test_a_reader_that_never_was_there_holds_without_limit(name):
    ring = ring_of(name, reader(queue=1, hold_absent_ns=0))
    writer = Writer(name)
    publish(writer, b"a")

    assert not writer.try_publish(b"b", 0)
    assert ring.snapshot().readers[0].state is ReaderState.ABSENT


def test_an_absent_reader_whose_time_is_over_is_gone_and_its_backlog_dropped(name):
    ring = ring_of(name, reader(queue=2, hold_absent_ns=0))
    writer, block = Writer(name), Reader(name, 0)
    publish(writer, b"a", b"b")
    block.try_take(0)
    block.close()
    ring.mark_absent(0)

    publish(writer, b"c")

    account = ring.snapshot().readers[0]
    assert account.state is ReaderState.GONE
    assert (account.delivered, account.dropped["reader_gone"], account.taken) == (1, 2, 3)
    assert_account_is_exact(ring)


def test_an_absent_reader_holds_within_its_time(name):
    ring = ring_of(name, reader(queue=1, hold_absent_ns=3_600_000_000_000))
    writer, block = Writer(name), Reader(name, 0)
    publish(writer, b"a")
    block.close()
    ring.mark_absent(0)

    assert not writer.try_publish(b"b", 0)
    assert ring.snapshot().readers[0].is_holding


def test_a_reader_back_from_gone_starts_at_head(name):
    ring = ring_of(name, reader(queue=2))
    writer, block = Writer(name), Reader(name, 0)
    publish(writer, b"a", b"b")
    block.close()
    ring.mark_gone(0)
    publish(writer, b"c", b"d", b"e")

    again = Reader(name, 0)
    publish(writer, b"f")

    assert take_all(again) == [b"f"]
    assert ring.snapshot().readers[0].dropped["reader_gone"] == 5
    assert_account_is_exact(ring)


def test_a_reader_that_leaves_frees_its_writer(name):
    ring = ring_of(name, reader(queue=1))
    writer, block = Writer(name), Reader(name, 0)
    publish(writer, b"a")

    block.leave()

    publish(writer, b"b", b"c")
    assert ring.snapshot().readers[0].state is ReaderState.GONE
    assert ring.snapshot().readers[0].dropped["reader_gone"] == 3
    assert_account_is_exact(ring)


def test_a_living_reader_marked_gone_is_told(name):
    ring = ring_of(name, reader())
    writer, block = Writer(name), Reader(name, 0)
    ring.mark_gone(0)
    publish(writer, b"a")

    with pytest.raises(ReaderGoneError, match="attach it again"):
        block.try_take(0)


def test_a_reader_that_is_cut_off_is_absent_until_it_says_it_is_back(name):
    ring = ring_of(name, reader(queue=1, hold_absent_ns=0))
    writer, block = Writer(name), Reader(name, 0)
    publish(writer, b"a")
    block.set_absent()
    block.set_attached()
    assert not writer.try_publish(b"b", 0)

    block.set_absent()
    publish(writer, b"b")
    block.set_attached()

    assert ring.snapshot().readers[0].state is ReaderState.ATTACHED
    assert (block.taken, block.available()) == (2, 0)
    assert_account_is_exact(ring)


def test_marking_names_the_process_so_a_successor_is_left_alone(name):
    ring = ring_of(name, reader())
    Writer(name).close()
    writer, block = Writer(name), Reader(name, 0)

    assert not ring.mark_absent(0, pid=1)
    assert not ring.mark_gone(0, pid=1)
    assert not ring.writer_died(pid=1)

    assert ring.snapshot().readers[0].state is ReaderState.ATTACHED
    publish(writer, b"a")
    assert take_all(block) == [b"a"]


def test_the_manager_ends_the_stream_of_a_writer_that_left(name):
    ring = ring_of(name, reader())
    writer, block = Writer(name), Reader(name, 0)
    publish(writer, b"a")
    with pytest.raises(WriterAttachedError):
        ring.end()
    writer.close()

    ring.end()

    assert take_all(block) == [b"a"] and block.ended
    assert ring.snapshot().epoch == 1


def test_a_tap_starts_at_head_and_frees_its_seat_when_it_leaves(name):
    ring = ring_of(name, reader(queue=8), spare_readers=1)
    writer = Writer(name)
    publish(writer, b"before")
    tap = Reader.tap(name, queue=2, name_="echo")
    with pytest.raises(NoSpareReaderError, match="1 spare"):
        Reader.tap(name)

    publish(writer, b"a", b"b", b"c")

    account = ring.snapshot().readers[1]
    assert (account.name, account.index, account.start) == ("echo", 1, 1)
    assert take_all(tap) == [b"b", b"c"]
    assert_account_is_exact(ring)
    tap.leave()
    assert len(ring.snapshot().readers) == 1
    again = Reader.tap(name)
    assert (again.start, again.snapshot().delivered) == (4, 0)


def test_latency_and_the_age_of_origins_are_counted(name):
    ring = ring_of(name, reader(queue=8), budget_origins=(5, 6))
    writer, block = Writer(name), Reader(name, 0)

    writer.try_publish(b"a", 1_000_000, origin=6, origin_time_ns=500_000)
    writer.try_publish(b"b", 2_000_000, origin=9, origin_time_ns=1)
    writer.try_publish(b"c", 3_000_000)
    take_all(block, now_ns=4_000_000)

    snapshot = ring.snapshot()
    assert [age.count for age in snapshot.origin_ages] == [0, 1]
    assert snapshot.origin_ages[1].percentile_ns(0.5) == pytest.approx(500_000, rel=0.03)
    assert snapshot.readers[0].latency.max_ns == 3_000_000
    assert snapshot.readers[0].latency.percentile_ns(0.5) == pytest.approx(2_000_000, rel=0.03)
    assert (snapshot.first_time_ns, snapshot.last_time_ns) == (1_000_000, 3_000_000)


def test_the_source_position_moves_with_messages_and_without(name):
    ring = ring_of(name, reader())
    writer = Writer(name)

    writer.try_publish(b"a", 0, source_position=5)
    assert ring.snapshot().source_position == 5
    writer.skip_to(9)

    assert ring.snapshot().source_position == writer.source_position == 9
    assert ring.snapshot().head == 1


def test_words_are_the_users(name):
    ring = ring_of(name, reader())
    writer = Writer(name)

    writer.set_word(0, 2**64 - 1)
    writer.add_word(7, 2)
    writer.add_word(7, 3)

    assert ring.snapshot().words == (2**64 - 1, 0, 0, 0, 0, 0, 0, 5)
    with pytest.raises(IndexError, match="word 8"):
        writer.set_word(8, 1)


def test_what_is_closed_says_so(name):
    ring = ring_of(name, reader())
    writer, block = Writer(name), Reader(name, 0)
    writer.close()
    block.close()
    ring.close()

    for call in (
        lambda: writer.try_publish(b"a", 0),
        lambda: block.try_take(0),
        block.snapshot,
        ring.snapshot,
    ):
        with pytest.raises(ValueError, match="closed"):
            call()
    assert Ring.open(name).layout == ring.layout
