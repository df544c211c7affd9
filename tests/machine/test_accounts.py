"""The account that is reported says what the ring's header says."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from rtmesh.machine.accounts import latency_summary, ring_account
from rtmesh.machine.rings import ring_layout
from rtmesh.shm import Policy, Reader, Ring, Writer, create_ring, segment_name
from rtmesh.v1 import graph_pb2, plan_pb2, status_pb2

MICROSECOND_NS = 1000
ORIGIN = 77


@pytest.fixture
def plan() -> plan_pb2.RingPlan:
    readers = [
        plan_pb2.ReaderPlan(name="b.in", when_full=graph_pb2.WHEN_FULL_BLOCK, queue=8, hold=4),
        plan_pb2.ReaderPlan(name="c.in", when_full=graph_pb2.WHEN_FULL_LATEST, queue=1, hold_absent_ms=5),
    ]
    return plan_pb2.RingPlan(
        name="a.out",
        entries=16,
        slot_bytes=1024,
        readers=readers,
        spare_readers=2,
        budget_origins=[ORIGIN],
    )


@pytest.fixture
def ring(plan: plan_pb2.RingPlan) -> Iterator[Ring]:
    ring = create_ring(segment_name("solo", "accounts", "a.out"), ring_layout(plan))
    yield ring
    ring.unlink()
    ring.close()


def test_a_plan_becomes_a_layout(plan):
    layout = ring_layout(plan)

    block, latest = layout.readers
    assert (layout.entries, layout.slot_bytes, layout.spare_readers) == (16, 1024, 2)
    assert tuple(layout.budget_origins) == (ORIGIN,)
    assert (block.name, block.policy, block.queue, block.hold) == ("b.in", Policy.BLOCK, 8, 4)
    assert (latest.policy, latest.hold_absent_ns) == (Policy.LATEST, 5_000_000)


def test_an_account_tells_positions_counts_and_times(ring):
    writer, block, latest = Writer(ring.name), Reader(ring.name, 0), Reader(ring.name, 1)
    for number in range(3):
        time_ns = 1000 + number
        assert writer.try_publish(b"x", time_ns, origin=ORIGIN, origin_time_ns=time_ns - 50 * MICROSECOND_NS)
    assert latest.try_take(1002 + 20 * MICROSECOND_NS) is not None
    assert block.try_take(1000 + 10 * MICROSECOND_NS) is not None
    block.release()

    account = ring_account("a.out", ring.snapshot(), reader_count=2)

    first, second = account.readers
    assert (account.name, account.head, account.epoch, account.ended) == ("a.out", 3, 1, False)
    assert (account.first_time_ns, account.last_time_ns) == (1000, 1002)
    assert (first.name, first.start, first.taken, first.released, first.delivered) == ("b.in", 0, 1, 1, 1)
    assert first.state == status_pb2.READER_STATE_ATTACHED
    assert first.latency.p99_us == pytest.approx(10, rel=0.03)
    assert (second.taken, second.delivered, dict(second.dropped)) == (3, 1, {"superseded": 2})
    assert second.latency.max_us == pytest.approx(20, rel=0.03)
    (ages,) = account.origin_ages
    assert (ages.count, ages.p50_us) == (3, pytest.approx(50, rel=0.03))
    for party in (writer, block, latest):
        party.close()


def test_a_tap_is_no_part_of_the_account(ring):
    tap = Reader.tap(ring.name)

    account = ring_account("a.out", ring.snapshot(), reader_count=2)

    assert [reader.name for reader in account.readers] == ["b.in", "c.in"]
    tap.leave()
    tap.close()


def test_nothing_measured_is_all_zero(ring):
    histogram = ring.snapshot().readers[0].latency

    assert latency_summary(histogram) == status_pb2.LatencySummary()
